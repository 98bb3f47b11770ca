"""The Python packages `websockets` and `httpx-sse`, and httpx itself: subscribe, publish, resume."""

import json
import os
import time
from itertools import count

import httpx
from httpx_sse import connect_sse
from websockets.sync.client import connect

BASE = os.environ['GOLDCREST_URL']
PREFIX = os.environ.get('CHANNEL_PREFIX', '')
PATIENCE = 15
CLIENT = httpx.Client(base_url=BASE, timeout=PATIENCE)
NUMBERS = count()


def channel():
    return f'/events/{PREFIX}python-{os.getpid()}-{next(NUMBERS)}'


def publish(path, data):
    response = CLIENT.post(path, content=data, headers={'content-type': 'text/plain'})
    assert response.status_code in (201, 202), response
    return response.json()['id']


def poll(path, after):
    """The ids of events, polled until there are some."""
    deadline = time.monotonic() + PATIENCE
    while True:
        response = CLIENT.get(path, params={'after': after} if after else {}).json()
        yield from (event['id'] for event in response['events'])
        after = response['after']
        assert time.monotonic() < deadline, f'expected an event within {PATIENCE} s'


def longpoll(path, after):
    while True:
        response = CLIENT.get(path, params={'after': after}, headers={'prefer': 'wait=10'})
        assert response.headers['preference-applied'] == 'wait=10', response.headers
        yield from (event['id'] for event in response.json()['events'])
        after = response.json()['after']


def stream(path, after):
    headers = {'accept': 'application/x-ndjson'}
    with CLIENT.stream('GET', path, params={'after': after}, headers=headers) as response:
        assert response.status_code == 200, response
        for line in response.iter_lines():
            if (item := json.loads(line)).get('id'):
                yield item['id']


def sse(path, after):
    with connect_sse(CLIENT, 'GET', path, params={'after': after}) as source:
        for event in source.iter_sse():
            if event.data:
                yield event.id


def sse_by_field(path, after):
    with connect_sse(CLIENT, 'GET', path, headers={'last-event-id': after}) as source:
        for event in source.iter_sse():
            if event.data:
                yield event.id


def websocket(path, after):
    url = BASE.replace('http', 'ws', 1).rstrip('/') + f'{path}?after={after}'
    with connect(url, subprotocols=['goldcrest.v1'], open_timeout=PATIENCE, compression=None) as socket:
        assert socket.subprotocol == 'goldcrest.v1'
        while True:
            yield json.loads(socket.recv(timeout=PATIENCE))['id']


READERS = [poll, longpoll, stream, sse, sse_by_field, websocket]


def resumes():
    for leaves in READERS:
        for resumes in READERS:
            path = channel()
            before = publish(path, 'before')
            ids = [publish(path, data) for data in ('one', 'two', 'three')]
            reader = leaves(path, before)
            assert [next(reader) for _ in ids] == ids, (leaves, resumes)
            reader.close()
            ids = ids[2:] + [publish(path, data) for data in ('four', 'five')]
            reader = resumes(path, ids[0])
            ids.append(publish(path, 'six'))
            got = [next(reader) for _ in ids[1:]]
            assert got == ids[1:], (leaves, resumes, got, ids)
            reader.close()
    print(f'python: {len(READERS) ** 2} resumes, each with exactly the expected ids')


def publishes_over_websocket():
    path = channel()
    url = BASE.replace('http', 'ws', 1).rstrip('/') + path
    with connect(url, subprotocols=['goldcrest.v1']) as socket, connect(url) as plain:
        socket.send(json.dumps({'type': 'sample', 'data': 'über', 'ref': 1}))
        messages = [json.loads(socket.recv(timeout=PATIENCE)) for _ in range(2)]
        (response,) = [message for message in messages if 'ref' in message]
        (event,) = [message for message in messages if 'ref' not in message]
        assert response['ref'] == 1 and event == {'id': response['id'], 'type': 'sample', 'data': 'über'}, messages
        assert plain.recv(timeout=PATIENCE) == 'über'
        plain.send(bytes(range(256)))
        assert plain.recv(timeout=PATIENCE) == bytes(range(256))
        head, _, data = socket.recv(timeout=PATIENCE).partition(b'\n')
        assert json.loads(head)['type'] == 'message' and data == bytes(range(256))
        assert socket.ping().wait(PATIENCE), 'no pong'
    print('python: published over websockets, with and without the subprotocol')


resumes()
publishes_over_websocket()
