"""MTA-STS: a domain says over HTTPS that mail to it must come encrypted, and to which hosts (RFC 8461).

    found = await lookup_sts("example.org", cached, resolver, fetcher, now=now)
    found.policy          what is in force, or None
    found.entry           what to keep for the next time (``ports.policies``), if ``found.is_new``

A policy is kept for as long as it says (``max_age``), whatever becomes of the
record that announced it, so that cutting DNS or the web server off takes
nothing away (RFC 8461 §5.1). What cannot be fetched and was never there is no
policy: that is the gap in MTA-STS that DANE has not.

How a policy is read is in ``stspolicy``, whose names are here as well. Awaits
nothing but the resolver and the fetcher, whose work is bounded by themselves;
raises nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from samotop.dns.names import normalize_name
from samotop.dns.resolver import Resolver
from samotop.msgauth.results import Result
from samotop.tlspolicy.levels import Failure
from samotop.tlspolicy.stspolicy import (
    AGE_LIMIT,
    PATTERN_LIMIT,
    POLICY_LIMIT,
    BadPolicy,
    Mode,
    StsPolicy,
    choose_record,
    format_policy,
    format_sts_record,
    format_url,
    match_host,
    parse_policy,
    parse_sts_record,
)

__all__ = [
    "AGE_LIMIT",
    "PATTERN_LIMIT",
    "POLICY_LIMIT",
    "BadPolicy",
    "FetchStatus",
    "Fetched",
    "Fetcher",
    "Mode",
    "StsEntry",
    "StsFound",
    "StsPolicy",
    "StsRules",
    "choose_record",
    "format_policy",
    "format_sts_record",
    "format_url",
    "lookup_sts",
    "match_host",
    "parse_policy",
    "parse_sts_record",
    "plan_fetch",
]


@dataclass(frozen=True, slots=True)
class StsRules:
    """Times are in seconds."""

    refresh: float = 86400.0
    """A policy is fetched again at least once a day, so that it never ends while its web server is away (§3.3)."""
    retry: float = 300.0
    """After a failure nobody is asked for this long (RFC 8461 §3.3 suggests five minutes)."""


@dataclass(frozen=True, slots=True)
class StsEntry:
    """What is kept of one domain. Without ``policy`` it remembers a failure alone; times are seconds since 1970."""

    domain: str
    policy: StsPolicy | None = None
    id: str = ""
    fetched_at: float = 0.0
    failed_at: float = 0.0
    """When fetching failed last, for the record ``failed_id``; 0 if it has not since it last went well."""
    failed_id: str = ""

    @property
    def ends_at(self) -> float:
        """When the policy, or the memory of the failure, is of no use any more."""
        return self.fetched_at + self.policy.max_age if self.policy is not None else self.failed_at + 86400.0

    def policy_at(self, now: float) -> StsPolicy | None:
        """The policy, if it is in force at ``now``."""
        return self.policy if self.policy is not None and now <= self.ends_at else None


class FetchStatus(Enum):
    """How fetching ended."""

    OK = "ok"
    """Status 200 and text/plain, complete."""
    UNTRUSTED = "untrusted"
    """The server's certificate does not verify."""
    REFUSED = "refused"
    """Any other status, media type or size: not now, and probably not later."""
    FAILED = "failed"
    """Nobody answered in time, or nonsense."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """``body`` where it is OK; ``reason`` says in words why it is not, and quotes nothing of the server's."""

    status: FetchStatus
    body: bytes = b""
    reason: str = ""


class Fetcher(Protocol):
    """Fetches a policy over HTTPS: verified certificate, no redirects, ``POLICY_LIMIT`` octets, text/plain (§3.3)."""

    async def fetch(self, url: str) -> Fetched:
        """Raises nothing but ``asyncio.CancelledError``."""
        ...


@dataclass(frozen=True, slots=True)
class StsFound:
    """What is known of ``domain`` now. PASS: ``policy`` is in force. NONE: there is none. TEMPERROR: nobody can tell.

    ``failure`` is what a report would say of fetching it, also where an older
    policy stays in force.
    """

    domain: str
    result: Result
    policy: StsPolicy | None = None
    entry: StsEntry | None = None
    is_new: bool = False
    """``entry`` is to be written down."""
    failure: Failure | None = None
    reason: str = ""


async def lookup_sts(
    domain: str,
    entry: StsEntry | None,
    resolver: Resolver,
    fetcher: Fetcher,
    *,
    now: float,
    must_refresh: bool = False,
    rules: StsRules = StsRules(),
) -> StsFound:
    """The policy of ``domain``, which was looked up by its MX; ``entry`` is what is kept of it.

    ``must_refresh``: a message is about to be returned for this policy's sake,
    so make sure that it still stands (RFC 8461 §5.1).
    """
    try:
        name = normalize_name(domain)
    except ValueError:
        return StsFound(domain, Result.NONE)
    if not name:
        return StsFound(domain, Result.NONE)
    answer = await resolver.lookup(f"_mta-sts.{name}", "TXT")
    announced = choose_record(answer.texts)
    if not plan_fetch(entry, announced, now=now, must_refresh=must_refresh, rules=rules):
        return _found(name, entry, now, Result.TEMPERROR if answer.is_temporary else Result.NONE)
    fetched = await fetcher.fetch(format_url(name))
    try:
        if fetched.status is not FetchStatus.OK:
            failure = Failure.STS_WEBPKI if fetched.status is FetchStatus.UNTRUSTED else Failure.STS_FETCH
            return _failed(name, entry, announced, now, failure, fetched.reason)
        policy = parse_policy(fetched.body)
    except BadPolicy as error:
        return _failed(name, entry, announced, now, Failure.STS_INVALID, str(error))
    kept = StsEntry(name, policy, announced, now)
    return StsFound(name, Result.PASS, policy, kept, is_new=True)


def _found(name: str, entry: StsEntry | None, now: float, otherwise: Result) -> StsFound:
    policy = entry.policy_at(now) if entry is not None else None
    return StsFound(name, otherwise if policy is None else Result.PASS, policy, entry)


def _failed(name: str, entry: StsEntry | None, announced: str, now: float, failure: Failure, reason: str) -> StsFound:
    kept = replace(entry or StsEntry(name), failed_at=now, failed_id=announced)
    policy = kept.policy_at(now)
    result = Result.TEMPERROR if policy is None else Result.PASS
    return StsFound(name, result, policy, kept, is_new=True, failure=failure, reason=reason)


def plan_fetch(
    entry: StsEntry | None,
    announced: str,
    *,
    now: float,
    must_refresh: bool = False,
    rules: StsRules = StsRules(),
) -> bool:
    """Is the policy to be fetched now? ``announced`` is the record's id, empty without one (RFC 8461 §3.3, §5.1)."""
    if not announced:
        return False
    if entry is None:
        return True
    if entry.failed_id == announced and now - entry.failed_at < rules.retry:
        return False
    is_due = now - entry.fetched_at >= rules.refresh or entry.policy_at(now) is None
    return must_refresh or is_due or entry.id != announced
