"""Records as text: a line to paste, or a whole zone file with comments (RFC 1035 §5). Raises nothing."""

from __future__ import annotations

from typing import Final

from samotop.cli.dns_records import Needed, Section, Situation
from samotop.dns.zonefile import format_comment, format_entry, is_inside

TTL: Final = 3600
"""Seconds: a mistake is out of the caches within the hour."""


def is_published(record: Needed, domain: str) -> bool:
    """Does the record stand in the domain's own zone?"""
    return is_inside(record.name, domain)


def format_record(record: Needed, domain: str) -> str:
    """The line to paste; with absolute names where it belongs into another zone."""
    return format_line(record, domain if is_published(record, domain) else "")


def format_zone(situation: Situation, sections: list[Section]) -> str:
    """The sections as a zone file (RFC 1035 §5): comments, and records that any name server reads."""
    domain = situation.domain
    parts = [
        format_comment(
            f"What {domain} needs for mail at {situation.hostname}. Paste it into the zone, or include it there; "
            f"then ask: samotop dns check {domain}"
        ),
        f"$ORIGIN {domain}.\n$TTL {TTL}",
    ]
    for section in sections:
        lines = [format_comment(section.why)]
        lines += [format_line(record, domain) for record in section.records if is_published(record, domain)]
        foreign = [record for record in section.records if not is_published(record, domain)]
        if foreign:
            lines.append(format_comment(f"In the zone of {situation.hostname}, not in this one:"))
            lines += [f"; {format_record(record, domain)}" for record in foreign]
        if section.remarks:
            lines.append(_format_remarks(section.remarks))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _format_remarks(text: str) -> str:
    """Comments, indented lines as they are."""
    return "\n".join(
        f"; {line}" if line.startswith("  ") or " IN " in line else format_comment(line) for line in text.splitlines()
    )


def format_line(record: Needed, domain: str) -> str:
    """The record as it stands in the zone of ``domain``."""
    if not is_published(record, domain):
        return format_entry(f"{record.name}.", record.type, record.data, origin="")
    return format_entry(record.name, record.type, record.data, origin=domain)
