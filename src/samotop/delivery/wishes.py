"""What the sender of an entry wishes of TLS: REQUIRETLS in the envelope, ``TLS-Required: No`` in the header (RFC 8689).

``find_wishes`` reads header sections, ``content.HEADER_LIMIT`` octets of each at
most, and so the disk: called in threads. ``wish_at_once`` never waits. Raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from samotop.address import NullPath
from samotop.content import Content
from samotop.queue.entry import Entry
from samotop.tlspolicy.requiretls import Wish, parse_wish

AT_ONCE_LIMIT: Final = 16 * 1024
"""Octets of a header section that the event loop may go through: honest ones have a few thousand."""


def envelope_wish(entry: Entry) -> Wish | None:
    """As far as the envelope tells it; ``None`` where the header has to be read."""
    if not entry.envelope.parameters.requires_tls:
        return None
    return Wish.NOTIFIES if isinstance(entry.envelope.reverse_path, NullPath) else Wish.REQUIRES


def wish_at_once(entry: Entry, open_content: Callable[[Entry], Content]) -> Wish | None:
    """The wish of one entry; ``None`` where the disk or a long header would have to be read."""
    known = envelope_wish(entry)
    if known is not None:
        return known
    try:
        content = open_content(entry)
        if not content.is_at_hand or len(header := content.header) > AT_ONCE_LIMIT:
            return None
    except (OSError, ValueError):
        return None
    return parse_wish(header, requires_tls=False)


def find_wish(entry: Entry, open_content: Callable[[Entry], Content]) -> Wish:
    """The wish of one entry. A content that cannot be read wishes nothing: who sends it finds out."""
    known = envelope_wish(entry)
    if known is not None:
        return known
    try:
        header = open_content(entry).header
    except (OSError, ValueError):
        return Wish.NOTHING
    return parse_wish(header, requires_tls=False)


def find_wishes(entries: Iterable[Entry], open_content: Callable[[Entry], Content]) -> dict[str, Wish]:
    """By the ids of the entries, each of which is read once."""
    return {entry.id: find_wish(entry, open_content) for entry in entries}
