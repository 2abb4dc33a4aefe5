"""What EHLO advertises: each keyword only where it is true (RFC 5321 §4.1.1.1)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from samotop.reply import Reply
from samotop.smtp.rules import Rules

_LIMIT_SHOWN: Final = 999_999
"""The largest number that LIMITS can show (RFC 9422 §4)."""


@lru_cache(maxsize=64)  # the same for every session of a listener: with TLS and without, HELO and EHLO
def plan_hello(
    hostname: str,
    rules: Rules,
    *,
    is_extended: bool,
    offers_starttls: bool,
    is_encrypted: bool,
    mechanisms: tuple[str, ...],
    keywords: tuple[str, ...],
) -> Reply:
    """The positive reply to HELO (one line) or EHLO (our name, then the extensions in this order).

    ``mechanisms`` are those that may be used now; none, and AUTH is not
    advertised. ``keywords`` are further lines: times that may be asked for
    (``times``), verbs added from outside.
    """
    if not is_extended:
        return Reply(250, None, (hostname,))
    mails, recipients = min(rules.transactions, _LIMIT_SHOWN), min(rules.recipients, _LIMIT_SHOWN)
    lines = [
        hostname,
        "PIPELINING",
        f"SIZE {rules.size}",
        "8BITMIME",
        "SMTPUTF8",
        "ENHANCEDSTATUSCODES",
        "CHUNKING",
        "BINARYMIME",
        "DSN",
        f"LIMITS MAILMAX={mails} RCPTMAX={recipients}",
    ]
    if offers_starttls:
        lines.append("STARTTLS")
    if is_encrypted:
        lines.append("REQUIRETLS")
    if mechanisms:
        lines.append("AUTH " + " ".join(mechanisms))
    lines.extend(keywords)
    return Reply(250, None, tuple(lines))


@lru_cache(maxsize=64)
def keywords_of(lines: tuple[str, ...]) -> frozenset[str]:
    """The keywords that an EHLO reply shows in the lines after the first."""
    return frozenset(line.partition(" ")[0].upper() for line in lines[1:])
