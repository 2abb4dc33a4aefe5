"""A stored message as it came over the wire, read back from a file.

A Maildir keeps LF where the wire has CRLF, and signatures are of what the wire
had: where the first line ends with LF alone, every LF becomes CRLF again. The
line that an mbox puts in front ("From " and a date) is taken off.

Raises ``SetupError`` for what cannot be read, is too large, or is no message.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from samotop.errors import SetupError
from samotop.message.header import iterate_fields

MESSAGE_LIMIT: Final = 256 * 1024 * 1024
"""Octets that are read: five times the largest message that a server takes by default."""


def read_stored(file: str) -> bytes:
    """The message in ``file``, ``-`` for standard input, with CRLF line ends."""
    return restore(_read(file))


def _read(file: str) -> bytes:
    try:
        if file == "-":
            octets = sys.stdin.buffer.read(MESSAGE_LIMIT + 1)
        else:
            with Path(file).open("rb") as opened:
                octets = opened.read(MESSAGE_LIMIT + 1)
    except OSError as error:
        remedy = "name one message, such as a file of a Maildir's cur"
        raise SetupError(f"{file} cannot be read: {error.strerror}", remedy=remedy) from None
    if len(octets) > MESSAGE_LIMIT:
        raise SetupError("this is larger than any message", remedy="name one message, not a mailbox of many")
    return octets


def restore(octets: bytes) -> bytes:
    """The octets of the wire from those of the disk. Raises ``SetupError`` for what is no message."""
    if octets.startswith(b"From "):
        octets = octets[octets.find(b"\n") + 1 :]
    if b"\r\n" not in octets[: octets.find(b"\n") + 1]:
        octets = octets.replace(b"\n", b"\r\n")
    first = next(iterate_fields(octets[:4096]), None)
    if not octets:
        raise SetupError("this is no message: it is empty", remedy="name one message")
    if first is None or not first.name:
        raise SetupError("this is no message: it does not begin with a header field", remedy="name one message")
    return octets
