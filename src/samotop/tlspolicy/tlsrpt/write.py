"""A TLS report out of rows, and its file (RFC 8460 §4, §5.1).

Raises ``ValueError`` where there is nothing to report, and for names that are none.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from samotop.tlspolicy.tlsrpt.rows import TlsRow
from samotop.tlspolicy.tlsrpt.values import AppliedPolicy, FailureDetail, Metadata, PolicyReport, TlsReport

DETAIL_LIMIT: Final = 1000
"""Kinds of failure that are told for one policy, the most frequent; the sums count all."""
POLICY_LIMIT: Final = 100
"""Policies of one report: a domain has one or two, more when it changes them all day."""

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,253}")


def aggregate(rows: Iterable[tuple[TlsRow, int]], metadata: Metadata) -> TlsReport:
    """One report of rows and how often each was seen; all are of one domain. Raises ``ValueError`` without rows."""
    successes: Counter[AppliedPolicy] = Counter()
    failures: dict[AppliedPolicy, Counter[FailureDetail]] = {}
    for row, count in rows:
        found = failures.setdefault(row.policy, Counter())
        if row.failure is None:
            successes[row.policy] += count
        else:
            found[replace(row.failure, count=0)] += count
    if not failures:
        raise ValueError("there is nothing to report")
    policies = [
        PolicyReport(
            policy,
            successes[policy],
            found.total(),
            tuple(replace(detail, count=count) for detail, count in found.most_common(DETAIL_LIMIT)),
        )
        for policy, found in failures.items()
    ]
    policies.sort(key=lambda one: (-one.successes - one.failures, one.policy.type, one.policy.strings))
    return TlsReport(metadata, tuple(policies[:POLICY_LIMIT]))


def format_report(report: TlsReport) -> bytes:
    """The report as JSON (RFC 8460 §4.4), in ASCII; the same report is always the same octets."""
    about = report.metadata
    tree = {
        "organization-name": about.organization,
        "date-range": {"start-datetime": _format_time(about.begin), "end-datetime": _format_time(about.end)},
        "contact-info": about.contact,
        "report-id": about.report_id,
        "policies": [_make_policy(policy) for policy in report.policies],
    }
    return json.dumps(tree, separators=(",", ":")).encode("ascii")


def _make_policy(report: PolicyReport) -> dict[str, Any]:
    policy = report.policy
    described: dict[str, Any] = {"policy-type": policy.type, "policy-domain": policy.domain}
    if policy.strings:
        described["policy-string"] = list(policy.strings)
    if policy.hosts:
        described["mx-host"] = list(policy.hosts)
    made: dict[str, Any] = {
        "policy": described,
        "summary": {
            "total-successful-session-count": report.successes,
            "total-failure-session-count": report.failures,
        },
    }
    if report.details:
        made["failure-details"] = [_make_detail(detail) for detail in report.details]
    return made


def _make_detail(detail: FailureDetail) -> dict[str, Any]:
    known = {
        "sending-mta-ip": detail.sender_address,
        "receiving-mx-hostname": detail.host,
        "receiving-ip": detail.receiver_address,
        "failure-reason-code": detail.reason,
    }
    made: dict[str, Any] = {"result-type": detail.type, "failed-session-count": detail.count}
    return made | {name: value for name, value in known.items() if value}


def _format_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def compress_report(report: TlsReport) -> bytes:
    """The file: JSON in gzip (RFC 8460 §5.2), without a time or a name in it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(format_report(report)) + packer.flush()


def format_filename(report: TlsReport, submitter: str) -> str:
    """The file's name (RFC 8460 §5.1). Raises ``ValueError`` for names that are none."""
    if not _NAME.fullmatch(submitter) or not _NAME.fullmatch(report.domain):
        raise ValueError("submitter and policy domain must be domain names in A-labels")
    about = report.metadata
    return f"{submitter}!{report.domain}!{about.begin}!{about.end}.json.gz"
