"""Loads one image and prints what it did: requests a second, echoed messages a second, bytes of stack used, as JSON."""

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
        except ConnectionRefusedError:  # the one before is still being left
            assert time.monotonic() < deadline
            time.sleep(0.005)


def head(peer):
    said = b''
    while b'\r\n\r\n' not in said:
        piece = peer.recv(4096)
        assert piece, said
        said += piece
    return said.split(b'\r\n\r\n', 1)


def content_length(fields):
    return next(int(line.split(b':')[1]) for line in fields.split(b'\r\n') if line.lower().startswith(b'content-length'))


def request(peer):
    peer.sendall(f'GET /memory HTTP/1.1\r\nHost: {CHIP}\r\nAccept: application/json\r\n\r\n'.encode())
    fields, content = head(peer)
    assert fields.split()[1] == b'200', fields
    while len(content) < content_length(fields):
        content += peer.recv(4096)
    return content


def rate(turn, each=1):
    """Turns a second, times `each`."""
    turn()
    begin, count = time.monotonic(), 0
    while time.monotonic() - begin < SECONDS:
        turn()
        count += each
    return count / (time.monotonic() - begin)


def requests_kept():
    with connect() as peer:
        return rate(lambda: request(peer))


def requests_alone():
    def turn():
        with connect() as peer:
            request(peer)

    return rate(turn)


def echoes(size, flying):
    """Messages a second, so many of them on their way at once."""
    key = b'\x12\x34\x56\x78'
    masked = bytes(ord('a') ^ key[at % 4] for at in range(size))
    length = bytes([0x80 | size]) if size < 126 else b'\xfe' + struct.pack('>H', size)
    frames = (b'\x82' + length + key + masked) * flying
    expected = (b'\x82' + (bytes([size]) if size < 126 else b'\x7e' + struct.pack('>H', size)) + b'a' * size) * flying
    with connect() as peer:
        peer.sendall(
            f'GET /echo HTTP/1.1\r\nHost: {CHIP}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n'.encode()
        )
        fields, early = head(peer)
        assert fields.split()[1] == b'101' and not early, fields

        def turn():
            peer.sendall(frames)
            said = bytearray()
            while len(said) < len(expected):
                piece = peer.recv(65536)
                assert piece, 'it has ended'
                said += piece
            assert said == expected, 'not what was said'

        return rate(turn, flying)


def first_event():
    with connect() as peer:
        peer.sendall(f'GET /events HTTP/1.1\r\nHost: {CHIP}\r\nAccept: text/event-stream\r\n\r\n'.encode())
        said = b''.join(head(peer)[1:])
        while b'data:' not in said:
            said += peer.recv(4096)


def main():
    first_event()
    figures = {
        'requests/s, one connection': requests_kept(),
        'requests/s, a connection each': requests_alone(),
        'echoes/s of 20 B, one at a time': echoes(20, 1),
        'echoes/s of 20 B, 16 at a time': echoes(20, 16),
        'echoes/s of 1,000 B, one at a time': echoes(1000, 1),
        'echoes/s of 1,000 B, 8 at a time': echoes(1000, 8),
    }
    with connect() as peer:
        figures['stack'] = json.loads(request(peer))['stack_used']
    print(json.dumps(figures))


main()
