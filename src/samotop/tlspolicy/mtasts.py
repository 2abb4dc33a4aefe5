"""MTA-STS: a domain says over HTTPS that mail to it must come encrypted, and to which hosts (RFC 8461).

    found = await lookup_sts("example.org", cached, resolver, fetcher, now=now)
    found.policy          what is in force, or None
    found.entry           what to keep for the next time (``ports.policies``), if ``found.is_new``

A policy is kept for as long as it says (``max_age``), whatever becomes of the
record that announced it, so that cutting DNS or the web server off takes
nothing away (RFC 8461 §5.1). What cannot be fetched and was never there is no
policy: that is the gap in MTA-STS that DANE has not.

``parse_policy`` and ``parse_sts_record`` raise ``BadPolicy``; everything else
raises nothing. Awaits nothing but the resolver and the fetcher, whose work is
bounded by themselves; time is linear in the text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import Final, Protocol

from samotop.dns.names import normalize_name
from samotop.dns.resolver import Resolver
from samotop.msgauth.results import Result
from samotop.tlspolicy.levels import Failure

POLICY_LIMIT: Final = 64 * 1024
"""Octets of a policy (RFC 8461 §3.3 suggests this limit)."""
PATTERN_LIMIT: Final = 500
"""Patterns of hosts in a policy: fifty times the longest seen; each is compared with each host."""
AGE_LIMIT: Final = 31_557_600
"""Seconds: a year, the longest ``max_age`` (RFC 8461 §3.2)."""
RECORD_LIMIT: Final = 4096
"""Octets of the TXT record."""

_RECORD_FIELD: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*=[ \t]*([!-:<>-~]+)")
_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}")
_AGE: Final = re.compile(r"[0-9]{1,10}")
_VERSION: Final = "STSv1"


class Mode(StrEnum):
    """What a policy asks of senders (RFC 8461 §5)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    """Report what would have failed, and deliver."""
    NONE = "none"
    """There is no policy any more."""


class BadPolicy(ValueError):
    """This is no policy, or no record of one. The text quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """``patterns`` are host names in lower case, the first label may be an asterisk; ``max_age`` is in seconds."""

    mode: Mode
    patterns: tuple[str, ...]
    max_age: int

    @property
    def is_live(self) -> bool:
        """Does the domain want MTA-STS? Mode none takes a policy back."""
        return self.mode is not Mode.NONE

    @property
    def lines(self) -> tuple[str, ...]:
        """The fields as the policy file has them: what a report quotes (RFC 8460 §4.4, "policy-string")."""
        hosts = tuple(f"mx: {pattern}" for pattern in self.patterns)
        return (f"version: {_VERSION}", f"mode: {self.mode}", *hosts, f"max_age: {self.max_age}")


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


def choose_record(texts: Iterable[bytes]) -> str:
    """The id in the TXT records of ``_mta-sts.``; empty where there is not exactly one record (RFC 8461 §3.1)."""
    records = [text for text in texts if text[:8].rstrip(b" \t;") == b"v=STSv1"]
    try:
        return parse_sts_record(records[0]) if len(records) == 1 else ""
    except BadPolicy:
        return ""


def parse_sts_record(octets: bytes) -> str:
    """The id of a TXT record. Raises ``BadPolicy``."""
    if len(octets) > RECORD_LIMIT or not octets.isascii():
        raise BadPolicy("no MTA-STS record")
    version, *fields = octets.decode("ascii").split(";")
    if version.rstrip(" \t") != f"v={_VERSION}":
        raise BadPolicy("an MTA-STS record of another version")
    found = ""
    for number, text in enumerate(fields, 1):
        stripped = text.strip(" \t")
        if not stripped and number == len(fields):
            break
        field = _RECORD_FIELD.fullmatch(stripped)
        if field is None:
            raise BadPolicy("an MTA-STS record with a field that is none")
        if field[1] == "id" and not found:
            found = field[2]
    if not _ID.fullmatch(found):
        raise BadPolicy("an MTA-STS record without an id of 1 to 32 letters and digits")
    return found


def parse_policy(octets: bytes) -> StsPolicy:
    """Read a policy file (RFC 8461 §3.2). Raises ``BadPolicy``.

    Of a field that stands twice, the first counts; fields that are not known
    are passed over, as are lines that are no field.
    """
    if len(octets) > POLICY_LIMIT:
        raise BadPolicy(f"a policy of more than {POLICY_LIMIT} octets")
    try:
        lines = octets.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise BadPolicy("a policy that is not in UTF-8") from None
    fields: dict[str, str] = {}
    patterns: dict[str, None] = {}
    for line in lines:
        name, colon, text = line.removesuffix("\r").partition(":")
        value = text.strip(" \t")
        if not colon:
            continue
        if name != "mx":
            fields.setdefault(name, value)
            continue
        patterns[_parse_pattern(value)] = None
        if len(patterns) > PATTERN_LIMIT:
            raise BadPolicy(f"a policy with more than {PATTERN_LIMIT} hosts")
    if fields.get("version") != _VERSION:
        raise BadPolicy("a policy of another version")
    if fields.get("mode") not in tuple(Mode):
        raise BadPolicy("a policy without a mode")
    if not _AGE.fullmatch(fields.get("max_age", "")):
        raise BadPolicy("a policy without max_age")
    mode = Mode(fields["mode"])
    if not patterns and mode is not Mode.NONE:
        raise BadPolicy("a policy that names no host")
    return StsPolicy(mode, tuple(patterns), min(int(fields["max_age"]), AGE_LIMIT))


def _parse_pattern(text: str) -> str:
    try:
        host = normalize_name(text.removeprefix("*."))
    except ValueError:
        host = ""
    if not host or "*" in host:
        raise BadPolicy("a policy with a host that is none")
    return f"*.{host}" if text.startswith("*.") else host


def match_host(policy: StsPolicy, host: str) -> bool:
    """Is ``host``, from the MX records, one that the policy allows? An asterisk is one label (RFC 8461 §4.1)."""
    try:
        name = normalize_name(host)
    except ValueError:
        return False
    above = name.partition(".")[2]
    return bool(name) and (name in policy.patterns or (bool(above) and f"*.{above}" in policy.patterns))


def format_url(domain: str) -> str:
    """Where the policy of ``domain`` is (RFC 8461 §3.3)."""
    return f"https://mta-sts.{domain}/.well-known/mta-sts.txt"


def format_policy(policy: StsPolicy) -> bytes:
    """The file as our own web server gives it, as text/plain (RFC 8461 §3.2)."""
    return "".join(f"{line}\r\n" for line in policy.lines).encode("ascii")


def format_sts_record(policy: StsPolicy) -> str:
    """The text of the TXT record for a policy of ours; another policy has another id (RFC 8461 §3.1)."""
    return f"v={_VERSION}; id={hashlib.sha256(format_policy(policy)).hexdigest()[:20]};"
