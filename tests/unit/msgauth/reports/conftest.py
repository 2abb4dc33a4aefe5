"""Reports that the tests of this folder share."""

from __future__ import annotations

import pytest

from samotop.msgauth.reports import (
    AggregateReport,
    DkimOutcome,
    Evaluated,
    Metadata,
    Override,
    PublishedPolicy,
    ReportRow,
    SpfOutcome,
)


@pytest.fixture
def report() -> AggregateReport:
    """A report with everything in it that the format has room for."""
    return AggregateReport(
        Metadata(
            "Sample & Reporter",
            "reports@reporter.example",
            "3v98abbp8ya9n3va8yr8oa3ya",
            302832000,
            302918399,
            "https://reporter.example/<dmarc>",
            ("several DMARC records at one name",),
            "Samotop",
        ),
        PublishedPolicy("example.com", "quarantine", "none", "reject", "r", "s", "1:d", "y"),
        (
            ReportRow(
                123,
                Evaluated(
                    "192.0.2.123",
                    "example.com",
                    "pass",
                    True,
                    False,
                    "bounces.example.com",
                    "receiver.example",
                    (),
                    (DkimOutcome("example.com", "abc123", "pass"), DkimOutcome("list.example", "s", "fail", "body")),
                    (SpfOutcome("bounces.example.com", "softfail", "mfrom", "why"),),
                ),
            ),
            ReportRow(
                1,
                Evaluated(
                    "2001:db8::1",
                    "sub.example.com",
                    "none",
                    False,
                    False,
                    "",
                    "",
                    (Override("policy_test_mode"), Override("other", "because")),
                ),
            ),
        ),
    )
