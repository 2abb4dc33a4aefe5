"""Records as lines of a zone file (RFC 1035 §5.1), to be read by people and by name servers.

    format_entry("_dmarc.example.org", "TXT", format_strings("v=DMARC1; p=reject"), origin="example.org")
    '_dmarc                            IN TXT   "v=DMARC1; p=reject"'

Names in record data must be absolute, with their last dot; owner names are
written relative to the origin. Raises ``ValueError`` for an owner outside of
it: such a line belongs into another zone.
"""

from __future__ import annotations

import textwrap
from typing import Final

from samotop.dns.names import normalize_name

STRING_LIMIT: Final = 255
"""Octets of one character string (RFC 1035 §3.3)."""
OWNER_COLUMNS: Final = 34
"""Room for the owner, so that most lines stand below each other."""
COMMENT_COLUMNS: Final = 100

_PLAIN: Final = frozenset(range(32, 127)) - frozenset(b'"\\')


def format_strings(text: str | bytes) -> str:
    """TXT data: the text in quotes, in strings of at most 255 octets each."""
    octets = text.encode() if isinstance(text, str) else text
    pieces = [octets[at : at + STRING_LIMIT] for at in range(0, len(octets), STRING_LIMIT)] or [b""]
    return " ".join(f'"{"".join(map(_escape, piece))}"' for piece in pieces)


def _escape(octet: int) -> str:
    if octet in _PLAIN:
        return chr(octet)
    return f"\\{chr(octet)}" if octet in b'"\\' else f"\\{octet:03}"


def format_entry(owner: str, type: str, data: str, *, origin: str) -> str:
    """One line, without its end, for class IN and the zone's default TTL."""
    return f"{relative_owner(owner, origin):<{OWNER_COLUMNS}}IN {type:<5} {data}"


def relative_owner(owner: str, origin: str) -> str:
    """``owner`` as it stands in the zone of ``origin``: ``@`` for the origin itself, absolute in the root zone."""
    if not is_inside(owner, origin):
        raise ValueError("a name is outside of the zone")
    name, zone = normalize_name(owner), normalize_name(origin)
    if name == zone:
        return "@"
    return name[: len(name) - len(zone) - 1] if zone else f"{name}."


def is_inside(name: str, zone: str) -> bool:
    """Is ``name`` the zone's own name or below it?"""
    plain, above = normalize_name(name), normalize_name(zone)
    return not above or plain == above or plain.endswith(f".{above}")


def format_comment(text: str) -> str:
    """Lines that begin with a semicolon; each line of ``text`` is wrapped on its own."""
    lines: list[str] = []
    for line in text.splitlines():
        kept = "".join(character if character.isprintable() else "?" for character in line)
        lines += textwrap.wrap(kept, COMMENT_COLUMNS - 2, break_long_words=False, break_on_hyphens=False) or [""]
    return "\n".join(f"; {line}".rstrip() for line in lines)
