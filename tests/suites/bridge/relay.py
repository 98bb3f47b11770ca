"""A TCP relay between the device and its hub that can drop the hub's responses and reset the connections."""

import socket
import struct
import threading


class Relay(threading.Thread):
    def __init__(self, address, port):
        super().__init__(daemon=True)
        self.listener = socket.create_server(address)
        self.port = port
        self.dropping = threading.Event()
        self.open = set()
        self.start()

    def run(self):
        while True:
            device, _ = self.listener.accept()
            try:
                hub = socket.create_connection(('127.0.0.1', self.port))
            except OSError:
                reset(device)
                continue
            self.open |= {device, hub}
            threading.Thread(target=self.pump, args=(device, hub, None), daemon=True).start()
            threading.Thread(target=self.pump, args=(hub, device, self.dropping), daemon=True).start()

    def pump(self, source, sink, dropping):
        try:
            while data := source.recv(4096):
                if not (dropping and dropping.is_set()):
                    sink.sendall(data)
        except OSError:
            pass
        self.end(source, sink)

    def end(self, *sockets):
        for peer in sockets:
            if peer in self.open:
                self.open.discard(peer)
                reset(peer)

    def cut(self):
        """Resets all connections; dropped bytes are lost."""
        self.end(*self.open)
        self.dropping.clear()


def reset(peer):
    try:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        # Wakes a thread that is blocked in recv().
        peer.shutdown(socket.SHUT_RD)
    except OSError:
        pass
    peer.close()
