"""A tap on the wire between two servers: passes everything on and remembers it.

    with open_tap(port) as tap:
        # somebody connects to tap.port
        tap.said()        # the commands, without contents, of all sessions so far

What it shows is what went over the wire in the clear: which extensions were
offered, and which were used.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Tap:
    """Listens at ``port`` of the loopback and passes on to ``target``."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port: int = self._socket.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._clients: list[bytearray] = []
        self._servers: list[bytearray] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def client(self) -> bytes:
        """All that clients have sent so far, session by session."""
        with self._lock:
            return b"".join(map(bytes, self._clients))

    def server(self) -> bytes:
        """All that the server has sent so far, session by session."""
        with self._lock:
            return b"".join(map(bytes, self._servers))

    def commands_of(self, marker: str) -> list[str]:
        """The lines MAIL, RCPT, DATA and BDAT of the transaction whose content or paths hold ``marker``."""
        for transaction in re.split(rb"(?m)^(?=MAIL FROM:)", self.client())[1:]:
            if marker.encode() in transaction:
                lines = re.findall(rb"(?m)^(?:MAIL FROM:|RCPT TO:|DATA|BDAT )[^\r\n]*", transaction)
                return [line.decode("utf-8", "replace") for line in lines]
        return []

    def close(self) -> None:
        self._socket.close()
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target), 20)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            client, server = bytearray(), bytearray()
            with self._lock:
                self._open |= {near, far}
                self._clients.append(client)
                self._servers.append(server)
            threading.Thread(target=self._pass_on, args=(near, far, client), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(far, near, server), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
        with suppress(OSError):
            while octets := source.recv(65536):
                with self._lock:
                    kept += octets
                sink.sendall(octets)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        with self._lock:
            self._open.discard(source)


@contextmanager
def open_tap(target: int) -> Iterator[Tap]:
    """A tap for as long as the block lasts."""
    tap = Tap(target)
    try:
        yield tap
    finally:
        tap.close()
