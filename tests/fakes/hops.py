"""A next hop of the test's own: a small SMTP server that says what a script tells it to, and remembers what it got.

    with serve_hop(HopScript(rcpt=["450 4.7.1 later"])) as hop:
        hop.port, hop.messages, hop.connections

Each list of a script holds the answers to give, the last one for ever; ``[]``
is the usual answer, and an empty answer hangs up. ``final=[HANGS]`` takes the
content and says nothing.
"""

from __future__ import annotations

import io
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

HANGS = "hangs"


@dataclass
class HopScript:
    """What to say. ``hangs``: it accepts connections and says nothing at all. ``after``: octets before the end."""

    greeting: list[str] = field(default_factory=lambda: ["220 hop.example.net ESMTP"])
    ehlo: list[str] = field(default_factory=lambda: ["250-hop.example.net", "250-PIPELINING", "250 8BITMIME"])
    mail: list[str] = field(default_factory=list)
    rcpt: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    final: list[str] = field(default_factory=list)
    hangs: bool = False


class Hop:
    """``messages`` are contents with their recipients, in order; ``connections`` counts."""

    def __init__(self, script: HopScript) -> None:
        self.script = script
        self.messages: list[tuple[tuple[str, ...], bytes]] = []
        self.connections = 0
        self.thinking = 0
        """Contents that had no answer so far."""
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port: int = self._socket.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @staticmethod
    def names(messages: list[tuple[tuple[str, ...], bytes]]) -> set[str]:
        """The markers of messages made by ``talk.message``."""
        found = (re.search(rb"^Subject: (\S+)", content, re.MULTILINE) for _, content in messages)
        return {match[1].decode() for match in found if match is not None}

    def close(self) -> None:
        self._socket.close()
        self.hang_up()

    def hang_up(self) -> None:
        """End all sessions without a word."""
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each reply is a write of its own
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rwb") as stream:
                _Session(self, stream).run()
        except (OSError, ValueError, EOFError):
            return
        finally:
            with self._lock:
                self._open.discard(connection)

    def keep(self, recipients: tuple[str, ...], content: bytes) -> None:
        with self._lock:
            self.messages.append((recipients, content))


class _Session:
    def __init__(self, hop: Hop, stream: io.BufferedRWPair) -> None:
        self._hop = hop
        self._stream = stream

    def _say(self, *lines: str) -> bool:
        stream = self._stream
        for line in lines:
            stream.write(line.encode() + b"\r\n")
        stream.flush()
        return bool(lines and lines[-1])

    def _answer(self, given: list[str], usual: str) -> bool:
        line = given[0] if given else usual
        return bool(line) and self._say(line)

    def run(self) -> None:
        script, stream = self._hop.script, self._stream
        if script.hangs:
            stream.read(1)
            return
        if not self._say(*script.greeting):
            return
        recipients: list[str] = []
        for line in iter(stream.readline, b""):
            word = line[:4].upper()
            if word == b"EHLO":
                goes_on = self._say(*script.ehlo)
            elif word == b"MAIL":
                recipients = []
                goes_on = self._answer(script.mail, "250 2.1.0 ok")
            elif word == b"RCPT":
                recipients.append(line.decode("utf-8", "replace").partition("<")[2].partition(">")[0])
                if script.rcpt:
                    recipients.pop()
                goes_on = self._answer(script.rcpt, "250 2.1.5 ok")
            elif word == b"DATA":
                if not recipients:
                    goes_on = self._say("554 5.5.1 nobody to send it to")
                    continue
                if not self._answer(script.data, "354 go on"):
                    return
                content = self._content()
                if script.final == [HANGS]:
                    self._hop.thinking += 1
                    stream.read(1)
                    return
                if script.final and not script.final[0]:
                    return
                if not script.final:
                    self._hop.keep(tuple(recipients), content)
                goes_on = self._answer(script.final, "250 2.0.0 ok: queued as X")
            elif word == b"QUIT":
                self._say("221 2.0.0 bye")
                return
            else:
                goes_on = self._say("250 2.0.0 ok")
            if not goes_on:
                return

    def _content(self) -> bytes:
        lines: list[bytes] = []
        while (line := self._stream.readline()) != b".\r\n":
            if not line.endswith(b"\n"):
                raise EOFError("cut off: nothing of it was accepted")
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)


@contextmanager
def serve_hop(script: HopScript) -> Iterator[Hop]:
    """A next hop for as long as the block lasts."""
    hop = Hop(script)
    try:
        yield hop
    finally:
        hop.close()
