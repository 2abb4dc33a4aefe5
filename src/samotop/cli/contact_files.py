"""Addresses out of an address book (vCard, RFC 6350) or out of mail that somebody has sent.

Read tolerantly: what is no address is passed over. Raises ``SetupError`` for what cannot be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from samotop.address import Address
from samotop.consent.identity import Identity, address_identity, parse_identity
from samotop.consent.learning import is_meant
from samotop.errors import SetupError
from samotop.message.message import Message

CARD_LIMIT: Final = 64 * 1024 * 1024
"""Octets of an address book with pictures in it."""
HEADER_LIMIT: Final = 256 * 1024

_FOLDED: Final = re.compile(rb"\r?\n[ \t]")
_EMAIL: Final = re.compile(
    r"^(?:[A-Za-z0-9-]+\.)?EMAIL(?:;[^:\r\n]*)?:(?:mailto:)?([^\r\n]+)$", re.IGNORECASE | re.MULTILINE
)


def iterate_addresses(paths: Iterable[Path], *, is_mail: bool) -> Iterator[Identity]:
    """Everybody that is named there."""
    for path in paths:
        try:
            yield from _read_mail(path) if is_mail else _read_cards(path)
        except OSError as error:
            raise SetupError(f"{path} cannot be read: {error.strerror}") from None


def _read_cards(path: Path) -> Iterator[Identity]:
    if path.is_dir():
        for inner in sorted(path.glob("*.vcf")):
            yield from _read_cards(inner)
        return
    with path.open("rb") as file:
        octets = file.read(CARD_LIMIT)
    if b"BEGIN:VCARD" not in octets.upper()[:4096]:
        raise SetupError(f"{path} is no vCard", remedy="export the address book as .vcf; for sent mail add --sent")
    yield from read_cards(octets)


def read_cards(octets: bytes) -> Iterator[Identity]:
    """The addresses in vCards."""
    lines = _FOLDED.sub(b"", octets).replace(b"\r\n", b"\n").decode("utf-8", "replace")
    for text in _EMAIL.findall(lines):
        try:
            found = parse_identity(text.replace("\\,", ",").replace("\\;", ";").strip())
        except ValueError:
            continue
        if "@" in found.name:
            yield found


def _read_mail(path: Path) -> Iterator[Identity]:
    if path.is_dir():
        for inner in sorted(path.rglob("*")):
            if inner.is_file() and not inner.name.startswith("."):
                yield from _read_message(inner)
        return
    yield from _read_message(path)


def _read_message(path: Path) -> Iterator[Identity]:
    with path.open("rb") as file:
        octets = file.read(HEADER_LIMIT)
    yield from read_sent(octets)


def read_sent(octets: bytes) -> Iterator[Identity]:
    """Whom a message goes to, if a person has written it."""
    header = octets.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0] + b"\r\n"
    if not is_meant(header):
        return
    message = Message.parse(header + b"\r\n")
    for mailbox in (*message.to, *message.cc, *message.bcc):
        found = address_identity(Address(mailbox.address.local, mailbox.address.domain))
        if found is not None:
            yield found
