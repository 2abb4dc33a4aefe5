"""MTA-STS policies and the records that announce them: read, written, held against a host (RFC 8461 §3, §4.1).

``parse_policy`` and ``parse_sts_record`` raise ``BadPolicy``; everything else
raises nothing. Time is linear in the text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from samotop.dns.names import normalize_name

POLICY_LIMIT: Final = 64 * 1024
"""Octets of a policy (RFC 8461 §3.3 suggests this limit)."""
PATTERN_LIMIT: Final = 500
"""Patterns of hosts in a policy: fifty times the longest seen; each is compared with each host."""
AGE_LIMIT: Final = 31_557_600
"""Seconds: a year, the longest ``max_age`` (RFC 8461 §3.2)."""
RECORD_LIMIT: Final = 4096
"""Octets of the TXT record."""
OWN_AGE: Final = 604_800
"""``max_age`` of a policy of ours, in seconds: a week, so that a first mistake does not last (RFC 8461 §3.2)."""

_RECORD_FIELD: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*=[ \t]*([!-:<>-~]+)")
_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}")
_AGE: Final = re.compile(r"[0-9]{1,10}")
_HOST: Final = re.compile(r"[a-z0-9_-]++(?:\.[a-z0-9_-]++)*+")
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
        patterns[parse_pattern(value)] = None
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


def parse_pattern(text: str) -> str:
    """A host's name, or all names one label below it: ``*.example.org`` (RFC 8461 §4.1). Raises ``BadPolicy``."""
    try:
        host = normalize_name(text.removeprefix("*."))
    except ValueError:
        host = ""
    if not _HOST.fullmatch(host):
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


def plan_policy(
    hostname: str, *, is_issued: bool, mode: Mode | None = None, patterns: tuple[str, ...] = (), max_age: int = OWN_AGE
) -> StsPolicy:
    """The policy of our own domains. ``is_issued``: a public authority may have issued the mail server's certificate.

    Without a ``mode`` it is enforced once it can be met: senders verify the
    certificate (RFC 8461 §4.2). Without ``patterns`` it names ``hostname``.
    """
    chosen = mode or (Mode.ENFORCE if is_issued else Mode.TESTING)
    return StsPolicy(chosen, patterns or (hostname,), min(max_age, AGE_LIMIT))


def format_policy(policy: StsPolicy) -> bytes:
    """The file as our own web server gives it, as text/plain (RFC 8461 §3.2)."""
    return "".join(f"{line}\r\n" for line in policy.lines).encode("ascii")


def format_sts_record(policy: StsPolicy) -> str:
    """The text of the TXT record for a policy of ours; another policy has another id (RFC 8461 §3.1)."""
    return f"v={_VERSION}; id={hashlib.sha256(format_policy(policy)).hexdigest()[:20]};"
