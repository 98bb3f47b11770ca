"""Puts load on one image and prints its requests/s, echoed messages/s and bytes of stack used, as JSON."""

import json
import os
import socket
import struct
import sys
import time
from urllib.parse import urlsplit

CHIP = urlsplit(os.environ['GOLDCREST_URL']).hostname
SECONDS = float(sys.argv[1])


def connect():
    deadline = time.monotonic() + 5
    while True:
        try:
            peer = socket.create_connection((CHIP, 80), timeout=5)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return peer
        except ConnectionRefusedError:  # the socket of the connection before is still closing
            assert time.monotonic() < deadline, 'expected a connection within 5 s'
            time.sleep(0.005)


def head(peer):
    received = b''
    while b'\r\n\r\n' not in received:
        chunk = peer.recv(4096)
        assert chunk, received
        received += chunk
    return received.split(b'\r\n\r\n', 1)


def content_length(fields):
    return next(int(line.split(b':')[1]) for line in fields.split(b'\r\n') if line.lower().startswith(b'content-length'))


def request(peer):
    peer.sendall(f'GET /memory HTTP/1.1\r\nHost: {CHIP}\r\nAccept: application/json\r\n\r\n'.encode())
    fields, content = head(peer)
    assert fields.split()[1] == b'200', fields
    while len(content) < content_length(fields):
        content += peer.recv(4096)
    return content


def rate(call, each=1):
    """Calls a second, times `each`."""
    call()
    begin, count = time.monotonic(), 0
    while time.monotonic() - begin < SECONDS:
        call()
        count += each
    return count / (time.monotonic() - begin)


def requests_on_one_connection():
    with connect() as peer:
        return rate(lambda: request(peer))


def requests_on_new_connections():
    def call():
        with connect() as peer:
            request(peer)

    return rate(call)


def echoes(size, batch):
    """Messages a second, sent in batches of `batch`."""
    key = b'\x12\x34\x56\x78'
    masked = bytes(ord('a') ^ key[at % 4] for at in range(size))
    length = bytes([0x80 | size]) if size < 126 else b'\xfe' + struct.pack('>H', size)
    frames = (b'\x82' + length + key + masked) * batch
    expected = (b'\x82' + (bytes([size]) if size < 126 else b'\x7e' + struct.pack('>H', size)) + b'a' * size) * batch
    with connect() as peer:
        peer.sendall(
            f'GET /echo HTTP/1.1\r\nHost: {CHIP}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n'.encode()
        )
        fields, early = head(peer)
        assert fields.split()[1] == b'101' and not early, fields

        def call():
            peer.sendall(frames)
            received = bytearray()
            while len(received) < len(expected):
                chunk = peer.recv(65536)
                assert chunk, 'the chip closed the connection'
                received += chunk
            assert received == expected, 'the echo differs from the message'

        return rate(call, batch)


def first_event():
    with connect() as peer:
        peer.sendall(f'GET /events HTTP/1.1\r\nHost: {CHIP}\r\nAccept: text/event-stream\r\n\r\n'.encode())
        received = b''.join(head(peer)[1:])
        while b'data:' not in received:
            received += peer.recv(4096)


def main():
    first_event()
    figures = {
        'requests/s, one connection': requests_on_one_connection(),
        'requests/s, a connection each': requests_on_new_connections(),
        'echoes/s of 20 B, one at a time': echoes(20, 1),
        'echoes/s of 20 B, 16 at a time': echoes(20, 16),
        'echoes/s of 1,000 B, one at a time': echoes(1000, 1),
        'echoes/s of 1,000 B, 8 at a time': echoes(1000, 8),
    }
    with connect() as peer:
        figures['stack'] = json.loads(request(peer))['stack_used']
    print(json.dumps(figures))


main()
