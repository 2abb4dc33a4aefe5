"""What the sender wishes of TLS for one message: REQUIRETLS, or the opposite (RFC 8689).

The parameter of MAIL is in the envelope; the field ``TLS-Required: No`` is in
the header and asks to deliver even where a policy of the recipient's domain
cannot be met, a report of a broken certificate to its postmaster, say. Where
both are given, REQUIRETLS wins (RFC 8689 §4.1).

Raises nothing: a field that says anything else says nothing.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from samotop.message.header import iterate_fields

FIELD: Final = b"tls-required"


class Wish(Enum):
    """Of the sender, for one message."""

    NOTHING = "nothing"
    REQUIRES = "requires"
    """Every hop must have a verified TLS connection and a server that promises the same (RFC 8689 §2)."""
    NOTIFIES = "notifies"
    """A notification of a message that required TLS: verified here, and promised for later hops where that is offered.

    It must not be lost for a server that promises nothing (RFC 8689 §5).
    """
    WAIVES = "waives"
    """``TLS-Required: No``: rather in the clear than not at all (RFC 8689 §3)."""


def parse_wish(header: bytes, *, requires_tls: bool) -> Wish:
    """The sender's wish from the header section and the envelope's REQUIRETLS."""
    if requires_tls:
        return Wish.REQUIRES
    if FIELD not in header.lower():
        return Wish.NOTHING  # nearly always
    values = [field.value for field in iterate_fields(header) if field.name.lower() == FIELD]
    # One field, with the one value that is defined (RFC 8689 §3); of two, nobody knows which is meant.
    return Wish.WAIVES if len(values) == 1 and values[0].strip().lower() == b"no" else Wish.NOTHING
