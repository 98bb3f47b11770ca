"""Python's clients for event streams and for lines, and the encoding of their publications.

With keep-alives each client returns events only, and each line is JSON. The server has to send a keep-alive each second:
tests/suites/clients/run starts one that does.
"""

import gzip
import http.client
import json
import os
import queue
import threading
import time
import urllib.request
from itertools import count
from urllib.parse import quote, urlsplit

import httpx
import jsonlines
import requests
from httpx_sse import connect_sse
from sseclient import SSEClient

BASE = os.environ['GOLDCREST_URL'].rstrip('/')
# http.client and urllib accept ASCII only.
PREFIX = quote(os.environ.get('CHANNEL_PREFIX', ''))
PATIENCE = 30
NUMBERS = count()


def channel():
    return f'{BASE}/events/{PREFIX}streams-python-{os.getpid()}-{next(NUMBERS)}'


def publish(url, data):
    answer = requests.post(url, data=data.encode(), headers={'content-type': 'text/plain'}, timeout=PATIENCE)
    assert answer.status_code in (201, 202), answer
    return answer.status_code, answer.json()['id']


class KeepAlives:
    """Counts the keep-alives of a stream, on another connection."""

    def __init__(self, url, accept):
        self.seen = queue.Queue()
        self.answer = requests.get(url, headers={'accept': accept}, stream=True, timeout=PATIENCE)
        threading.Thread(target=self.count, daemon=True).start()

    def count(self):
        for line in self.answer.iter_lines(chunk_size=1):
            if line == b':' or line.startswith(b'{"after":'):
                self.seen.put(line)

    def wait(self, number):
        for _ in range(number):
            self.seen.get(timeout=PATIENCE)


def httpx_sse(url, fields):
    client = httpx.Client(timeout=PATIENCE)
    with connect_sse(client, 'GET', url, headers=fields) as source:
        for event in source.iter_sse():
            yield event.id, event.data


def sseclient_py(url, fields):
    answer = requests.get(url, headers={'accept': 'text/event-stream', **fields}, stream=True, timeout=PATIENCE)
    for event in SSEClient(answer).events():
        yield event.id, event.data


def iter_lines(url, fields):
    answer = requests.get(url, headers={'accept': 'application/x-ndjson', **fields}, stream=True, timeout=PATIENCE)
    # By single bytes: by default it waits for 512 bytes.
    for line in answer.iter_lines(chunk_size=1):
        item = json.loads(line)
        if 'id' in item:
            yield item['id'], item['data']


def json_lines(url, fields):
    answer = requests.get(url, headers={'accept': 'application/x-ndjson', **fields}, stream=True, timeout=PATIENCE)
    for item in jsonlines.Reader(answer.iter_lines(chunk_size=1, decode_unicode=True)):
        if 'id' in item:
            yield item['id'], item['data']


READERS = [httpx_sse, sseclient_py, iter_lines, json_lines]
# Clients that report every block, so the first one without data too; see the README.
REPORTS_EMPTY_BLOCKS = [httpx_sse]


def reports_events_only(reader, resumes):
    """Reads over several keep-alives, with a Last-Event-ID or without."""
    url = channel()
    _, before = publish(url, 'before')
    accept = 'application/x-ndjson' if reader in (iter_lines, json_lines) else 'text/event-stream'
    seen = queue.Queue()

    def read():
        try:
            for item in reader(url, {'last-event-id': before} if resumes else {}):
                seen.put(item)
        except Exception as error:
            seen.put(error)

    threading.Thread(target=read, daemon=True).start()
    deadline = time.monotonic() + PATIENCE
    status, first = publish(url, '0')
    while status == 202 and not resumes:
        assert time.monotonic() < deadline, f'expected a subscriber within {PATIENCE} s'
        status, first = publish(url, '0')
    expected = [(first, '0')]
    keep_alives = KeepAlives(url, accept)
    for number in ('1', '2'):
        keep_alives.wait(3)
        expected.append((publish(url, number)[1], number))
    got = []
    while not got or got[-1] != expected[-1]:
        item = seen.get(timeout=PATIENCE)
        assert not isinstance(item, Exception), (reader.__name__, got, item)
        got.append(item)
    if reader in REPORTS_EMPTY_BLOCKS and not resumes:
        assert got[0][1] == '', got
        del got[0]
    assert got == expected, (reader.__name__, resumes, got, expected)
    assert all(isinstance(json.loads(data), int) for _, data in got)


def first_event(url, before):
    """The type and data of the first event after `before`, in an event stream."""
    with connect_sse(httpx.Client(timeout=PATIENCE), 'GET', url, headers={'last-event-id': before}) as source:
        event = next(source.iter_sse())
        return event.event, event.data


def by_requests(url, data):
    return requests.post(url, data=data, timeout=PATIENCE).json()


def by_httpx(url, data):
    return httpx.post(url, content=data, timeout=PATIENCE).json()


def by_http_client(url, data):
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.netloc, timeout=PATIENCE)
    connection.request('POST', at.path, body=data)
    return json.loads(connection.getresponse().read())


def by_urllib(url, data):
    data = data.encode() if isinstance(data, str) else data
    with urllib.request.urlopen(url, data=data, timeout=PATIENCE) as answer:
        return json.loads(answer.read())


def publishes_text():
    """UTF-8 with each client's default content type arrives as text, other bytes as base64."""
    for by in (by_requests, by_httpx, by_http_client, by_urllib):
        for data in ('{"celsius":21.5}', 'grün'.encode()):
            url = channel()
            _, before = publish(url, 'before')
            answer = by(url, data)
            text = data if isinstance(data, str) else data.decode()
            assert answer['encoding'] == 'text', (by.__name__, answer)
            assert first_event(url, before) == ('message', text), by.__name__
    for by in (by_requests, by_httpx, by_http_client):
        url = channel()
        _, before = publish(url, 'before')
        answer = by(url, b'\xff\x00')
        assert answer['encoding'] == 'base64', (by.__name__, answer)
        assert first_event(url, before) == ('message;base64', '/wA='), by.__name__


def compressed_bodies_are_rejected():
    url = channel()
    fields = {'content-encoding': 'gzip', 'content-type': 'application/json'}
    for post in (requests.post, httpx.post):
        answer = post(url, headers=fields, timeout=PATIENCE, **{'data' if post is requests.post else 'content': gzip.compress(b'{}')})
        assert (answer.status_code, answer.headers['accept-encoding']) == (415, 'identity'), answer
    assert requests.get(url, timeout=PATIENCE).json()['events'] == []


def main():
    failures = []

    def attempt(check, *arguments):
        try:
            check(*arguments)
        except Exception as error:
            names = ' '.join(getattr(it, '__name__', str(it)) for it in (check, *arguments))
            failures.append(f'{names}: {type(error).__name__}: {error}')

    checks = [(reports_events_only, reader, resumes) for reader in READERS for resumes in (False, True)]
    checks += [(publishes_text,), (compressed_bodies_are_rejected,)]
    threads = [threading.Thread(target=attempt, args=check) for check in checks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        print(f'streams: FAILED: {failure}')
    if failures:
        # Not sys.exit: threads still read.
        os._exit(1)
    print(f'streams: {len(READERS)} Python readers returned events only, with keep-alives; 4 clients published text as text')
    os._exit(0)


main()
