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


class Totals:
    """Counts the sessions of reports as they come; they should not overlap: one that comes twice counts twice."""

    def __init__(self) -> None:
        self._well: Counter[str] = Counter()
        self._badly: Counter[str] = Counter()
        self._kinds: Counter[tuple[str, str]] = Counter()
        self._reporters: Counter[str] = Counter()
        self._domains: set[str] = set()
        self._count = self._begin = self._end = 0

    def add(self, report: TlsReport) -> None:
        about = report.metadata
        self._begin = min(self._begin, about.begin) if self._count else about.begin
        self._end = max(self._end, about.end)
        self._count += 1
        self._reporters[about.organization] += report.failures
        for policy in report.policies:
            self._domains.add(policy.policy.domain)
            self._well[policy.policy.type] += policy.successes
            self._badly[policy.policy.type] += policy.failures
            for detail in policy.details:
                self._kinds[detail.type, detail.host] += detail.count

    @property
    def summary(self) -> Summary:
        """What has been counted so far."""
        return Summary(
            self._count,
            tuple(sorted(self._domains)),
            self._begin,
            self._end,
            self._well.total(),
            self._badly.total(),
            {kind: (self._well[kind], self._badly[kind]) for kind in sorted(self._well)},
            dict(self._kinds.most_common()),
            dict(self._reporters.most_common()),
        )


def summarize(reports: Iterable[TlsReport]) -> Summary:
    """All of ``reports`` in numbers."""
    totals = Totals()
    for report in reports:
        totals.add(report)
    return totals.summary


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
