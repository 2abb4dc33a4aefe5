"""TLS reports as values (RFC 8460 §4). Words stand as the format spells them; times are seconds since 1970, UTC.

In a report that was read they are what its sender wrote and may be any word.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PolicyType(StrEnum):
    """Which policy a session was held to (RFC 8460 §4.4)."""

    TLSA = "tlsa"
    STS = "sts"
    NONE = "no-policy-found"


@dataclass(frozen=True, slots=True)
class AppliedPolicy:
    """A policy of ``domain``. ``strings`` are its TLSA records or the lines of its file, ``hosts`` its MX patterns."""

    type: str
    domain: str
    strings: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FailureDetail:
    """So many sessions failed like this. ``type`` is a word of ``levels.Failure``; what is not known is empty."""

    type: str
    host: str = ""
    """The receiving MX host."""
    reason: str = ""
    """A code or a few words of who reports: "failure-reason-code"."""
    sender_address: str = ""
    receiver_address: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """What came of the sessions under one policy."""

    policy: AppliedPolicy
    successes: int
    failures: int
    details: tuple[FailureDetail, ...] = ()


@dataclass(frozen=True, slots=True)
class Metadata:
    """Who reports, and on what time: from ``begin`` to ``end``, both included."""

    organization: str
    contact: str
    report_id: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class TlsReport:
    """One report. ``problems`` tell what one that was read lacks or garbles."""

    metadata: Metadata
    policies: tuple[PolicyReport, ...]
    problems: tuple[str, ...] = ()

    @property
    def domain(self) -> str:
        """The domain that the report is on: that of its first policy."""
        return self.policies[0].policy.domain if self.policies else ""

    @property
    def successes(self) -> int:
        return sum(policy.successes for policy in self.policies)

    @property
    def failures(self) -> int:
        return sum(policy.failures for policy in self.policies)
