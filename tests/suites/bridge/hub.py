"""A hub process that can be killed and restarted."""

import http.client
import json
import os
import subprocess
import time

PATIENCE = 30.0


def within(seconds, condition, done):
    """Calls `done` until it returns a true value, and returns that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := done():
            return result
        time.sleep(0.02)
    raise AssertionError(f'expected within {seconds} s: {condition}')


def ask(host, port, method, target, body=None, timeout=5.0, **fields):
    """The status and the body of the response."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, target, body, fields)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def poll(host, port, channel, after):
    """The events after an id as pairs of id and data; whether there is a gap; the cursor for the next poll."""
    status, text = ask(host, port, 'GET', f'/events/{channel}?after={after}')
    assert status == 200, (status, text)
    body = json.loads(text)
    return [(event['id'], event['data']) for event in body['events']], 'gap' in body, body['after']


def poll_all(host, port, channel):
    events, after = [], 'oldest'
    while True:
        more, gap, after = poll(host, port, channel, after)
        if not more:
            return events
        assert not gap, 'expected no gap: events were overwritten between two polls'
        events += more


class Hub:
    """`goldcrest serve` on its own port."""

    running = set()

    def __init__(self, port, *options):
        self.port = port
        self.options = [os.environ['GOLDCREST'], 'serve', '--listen', f'127.0.0.1:{port}', *options]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.options, stderr=subprocess.DEVNULL)
        self.running.add(self)
        within(PATIENCE, 'the hub listens', self.listens)
        return self

    def listens(self):
        assert self.process.poll() is None, f'the hub ended with status {self.process.poll()}'
        try:
            return ask('127.0.0.1', self.port, 'GET', '/events/nothing')[0]
        except OSError:
            return None

    def kill(self):
        self.running.discard(self)
        self.process.kill()
        self.process.wait()

    def events(self, channel):
        return poll_all('127.0.0.1', self.port, channel)

    def publish(self, channel, text, **fields):
        status, body = ask('127.0.0.1', self.port, 'POST', f'/events/{channel}', text, **{'Content-Type': 'text/plain', **fields})
        assert status in (201, 202), (status, body)
        return json.loads(body)['id']
