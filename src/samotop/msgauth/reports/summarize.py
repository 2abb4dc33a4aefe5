"""What reports say, in numbers: by source, by alignment, by what was done with the mail.

    print(format_summary(summarize([parse_report(unpack_report(octets))])))

A source is an address that sent mail in the domain's name. Those that pass are
one's own servers and services; those that do not are forwarders, forgotten
services, or others. Raises nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from samotop.msgauth.reports.values import AggregateReport, Evaluated

SOURCE_LIMIT: Final = 25
"""Sources that the text shows; the rest is a count."""
_WIDTH: Final = 45


@dataclass(frozen=True, slots=True)
class Source:
    """One sending address: messages in all, and how many of them passed."""

    source_ip: str
    count: int
    passed: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Messages counted. ``alignments`` has "both", "dkim", "spf", "none"; ``dispositions`` and ``overrides`` the words.

    ``sources`` begin with those that sent most. Times are seconds since 1970.
    """

    reports: int
    domains: tuple[str, ...]
    begin: int
    end: int
    count: int
    passed: int
    sources: tuple[Source, ...]
    alignments: dict[str, int]
    dispositions: dict[str, int]
    overrides: dict[str, int]


def summarize(reports: Iterable[AggregateReport]) -> Summary:
    """Count the messages of reports, which should not overlap: a report that is there twice counts twice."""
    counts: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    alignments: Counter[str] = Counter()
    dispositions: Counter[str] = Counter()
    overrides: Counter[str] = Counter()
    domains: set[str] = set()
    times: list[tuple[int, int]] = []
    number = 0
    for report in reports:
        number += 1
        domains.add(report.policy.domain)
        times.append((report.metadata.begin, report.metadata.end))
        for row in report.rows:
            found = row.evaluated
            counts[found.source_ip] += row.count
            alignment = _name_alignment(found)
            passed[found.source_ip] += row.count if alignment != "none" else 0
            alignments[alignment] += row.count
            dispositions[found.disposition] += row.count
            for override in found.overrides:
                overrides[override.type] += row.count
    sources = sorted(counts, key=lambda source: (-counts[source], source))
    return Summary(
        number,
        tuple(sorted(domains)),
        min((begin for begin, _ in times), default=0),
        max((end for _, end in times), default=0),
        counts.total(),
        passed.total(),
        tuple(Source(source, counts[source], passed[source]) for source in sources),
        dict(sorted(alignments.items())),
        dict(sorted(dispositions.items())),
        dict(sorted(overrides.items())),
    )


def _name_alignment(found: Evaluated) -> str:
    if found.dkim_aligned:
        return "both" if found.spf_aligned else "dkim"
    return "spf" if found.spf_aligned else "none"


def format_summary(summary: Summary) -> str:
    """A page of text, of printable characters only: what stands in a report is from anybody."""
    lines = [
        f"{summary.reports} reports on {', '.join(map(_clean, summary.domains)) or 'nothing'}",
        f"from {_format_time(summary.begin)} to {_format_time(summary.end)}",
        f"{summary.count} messages, {summary.passed} passed, {summary.count - summary.passed} failed",
        "",
        _format_counts("aligned by", summary.alignments),
        _format_counts("done with it", summary.dispositions),
        _format_counts("for another reason", summary.overrides),
        "",
        f"{'source':<{_WIDTH}} {'messages':>10} {'passed':>10}",
    ]
    for source in summary.sources[:SOURCE_LIMIT]:
        lines.append(f"{_clean(source.source_ip):<{_WIDTH}} {source.count:>10} {source.passed:>10}")
    if len(summary.sources) > SOURCE_LIMIT:
        lines.append(f"and {len(summary.sources) - SOURCE_LIMIT} more")
    return "\n".join(lines) + "\n"


def _format_counts(title: str, counts: dict[str, int]) -> str:
    told = ", ".join(f"{_clean(word)} {count}" for word, count in list(counts.items())[:SOURCE_LIMIT])
    return f"{title}: {told or 'nothing'}"


def _clean(text: str) -> str:
    """For a terminal: no control characters, nothing that turns lines around, and not endless."""
    return "".join(c if c.isprintable() else "?" for c in text[:_WIDTH])


def _format_time(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "?"
