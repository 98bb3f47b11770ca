"""Queries to the name server of the captive portal, as raw messages: python3 dns.py ADDRESS."""

import socket
import struct
import sys

address = sys.argv[1]


def query(name, kind, flags=0x0100, extra=b""):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", 0x1234, flags, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", kind, 1) + extra


def ask(message):
    """The response; None where there is none within half a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.5)
        asker.sendto(message, (address, 53))
        try:
            return asker.recv(512)
        except TimeoutError:
            return None


def check(name, succeeded):
    print("firmware-examples:", name if succeeded else "FAILED: " + name)
    return succeeded


first = query("captive.example", 1)
response = ask(first)
edns = query("captive.example", 1, extra=b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0))[:10] + b"\0\1" + query(
    "captive.example", 1, extra=b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)
)[12:]
results = [
    check("a query for an address is answered with the chip's", response == first[:2] + b"\x85\x80" + first[4:6] + b"\0\1\0\0\0\0" + first[12:]
          + b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4" + socket.inet_aton(address)),
    check("a query with EDNS is answered", (ask(edns) or b"")[-4:] == socket.inet_aton(address)),
    check("a query for an IPv6 address has an empty response", (ask(query("captive.example", 28)) or b"")[6:8] == b"\0\0"),
    check("a response is not answered", ask(query("captive.example", 1, flags=0x8180)) is None),
    check("a cut query is not answered", all(ask(first[:length]) is None for length in (0, 5, 11, 12, 20, len(first) - 1))),
    check("a query is answered after those", ask(first) is not None),
]
sys.exit(not all(results))
