"""A hub that is killed and restarted."""

import http.client
import json
import os
import subprocess
import time

PATIENCE = 30.0


def within(seconds, what, done):
    """Asks again and again until it is so, and returns what was said then."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if said := done():
            return said
        time.sleep(0.02)
    raise AssertionError(f'{what}: not within {seconds} s')


def ask(host, port, method, target, body=None, timeout=5.0, **fields):
    """The status and the content."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, target, body, fields)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def poll(host, port, channel, after):
    """What is kept after an id, as pairs of id and data, whether something is missing, and what to ask for next."""
    status, text = ask(host, port, 'GET', f'/events/{channel}?after={after}')
    assert status == 200, (status, text)
    said = json.loads(text)
    return [(event['id'], event['data']) for event in said['events']], 'gap' in said, said['after']


def poll_all(host, port, channel):
    events, after = [], 'oldest'
    while True:
        more, gap, after = poll(host, port, channel, after)
        if not more:
            return events
        assert not gap, 'the log has moved on meanwhile'
        events += more


class Hub:
    """`goldcrest serve` on a port of its own."""

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
        assert self.process.poll() is None, 'the hub has ended'
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
        status, said = ask('127.0.0.1', self.port, 'POST', f'/events/{channel}', text, **{'Content-Type': 'text/plain', **fields})
        assert status in (201, 202), (status, said)
        return json.loads(said)['id']
