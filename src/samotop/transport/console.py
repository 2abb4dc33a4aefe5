"""Prints messages for people: the debugging server's printer.

Envelope first, then the message as it would be delivered. Control characters
are shown and not sent, so that no message can steer the terminal. Coloured
where the stream is a terminal. Of a message at most ``SHOWN_LIMIT`` octets are
shown. Passwords are never here: they are not part of a message's entry.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from samotop.message.header import iterate_fields
from samotop.ports.transport import Handover, Outcome
from samotop.transport.outcomes import DELIVERED, failed
from samotop.transport.rendering import Rendering, gather_copies

SHOWN_LIMIT: Final = 256 * 1024
"""Octets of one message that are printed: more than anybody scrolls through."""

_BOLD, _BLUE, _DIM, _PLAIN = "\x1b[1m", "\x1b[34m", "\x1b[2m", "\x1b[0m"


class Console:
    """Implements ``ports.LocalTransport``; writes to ``stream``, one message at a time."""

    def __init__(self, stream: TextIO, *, hostname: str = "", is_coloured: bool | None = None) -> None:
        self._stream = stream
        self._rendering = Rendering(hostname or socket.gethostname())
        self._is_coloured = stream.isatty() if is_coloured is None else is_coloured
        self._lock = threading.Lock()

    def hand_on(self, handovers: Sequence[Handover]) -> list[Outcome]:
        """Print all, each message once."""
        outcomes = [DELIVERED] * len(handovers)
        with self._lock:
            for numbers, copy in gather_copies(handovers, lambda _: None):
                try:
                    self._stream.write("".join(self._lines(copy)))
                    self._stream.flush()
                except (OSError, ValueError) as fault:
                    for number in numbers:
                        outcomes[number] = failed(fault)
        return outcomes

    def _lines(self, copy: list[Handover]) -> Iterator[str]:
        entry = copy[0].entry
        recipients = ", ".join(f"<{_visible(str(handover.recipient.address))}>" for handover in copy)
        sender = _visible(str(entry.envelope.reverse_path))
        yield self._painted(_DIM, f"---------- {entry.id}, {entry.size} octets") + "\n"
        yield self._painted(_BOLD, f"from <{sender}> to {recipients}") + "\n"
        octets, is_cut = _take(self._rendering.chunks(copy), SHOWN_LIMIT)
        section, blank, body = octets.partition(b"\n\n")
        for field in iterate_fields(section + b"\n"):
            text = _visible(field.raw.rstrip(b"\r\n").decode("utf-8", "replace"))
            name, colon, value = text.partition(":")
            yield (self._painted(_BLUE, name) + colon + value if field.name else text) + "\n"
        if blank:
            text = _visible(body.decode("utf-8", "replace"))
            yield "\n" + text + ("" if text.endswith("\n") or not text else "\n")
        if is_cut:
            yield self._painted(_DIM, f"---------- only the first {SHOWN_LIMIT} octets are shown") + "\n"
        yield self._painted(_DIM, "---------- end") + "\n"

    def _painted(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._is_coloured else text


def _take(chunks: Iterator[bytes], limit: int) -> tuple[bytes, bool]:
    taken = bytearray()
    for chunk in chunks:
        taken += chunk
        if len(taken) > limit:
            return bytes(taken[:limit]), True
    return bytes(taken), False


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)
