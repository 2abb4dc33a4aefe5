"""What a copy says that goes on from an alias or a list, and how it is known when it comes back.

Fields are put in front of the message and, of a list's, foreign ones of the
same kind taken away: a message has one List-Id (RFC 2919 §3), and one list's
ways to leave it (RFC 2369 §4). Subject, body and all other fields stay, so that
DKIM signatures stay true unless they cover another list's fields.

``Delivered-To`` (RFC 9228) names the aliases and lists that a copy came by.
Nobody else takes it away, as another list would our List-Id.

Takes linear time. ``format_list_fields`` raises ``ValueError`` for an address or a name that no field can hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import quote

from samotop.message.header import iterate_fields
from samotop.message.listfields import format_list_addresses, format_list_id

REPLACED: Final = frozenset(
    (
        b"list-id",
        b"list-post",
        b"list-owner",
        b"list-help",
        b"list-subscribe",
        b"list-unsubscribe",
        b"list-unsubscribe-post",
        b"precedence",
    )
)
"""Fields of another list that ours takes the place of; List-Archive stays (RFC 2369 §4)."""

_MAILTO_SAFE: Final = "!$'*+-._=~"


def format_marks(marks: Iterable[str]) -> bytes:
    """One ``Delivered-To`` for each address, UTF-8."""
    return "".join([f"Delivered-To: {mark}\r\n" for mark in marks]).encode("utf-8", "replace")


def format_list_fields(address: str, label: str, name: str, owner: str, *, takes_posts: bool) -> bytes:
    """The fields of a list's copy. ``label`` is its List-Id, ``name`` for people, perhaps empty."""
    post = f"mailto:{_quote(address)}" if takes_posts else "NO"
    return b"".join(
        (
            format_list_id(f"{name} <{label}>" if name else label),
            format_list_addresses("List-Post", post),
            format_list_addresses("List-Unsubscribe", f"mailto:{_quote(owner)}?subject=unsubscribe"),
            format_list_addresses("List-Owner", f"mailto:{_quote(owner)}"),
            b"Precedence: list\r\n",
        )
    )


def strip_list_fields(header: bytes) -> bytes:
    """A header section without another list's fields; the rest is untouched."""
    lower = header.lower()
    if b"list-" not in lower and b"precedence" not in lower:
        return header  # nearly always
    kept: list[bytes] = []
    position = 0
    for field in iterate_fields(header):
        if field.name.lower() in REPLACED:
            kept.append(header[position : field.start])
            position = field.end
    kept.append(header[position:])
    return b"".join(kept)


def has_mark(header: bytes, marks: Collection[str]) -> bool:
    """Has this message come by one of these before? ``marks`` are lower case."""
    if b"delivered-to" not in header.lower():
        return False
    for field in iterate_fields(header):
        if field.name.lower() == b"delivered-to":
            value = field.value.decode("utf-8", "replace").strip().strip("<>").lower()
            if value in marks:
                return True
    return False


def has_list_id(header: bytes, labels: Collection[str]) -> bool:
    """Does a List-Id name one of these? ``labels`` are lower case, without brackets."""
    if b"list-id" not in header.lower():
        return False
    for field in iterate_fields(header):
        if field.name.lower() == b"list-id":
            _, bracket, rest = field.value.decode("utf-8", "replace").rpartition("<")
            if bracket and rest.partition(">")[0].strip().lower() in labels:
                return True
    return False


def is_automatic(header: bytes) -> bool:
    """Did no person write this? By Auto-Submitted, in any case and with comments (RFC 3834 §5)."""
    if b"auto-submitted" not in header.lower():
        return False
    for field in iterate_fields(header):
        if field.name.lower() == b"auto-submitted":
            word = field.value.partition(b";")[0].partition(b"(")[0].strip().lower()
            if word != b"no":
                return True
    return False


def _quote(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{quote(local, safe=_MAILTO_SAFE)}@{domain}"
