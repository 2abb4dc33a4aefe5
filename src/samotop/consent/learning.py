"""What an owner's own mail teaches: whom they write to, they want to hear from.

Only mail that a person meant: nothing automatic (RFC 3834 §5), no vacation notice, no receipt, nothing
that a program forwards. Pure; raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from samotop.address import Address
from samotop.consent.contact import Contact, Origin, Standing
from samotop.consent.identity import Identity, address_identity
from samotop.message.header import iterate_fields
from samotop.message.identifiers import read_id, read_ids

LEARNED_LIMIT: Final = 100
"""Recipients of one message that are learned: who writes to more of them writes to nobody in particular."""
REFERENCES_LIMIT: Final = 20
"""Message-IDs of a message that are looked at, the last ones."""

_AUTOMATIC: Final = (b"auto-submitted", b"resent-from", b"x-forwarded-for", b"x-auto-response-suppress")
_QUIET: Final = re.compile(rb"[ \t\r\n]*no[ \t\r\n]*(?:\([^()]*\)[ \t\r\n]*)?", re.IGNORECASE)
_BULK: Final = re.compile(rb"[ \t\r\n]*(?:bulk|junk|auto_reply)\b", re.IGNORECASE)
_REPORT: Final = re.compile(rb"multipart/report\b|message/disposition-notification\b", re.IGNORECASE)


def is_meant(header: bytes) -> bool:
    """Has a person written this, to those whom it goes to?"""
    for field in iterate_fields(header):
        name = field.name.lower()
        if name == b"auto-submitted" and _QUIET.fullmatch(field.value):
            continue
        if name in _AUTOMATIC:
            return False
        if name == b"precedence" and _BULK.match(field.value):
            return False
        if name == b"content-type" and _REPORT.search(field.value[:1000]):
            return False
    return True


def plan_learning(
    header: bytes, recipients: Iterable[Address], known: Iterable[Identity], now: float
) -> tuple[Contact, ...]:
    """The contacts that a submitted message approves; ``known`` are those about whom something is decided already."""
    if not is_meant(header):
        return ()
    decided = set(known)
    found = [one for address in recipients if (one := address_identity(address)) is not None]
    if len(found) > LEARNED_LIMIT:
        return ()
    new = [one for one in dict.fromkeys(found) if one not in decided]
    return tuple([Contact(one, Standing.APPROVED, origin=Origin.WROTE, decided_at=now) for one in new])


def read_message_id(header: bytes) -> str:
    """The message's identifier with its brackets; empty without one."""
    for field in iterate_fields(header):
        if field.name.lower() == b"message-id":
            return read_id(field.value.decode("utf-8", "replace")) or ""
    return ""


def read_references(header: bytes) -> tuple[str, ...]:
    """The messages that this one answers, the closest last."""
    references: list[str] = []
    answered: list[str] = []
    for field in iterate_fields(header):
        name = field.name.lower()
        if name == b"references":
            references += read_ids(field.value.decode("utf-8", "replace"))
        elif name == b"in-reply-to":
            answered += read_ids(field.value.decode("utf-8", "replace"))
    return tuple(dict.fromkeys((*references[-REFERENCES_LIMIT:], *answered[-REFERENCES_LIMIT:])))[-REFERENCES_LIMIT:]
