"""What a server offers: the EHLO reply as a value (RFC 5321 §4.1.1.1).

Read tolerantly: a line that makes no sense is a keyword without meaning, a
number that is none is left away. REQUIRETLS counts under TLS alone (RFC 8689
§2), and the old spelling ``AUTH=`` is read like ``AUTH``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from samotop.reply import Reply

_DIGITS_LIMIT: Final = 20
"""Digits of a number that we read (RFC 1870 §3)."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """``keywords`` are all that were shown, in capitals; the other fields are what lines say beyond their keyword.

    ``size`` in octets: ``None`` if no limit was named (RFC 1870 §3).
    ``mechanisms`` in capitals, in the server's order (RFC 4954 §3).
    ``mails``, ``recipients`` and ``recipient_domains`` are LIMITS' MAILMAX,
    RCPTMAX and RCPTDOMAINMAX (RFC 9422). ``hold_seconds`` and ``hold_until``
    (as written) are the most that FUTURERELEASE allows (RFC 4865 §4);
    ``deliver_by`` the least seconds that DELIVERBY does, 0 if it named none
    (RFC 2852 §4).
    """

    hostname: str = ""
    is_extended: bool = False
    keywords: frozenset[str] = frozenset()
    size: int | None = None
    mechanisms: tuple[str, ...] = ()
    mails: int | None = None
    recipients: int | None = None
    recipient_domains: int | None = None
    hold_seconds: int | None = None
    hold_until: str = ""
    deliver_by: int = 0

    def offers(self, keyword: str) -> bool:
        """``offers("STARTTLS")``; keywords are in capitals."""
        return keyword in self.keywords

    @property
    def can_pipeline(self) -> bool:
        """RFC 2920."""
        return "PIPELINING" in self.keywords

    @property
    def can_chunk(self) -> bool:
        """BDAT (RFC 3030)."""
        return "CHUNKING" in self.keywords

    @property
    def can_start_tls(self) -> bool:
        return "STARTTLS" in self.keywords


NO_CAPABILITIES: Final = Capabilities()


def parse_capabilities(reply: Reply, *, is_encrypted: bool) -> Capabilities:
    """Read a positive reply to EHLO or LHLO. Never raises."""
    lines: dict[str, list[str]] = {}
    for line in reply.lines[1:]:
        keyword, *words = line.upper().replace("AUTH=", "AUTH ", 1).split() or [""]
        if keyword and (keyword != "REQUIRETLS" or is_encrypted):
            lines.setdefault(keyword, []).extend(words)
    limits = _limits(lines.get("LIMITS", ()))
    release = lines.get("FUTURERELEASE", ())
    return Capabilities(
        hostname=reply.lines[0].partition(" ")[0],
        is_extended=True,
        keywords=frozenset(lines),
        size=_number(lines.get("SIZE", ())) or None,
        mechanisms=tuple(dict.fromkeys(lines.get("AUTH", ()))),
        mails=limits.get("MAILMAX"),
        recipients=limits.get("RCPTMAX"),
        recipient_domains=limits.get("RCPTDOMAINMAX"),
        hold_seconds=_number(release),
        hold_until=release[1] if len(release) > 1 else "",
        deliver_by=_number(lines.get("DELIVERBY", ())) or 0,
    )


def _limits(words: Sequence[str]) -> dict[str, int]:
    """``NAME=number`` of those that are numbers above 0 (RFC 9422 §4)."""
    found: dict[str, int] = {}
    for word in words:
        name, _, value = word.partition("=")
        number = _number((value,))
        if number:
            found.setdefault(name, number)
    return found


def _number(words: Sequence[str]) -> int | None:
    word = words[0].partition(",")[0] if words else ""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= _DIGITS_LIMIT else None
