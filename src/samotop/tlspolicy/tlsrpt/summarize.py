"""What reports of others say of our hosts, in numbers: by policy, by kind of failure, by who reports.

    print(format_summary(summarize([read_message(mail)])))

Raises nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from samotop.tlspolicy.tlsrpt.values import TlsReport

SHOWN: Final = 25
"""Lines of each kind that the text shows."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Sessions counted, by the words of the reports; times are seconds since 1970."""

    reports: int
    domains: tuple[str, ...]
    begin: int
    end: int
    successes: int
    failures: int
    policies: Mapping[str, tuple[int, int]]
    """Policy type: what went well, what did not."""
    kinds: Mapping[tuple[str, str], int]
    """Result type and receiving host: failures."""
    reporters: Mapping[str, int]
    """Organization: failures that it tells of."""


def summarize(reports: Iterable[TlsReport]) -> Summary:
    """Count the sessions of reports, which should not overlap: a report that is there twice counts twice."""
    well: Counter[str] = Counter()
    badly: Counter[str] = Counter()
    kinds: Counter[tuple[str, str]] = Counter()
    reporters: Counter[str] = Counter()
    domains: set[str] = set()
    begins: list[int] = []
    ends: list[int] = []
    for report in reports:
        begins.append(report.metadata.begin)
        ends.append(report.metadata.end)
        reporters[report.metadata.organization] += report.failures
        for policy in report.policies:
            domains.add(policy.policy.domain)
            well[policy.policy.type] += policy.successes
            badly[policy.policy.type] += policy.failures
            for detail in policy.details:
                kinds[detail.type, detail.host] += detail.count
    return Summary(
        len(begins),
        tuple(sorted(domains)),
        min(begins, default=0),
        max(ends, default=0),
        well.total(),
        badly.total(),
        {kind: (well[kind], badly[kind]) for kind in sorted(well)},
        dict(kinds.most_common()),
        dict(reporters.most_common()),
    )


def format_summary(summary: Summary) -> str:
    """A page of text, of printable characters only: what stands in a report is from anybody."""
    domains = ", ".join(map(_clean, summary.domains[:SHOWN]))
    lines = [
        f"{summary.reports} TLS reports on {domains or 'nothing'}",
        f"from {_format_time(summary.begin)} to {_format_time(summary.end)}",
        f"{summary.successes + summary.failures} sessions, {summary.failures} failed",
        "",
    ]
    for kind, (well, badly) in list(summary.policies.items())[:SHOWN]:
        lines.append(f"{_clean(kind):<24} {well:>10} went well {badly:>10} failed")
    if summary.kinds:
        lines += ["", "why"]
        for (kind, host), count in list(summary.kinds.items())[:SHOWN]:
            lines.append(f"{_clean(kind):<30} {_clean(host):<40} {count:>10}")
    if any(summary.reporters.values()):
        lines += ["", "told by"]
        for name, count in list(summary.reporters.items())[:SHOWN]:
            lines.append(f"{_clean(name):<40} {count:>10}")
    return "\n".join(lines) + "\n"


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:100]) or "-"


def _format_time(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "?"
