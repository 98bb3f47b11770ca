"""Frames on the TAP device, without the kernel's TCP: peers that violate TCP as no kernel would."""

import random
import socket
import struct
import time

INTERFACE = 'tap0'
ETH_IPV4, ETH_ARP = 0x0800, 0x0806
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
PEER, PEER_MAC = bytes([10, 0, 2, 66]), bytes.fromhex('02670a000242')


def checksum(data):
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(to, kind, payload, source=PEER_MAC):
    return to + source + struct.pack('>H', kind) + payload


def ipv4(source, to, protocol, payload):
    head = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), random.getrandbits(16), 0, 64, protocol, 0, source, to)
    return head[:10] + struct.pack('>H', checksum(head)) + head[12:] + payload


def tcp(source, to, ports, seq, ack, flags, window=1024, payload=b''):
    head = struct.pack('>HHIIBBHHH', *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, flags, window, 0, 0)
    pseudo = source + to + struct.pack('>BBH', 0, 6, len(head) + len(payload))
    return head[:16] + struct.pack('>H', checksum(pseudo + head + payload)) + head[18:] + payload


class Wire:
    """Reads and writes the frames of the TAP device."""

    def __init__(self, chip):
        self.chip = socket.inet_aton(chip)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((INTERFACE, 0))
        self.mac = self._ask_for_mac()

    def send(self, frame):
        self.socket.send(frame)

    def frames(self, seconds):
        """The frames that arrive within so many seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                yield self.socket.recv(2048)
            except TimeoutError:
                return

    def announce(self, address):
        """Sends an ARP reply for `address`, so that the chip need not ask for it."""
        self.send(ethernet(self.mac, ETH_ARP, self._arp(2, address, self.mac)))

    def _arp(self, operation, source, target_mac):
        return struct.pack('>HHBBH6s4s6s4s', 1, ETH_IPV4, 6, 4, operation, PEER_MAC, source, target_mac, self.chip)

    def _ask_for_mac(self):
        self.send(ethernet(b'\xff' * 6, ETH_ARP, self._arp(1, PEER, bytes(6))))
        for frame in self.frames(5):
            if frame[12:14] == b'\x08\x06' and frame[20:22] == b'\0\x02' and frame[28:32] == self.chip:
                return frame[22:28]
        raise AssertionError('the chip does not answer ARP')


class Peer:
    """One end of a TCP connection that sends nothing by itself: no acknowledgement, no FIN."""

    def __init__(self, wire, port):
        self.wire, self.address, self.ports = wire, PEER, (port, 80)
        self.seq, self.ack = random.getrandbits(32), 0
        wire.announce(self.address)

    def segment(self, flags, payload=b'', window=1024):
        segment = tcp(self.address, self.wire.chip, self.ports, self.seq, self.ack, flags, window, payload)
        self.wire.send(ethernet(self.wire.mac, ETH_IPV4, ipv4(self.address, self.wire.chip, 6, segment)))
        self.seq += len(payload) + bool(flags & (SYN | FIN))

    def next(self, seconds):
        """The next segment for this peer: its sequence number, flags and payload."""
        for frame in self.wire.frames(seconds):
            if frame[12:14] != b'\x08\x00' or frame[23] != 6 or frame[30:34] != self.address:
                continue
            segment = frame[34 : 14 + struct.unpack('>H', frame[16:18])[0]]
            source, to, seq, _, offset, flags = struct.unpack('>HHIIBB', segment[:14])
            if (to, source) == self.ports:
                return seq, flags, segment[(offset >> 4) * 4 :]
        return None

    def connect(self):
        """Whether the chip accepted the connection."""
        self.segment(SYN)
        answer = self.next(2)
        if answer is None or answer[1] & RST:
            return False
        self.ack = answer[0] + 1
        self.segment(ACK)
        return True

    def ask(self, target, *fields):
        """Sends a request, waits for the head of the response and returns its status."""
        lines = [f'GET {target} HTTP/1.1', f'Host: {socket.inet_ntoa(self.wire.chip)}', *fields, '', '']
        self.segment(PSH | ACK, '\r\n'.join(lines).encode())
        received = b''
        while (answer := self.next(5)) is not None:
            seq, _, payload = answer
            if payload and seq == self.ack:
                received += payload
                self.ack += len(payload)
                self.segment(ACK)
                if b'\r\n\r\n' in received:
                    return int(received.split()[1])
        raise AssertionError(f'no answer to {target}')
