"""Reading back what ``Directory`` wrote: messages with the envelopes beside them.

    for message in read_directory("out"):
        outcome = await transport.send(message)

    message = read_stored("out/01JDAZ6Q3C8K5R7T0V2X.eml")

A message is read where its octets are asked for, in pieces, with CRLF line ends
as it is sent. It has the trace fields that writing it down has put in front.
An ``.eml`` without a ``.json`` beside it is a message without an envelope, as
any other program writes them: say to whom it goes by ``with_envelope``.

Raises ``OSError``, and ``ValueError`` for a ``.json`` that is no envelope: one
without a recipient, or with an address that is none, is not believed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from samotop.address import NULL_PATH, Address
from samotop.content import Content
from samotop.envelope import Body, Envelope, MailParameters, Recipient
from samotop.message import Message
from samotop.smtp.paths import BadPath, parse_mailbox

PIECE: Final = 64 * 1024
"""Octets that are read at a time."""
ENVELOPE_LIMIT: Final = 16 * 1024 * 1024
"""Octets of a ``.json``: an envelope with fifty thousand recipients."""

_BARE: Final = re.compile(rb"(?<!\r)\n")


def read_directory(path: str | os.PathLike[str]) -> Iterator[Message]:
    """The messages of a directory in the order of their names, which is that of their arrival."""
    for found in sorted(Path(path).glob("*.eml")):
        if not found.name.startswith("."):  # not written to its end
            yield read_stored(found)


def read_stored(path: str | os.PathLike[str]) -> Message:
    """One message, with its envelope where there is a ``.json`` of its name beside it."""
    file = Path(path)
    envelope = _read_envelope(file.with_suffix(".json"))
    is_binary = envelope is not None and envelope.parameters.body is Body.BINARY
    return Message(_open(file, keeps_ends=is_binary), envelope)


def _open(file: Path, *, keeps_ends: bool) -> Content:
    chunks = partial(_iterate, file, keeps_ends=keeps_ends)
    return Content(sum(map(len, chunks())), chunks)


def _iterate(file: Path, *, keeps_ends: bool) -> Iterator[bytes]:
    last = b""
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece if keeps_ends else _BARE.sub(b"\r\n", last + piece)[len(last) :]
            last = piece[-1:] if piece.endswith(b"\r") else b""


def _read_envelope(file: Path) -> Envelope | None:
    try:
        with file.open("rb") as stream:
            octets = stream.read(ENVELOPE_LIMIT + 1)
    except FileNotFoundError:
        return None
    try:
        if len(octets) > ENVELOPE_LIMIT:
            raise ValueError("it is too large")
        return _make_envelope(json.loads(octets))
    except (ValueError, RecursionError) as error:
        reason = "it is not JSON" if isinstance(error, (json.JSONDecodeError, RecursionError)) else str(error)
        raise ValueError(f"{file.name} is not an envelope: {reason}") from None


def _make_envelope(told: Any) -> Envelope:
    if not isinstance(told, dict):
        raise ValueError("it is not an object")
    recipients = told.get("recipients")
    if not isinstance(recipients, list) or not recipients:
        raise ValueError("it names no recipient")
    reverse_path = told.get("reverse_path")
    body, is_utf8 = told.get("body", Body.SEVEN_BIT.value), told.get("is_utf8", False)
    if body not in [one.value for one in Body] or not isinstance(is_utf8, bool):
        raise ValueError("its body is of no kind that there is")
    return Envelope(
        NULL_PATH if reverse_path == "" else _read_address(reverse_path),
        tuple(Recipient(_read_address(one)) for one in recipients),
        MailParameters(body=Body(body), is_utf8=is_utf8),
    )


def _read_address(text: Any) -> Address:
    """Raises ``ValueError``, which names no address."""
    try:
        if isinstance(text, str):
            return parse_mailbox(text.encode())
    except (BadPath, UnicodeEncodeError):
        pass
    raise ValueError("one of its addresses is none")
