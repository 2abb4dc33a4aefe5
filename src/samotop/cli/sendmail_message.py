"""What sendmail makes of the text on its standard input: a message with CRLF line ends and the fields that it lacks.

A text that does not begin with a header field is a body. Missing From, Date
and Message-ID are added (RFC 6409 §8), Bcc is taken out with ``-t``. Nothing
else is changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from samotop.address import Address
from samotop.message import present
from samotop.message.addresslist import read_mailboxes
from samotop.message.correspondents import format_mailboxes
from samotop.message.dates import format_datetime
from samotop.message.fields import unfold
from samotop.message.header import Field, iterate_fields
from samotop.message.identifiers import format_id
from samotop.message.mailboxes import Mailbox
from samotop.message.transfer import normalize_lines

_NAMED: Final = (b"to", b"cc", b"bcc")
_RESENT: Final = (b"resent-to", b"resent-cc", b"resent-bcc")


def read_message(octets: bytes, *, takes_dot: bool) -> bytes:
    """The message on standard input: to its end, or to a line with a dot alone. CRLF line ends."""
    text = octets.replace(b"\r\n", b"\n")
    if not takes_dot:
        if text.startswith(b".\n") or text == b".":
            text = b""
        elif (end := text.find(b"\n.\n")) >= 0:
            text = text[: end + 1]
        elif text.endswith(b"\n."):
            text = text[:-1]
    if text.startswith(b"From "):
        text = text[text.find(b"\n") + 1 :]
    if text and not text.endswith(b"\n"):
        text += b"\n"
    first = next(iterate_fields(text[:4096]), None)
    if first is None or not first.name:
        text = b"\n" + text.removeprefix(b"\n")
    return normalize_lines(text)


def split_header(message: bytes) -> tuple[list[Field], bytes]:
    """The header's fields, and the rest with its blank line. A first line that is no field ends the header."""
    fields: list[Field] = []
    at = 0
    for found in iterate_fields(message):
        if not found.name:
            break
        fields.append(found)
        at = found.end
    rest = message[at:]
    return fields, rest if rest.startswith(b"\r\n") else b"\r\n" + rest


def find_recipients(fields: Iterable[Field]) -> list[Address]:
    """Whom the header names: in the Resent- fields where there are any, else To, Cc and Bcc."""
    fields = list(fields)
    wanted = _RESENT if any(one.name.lower() in _RESENT for one in fields) else _NAMED
    found = [
        mailbox.address for one in fields if one.name.lower() in wanted for mailbox in read_mailboxes(unfold(one.value))
    ]
    return list(dict.fromkeys(found))


def complete_message(message: bytes, sender: Address, name: str, *, drops_bcc: bool) -> bytes:
    """The message with the fields that it must have, and without Bcc where recipients were taken from it."""
    fields, rest = split_header(message)
    present_names = {one.name.lower() for one in fields}
    added: list[str] = []
    if b"date" not in present_names:
        added.append(f"Date: {format_datetime(present.now())}\r\n")
    if b"from" not in present_names:
        added.append(f"From: {' '.join(format_mailboxes([Mailbox(name, sender)], utf8=not sender.is_ascii))}\r\n")
    if b"message-id" not in present_names:
        added.append(f"Message-ID: {format_id(f'{present.draw_token()}@{sender.domain}')}\r\n")
    dropped = (b"bcc", b"resent-bcc") if drops_bcc else ()
    kept = b"".join(one.raw for one in fields if one.name.lower() not in dropped)
    return "".join(added).encode() + kept + rest
