"""Rows of messages become a report (RFC 9990 §3.1): equal ones are counted, the rest is put in order.

The same rows in any order give the same report. Of a message's signatures a
row tells at most ``SIGNATURE_LIMIT``, the best first (RFC 9990 §3.1.3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from samotop.msgauth.reports.values import AggregateReport, DkimOutcome, DmarcRow, Evaluated, Metadata, ReportRow

SIGNATURE_LIMIT: Final = 100
"""Signatures that a row tells (RFC 9990 §3.1.3)."""


def group_rows(rows: Iterable[DmarcRow]) -> dict[str, list[DmarcRow]]:
    """Rows by policy domain, for each of which there is one report. The order of rows is kept."""
    grouped: dict[str, list[DmarcRow]] = {}
    for row in rows:
        grouped.setdefault(row.policy.domain, []).append(row)
    return grouped


def aggregate(rows: Iterable[tuple[DmarcRow, int]], metadata: Metadata) -> AggregateReport:
    """One report of rows that have one policy domain, each with how many messages it stands for.

    A policy that changed in between is told as it was at the last row (RFC
    9990 §3.1). Raises ``ValueError`` without rows or with several policy domains.
    """
    counts: Counter[Evaluated] = Counter()
    policy = None
    for row, count in rows:
        if policy is not None and policy.domain != row.policy.domain:
            raise ValueError("a report is about one policy domain")
        policy = row.policy
        counts[_arrange(row.evaluated)] += count
    if policy is None:
        raise ValueError("a report has at least one row")
    ordered = sorted(counts.items(), key=lambda item: (-item[1], repr(item[0])))
    return AggregateReport(metadata, policy, tuple(ReportRow(count, evaluated) for evaluated, count in ordered))


def _arrange(evaluated: Evaluated) -> Evaluated:
    """With signatures in the order of their worth."""
    if len(evaluated.dkim) < 2:
        return evaluated
    author = evaluated.header_from

    def worth(outcome: DkimOutcome) -> tuple[int, str, str, str]:
        if outcome.result != "pass":
            rank = 3
        elif outcome.domain == author:
            rank = 0
        else:
            is_kin = author.endswith("." + outcome.domain) or outcome.domain.endswith("." + author)
            rank = 1 if is_kin else 2
        return rank, outcome.domain, outcome.selector, outcome.result

    return replace(evaluated, dkim=tuple(sorted(evaluated.dkim, key=worth)[:SIGNATURE_LIMIT]))
