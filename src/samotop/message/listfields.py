"""Fields by which a mailing says what it is and how to leave it (RFC 2369, RFC 2919, RFC 8058)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from samotop.message.folding import format_phrase, format_structured
from samotop.message.text import check_text

ADDRESS_LIMIT: Final = 900
"""Octets of an address: it cannot be folded."""

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#$%&'*+,\-./0-9:;=?@A-Z\[\]^_a-z~()]+")
_LABEL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)+")


def format_list_id(text: str) -> bytes:
    """``"Friends of mail <friends.example.org>"``, or the identifier alone (RFC 2919 §3)."""
    check_text(text, "list_id")
    phrase, bracket, rest = text.rpartition("<")
    label = rest.removesuffix(">") if bracket else text
    if not _LABEL.fullmatch(label) or len(label) > 255 or (bracket and not rest.endswith(">")):
        raise ValueError("list_id: expected friends.example.org, or Friends <friends.example.org>")
    return format_structured("List-Id", [*(format_phrase(phrase.strip()) if phrase.strip() else ()), f"<{label}>"])


def format_list_addresses(name: str, given: str | Iterable[str]) -> bytes:
    """A field of URIs, ``https:`` or ``mailto:``, the preferred one first (RFC 2369 §2). ``NO`` alone for List-Post."""
    each = [given] if isinstance(given, str) else list(given)
    if each == ["NO"] and name == "List-Post":
        return format_structured(name, each)
    for address in each:
        if len(address) > ADDRESS_LIMIT or not _ADDRESS.fullmatch(address):
            raise ValueError(f"{name}: expected an address such as https://example.org/leave, ASCII without spaces")
    if not each:
        raise ValueError(f"{name}: no address")
    return format_structured(name, [f"<{address}>," for address in each[:-1]] + [f"<{each[-1]}>"])


def format_one_click(unsubscribe: str | Iterable[str] | None) -> bytes:
    """List-Unsubscribe-Post; leaving by one click needs an ``https:`` address to post to (RFC 8058 §3.1)."""
    each = [unsubscribe] if isinstance(unsubscribe, str) else list(unsubscribe or ())
    if not any(address.lower().startswith("https:") for address in each):
        raise ValueError("list_unsubscribe_post needs an https: address in list_unsubscribe (RFC 8058 §3.1)")
    return b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
