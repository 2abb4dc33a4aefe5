"""What EHLO advertises: each keyword only where it is true (RFC 5321 §4.1.1.1)."""

from __future__ import annotations

from collections.abc import Sequence

from samotop.smtp.rules import Rules


def plan_extensions(
    rules: Rules,
    *,
    offers_starttls: bool,
    is_encrypted: bool,
    mechanisms: Sequence[str],
    keywords: Sequence[str] = (),
) -> tuple[str, ...]:
    """The lines of the EHLO reply after the first, in the order in which they are shown.

    ``mechanisms`` are those that may be used now; none, and AUTH is not
    advertised. ``keywords`` are lines of verbs added from outside.
    """
    lines = [
        "PIPELINING",
        f"SIZE {rules.size}",
        "8BITMIME",
        "SMTPUTF8",
        "ENHANCEDSTATUSCODES",
        "CHUNKING",
        "BINARYMIME",
        "DSN",
        f"LIMITS MAILMAX={rules.transactions} RCPTMAX={rules.recipients}",
    ]
    if offers_starttls and not is_encrypted:
        lines.append("STARTTLS")
    if is_encrypted:
        lines.append("REQUIRETLS")
    if mechanisms:
        lines.append("AUTH " + " ".join(mechanisms))
    lines.extend(keywords)
    return tuple(lines)


def keywords_of(lines: Sequence[str]) -> frozenset[str]:
    """The keywords alone: what parameters may rely on."""
    return frozenset(line.partition(" ")[0] for line in lines)
