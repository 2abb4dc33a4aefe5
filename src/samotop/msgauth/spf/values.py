"""What macros stand for in one evaluation (RFC 7208 §7.2)."""

from __future__ import annotations

from typing import Final

from samotop.dns import normalize_name
from samotop.msgauth.addresses import PeerAddress

ADDRESS_LIMIT: Final = 1024
"""Characters of a reverse-path or a hello name: twice what SMTP lets through, for callers without an SMTP server."""


def make_values(peer: PeerAddress, hello: str, local: str, origin: str, receiver: str) -> dict[str, str]:
    """The values by letter, but for ``d``, ``p`` and ``t``, which depend on the place, on DNS and on the clock."""
    dotted, version = peer.text, "in-addr"
    if peer.type == "AAAA":
        dotted, version = ".".join(f"{peer.number:032X}"), "ip6"
    return {
        "s": f"{local}@{origin}",
        "l": local,
        "o": origin,
        "i": dotted,
        "h": _format_hello(hello),
        "v": version,
        "c": peer.text,
        "r": receiver,
    }


def _format_hello(hello: str) -> str:
    """For ``%{h}``: as it was said, but for U-labels, which no name in DNS has."""
    if len(hello) > ADDRESS_LIMIT:
        return ""
    if hello.isascii():
        return hello
    try:
        return normalize_name(hello)
    except ValueError:
        return hello
