"""The Date and Message-ID that a submitted message lacks (RFC 6409 §8.1, §8.2).

Whoever completes a message must come to the same fields, however often and in
whichever of its copies: one message with two Message-IDs is two to every
reader. So they derive from what was fixed when it came: the id that it was
taken under, and when. Pure; raises nothing.
"""

from __future__ import annotations

from samotop.message.header import iterate_fields
from samotop.message.trace import format_date


def format_missing(header: bytes, id: str, received_at: float, hostname: str) -> bytes:
    """The fields to put before ``header``, with their CRLF; none where it has both."""
    present = {field.name.lower() for field in iterate_fields(header)}
    added = b""
    if b"date" not in present:
        added += f"Date: {format_date(received_at)}\r\n".encode()
    if b"message-id" not in present:
        added += f"Message-ID: <{id}@{hostname}>\r\n".encode()
    return added
