"""What one session adds to the report on its domain, as octets to be counted (``ports.tallies``; RFC 8460 §4).

Told are the policy, our verdict and the host's name; no message, nobody's
address. ``decode_row`` raises ``ValueError`` for octets that are no row.
"""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from typing import Final

from samotop.tlspolicy.judge import Judgement
from samotop.tlspolicy.levels import Source
from samotop.tlspolicy.mtasts import StsFound
from samotop.tlspolicy.plan import TlsPlan
from samotop.tlspolicy.tlsrpt.values import AppliedPolicy, FailureDetail, PolicyType

STRING_LIMIT: Final = 100
"""Lines of a policy that are quoted: an operator recognises it by fewer."""
TEXT_LIMIT: Final = 1024
"""Characters of one of them: a TLSA record may hold a whole certificate."""


@dataclass(frozen=True, slots=True)
class TlsRow:
    """One session: the policy it was held to, and how it failed; ``failure`` is ``None`` for one that did not."""

    policy: AppliedPolicy
    failure: FailureDetail | None = None


def make_row(
    plan: TlsPlan, judged: Judgement, *, sender_address: str = "", receiver_address: str = ""
) -> TlsRow | None:
    """The row of a session, or of a host that was passed over. ``None`` where TLS was not even to be tried.

    Without a policy of the domain, a host without TLS is a failure as well (RFC 8460 §4.3.1).
    """
    if not plan.tries_tls:
        return None
    policy = _describe(plan)
    if judged.failure is None:
        return TlsRow(policy)
    reason = judged.reason.partition(";")[0][:TEXT_LIMIT]
    return TlsRow(policy, FailureDetail(judged.failure, plan.host, reason, sender_address, receiver_address))


def make_fetch_row(found: StsFound) -> TlsRow | None:
    """The row of an MTA-STS policy that could not be fetched; ``None`` if it could (RFC 8460 §4.3.2.2)."""
    if found.failure is None:
        return None
    lines, hosts = (found.policy.lines, found.policy.patterns) if found.policy is not None else ((), ())
    policy = AppliedPolicy(PolicyType.STS, found.domain, lines[:STRING_LIMIT], hosts[:STRING_LIMIT])
    return TlsRow(policy, FailureDetail(found.failure, reason=found.reason[:TEXT_LIMIT]))


def _describe(plan: TlsPlan) -> AppliedPolicy:
    if plan.policy is Source.DANE:
        strings = tuple(f"{r.usage} {r.selector} {r.matching} {r.octets.hex()}"[:TEXT_LIMIT] for r in plan.records)
        return AppliedPolicy(PolicyType.TLSA, plan.domain, strings[:STRING_LIMIT])
    if plan.policy is Source.STS and plan.sts is not None:
        return AppliedPolicy(
            PolicyType.STS, plan.domain, plan.sts.lines[:STRING_LIMIT], plan.sts.patterns[:STRING_LIMIT]
        )
    return AppliedPolicy(PolicyType.NONE, plan.domain)


def encode_row(row: TlsRow) -> bytes:
    """A row as octets: equal rows are equal octets."""
    failure = list(astuple(row.failure)) if row.failure is not None else None
    return json.dumps([list(astuple(row.policy)), failure], separators=(",", ":")).encode("ascii")


def decode_row(octets: bytes) -> TlsRow:
    try:
        (kind, domain, strings, hosts), failure = json.loads(octets)
        policy = AppliedPolicy(kind, domain, tuple(strings), tuple(hosts))
        return TlsRow(policy, FailureDetail(*failure) if failure is not None else None)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError("no row of a TLS report") from error
