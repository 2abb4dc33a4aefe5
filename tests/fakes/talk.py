"""A client that says exactly what a test wants said: raw octets over a socket, and replies as they came."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

REPLY_SECONDS: Final = 20.0
"""For a reply: much longer than any takes, so that a silent server fails the test instead of hanging it."""


class Talk:
    """One session. ``address`` is ``host:port`` or ``unix:/path``, as the server prints it."""

    def __init__(self, address: str, *, greets: bool = True, tls: ssl.SSLContext | None = None) -> None:
        if address.startswith("unix:"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(REPLY_SECONDS)
            self.socket.connect(address.removeprefix("unix:"))
        else:
            host, _, port = address.rpartition(":")
            self.socket = socket.create_connection((host.strip("[]"), int(port)), REPLY_SECONDS)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="mx.example.org")
        self._buffer = b""
        self.greeting = self.reply() if greets else ""

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def reply(self) -> str:
        """One whole reply, its lines joined by newlines. Raises ``EOFError`` where the session has ended."""
        lines: list[str] = []
        while True:
            while b"\r\n" not in self._buffer:
                received = self.socket.recv(65536)
                if not received:
                    raise EOFError(f"the session ended; before that came {self._buffer!r}")
                self._buffer += received
            line, _, self._buffer = self._buffer.partition(b"\r\n")
            lines.append(line.decode("ascii"))
            if line[3:4] != b"-":
                return "\n".join(lines)

    def say(self, line: str | bytes) -> str:
        """Send one line, return its reply."""
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def say_all(self, *lines: str) -> list[str]:
        """Send all in one write (pipelining), return a reply for each."""
        self.send("".join(line + "\r\n" for line in lines).encode())
        return [self.reply() for _ in lines]

    def ehlo(self, name: str = "client.test") -> str:
        return self.say(f"EHLO {name}")

    def content(self, octets: bytes) -> str:
        """Octets after 354, whose end is added; the reply."""
        self.send(octets + b".\r\n")
        return self.reply()

    def mail(self, content: bytes, *recipients: str, sender: str = "<sender@client.test>") -> str:
        """A whole transaction; the reply to its content."""
        replies = self.say_all(f"MAIL FROM:{sender}", *[f"RCPT TO:<{one}>" for one in recipients], "DATA")
        assert [one[:3] for one in replies] == ["250"] * (len(replies) - 1) + ["354"], replies
        return self.content(content)

    def start_tls(self, context: ssl.SSLContext) -> None:
        """STARTTLS and the handshake."""
        assert self.say("STARTTLS").startswith("220")
        self.socket = context.wrap_socket(self.socket, server_hostname="mx.example.org")
        assert self._buffer == b"", "nothing may come in the clear after 220"

    def rest(self) -> bytes:
        """All that still comes until the other side ends the session; an abrupt end counts as one."""
        found = self._buffer
        self._buffer = b""
        with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
            while received := self.socket.recv(65536):
                found += received
        return found

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def trusting() -> ssl.SSLContext:
    """A context that takes any certificate: for tests of something else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def message(marker: str, body: bytes = b"Hello\r\n") -> bytes:
    """A small message that can be found again by its ``marker``."""
    return f"From: <sender@client.test>\r\nSubject: {marker}\r\n\r\n".encode() + body


def fields_of(stored: bytes) -> Iterator[tuple[str, str]]:
    """The header fields of a stored message, unfolded, in order."""
    head, _, _ = stored.partition(b"\n\n")
    unfolded = head.replace(b"\n ", b" ").replace(b"\n\t", b" ")
    for line in unfolded.decode("utf-8", "replace").split("\n"):
        name, _, value = line.partition(":")
        yield name, value.strip()


def check_stored(stored: bytes, *, to: str = "alice@example.org", sender: str = "sender@client.test") -> str:
    """What every stored message must have; returns our Received field's value."""
    assert b"\r" not in stored, "lines on disk end with LF"
    fields = list(fields_of(stored))
    assert fields[0] == ("Return-Path", f"<{sender}>"), fields
    assert [value for name, value in fields if name == "Delivered-To"] == [to], fields
    assert [name for name, _ in fields].count("Return-Path") == 1
    ours = [value for name, value in fields if name == "Received" and "by mx.example.org with " in value]
    assert len(ours) == 1, fields
    return ours[0]
