"""Sender rewriting for forwarded mail: reverse-paths that are ours, and lead back (SRS0 and SRS1).

A message that we forward would fail SPF under its author's domain, so it goes
on under ours: ``SRS0=HASH=TT=example.net=alice@our.example``. A notification to
that address is sent back to alice@example.net, if the hash is ours and the day
``TT`` not too long ago: nobody else can make us relay with it. What comes
rewritten already (by another forwarder's SRS0) becomes SRS1, which remembers
only that forwarder, so that addresses do not grow with each hop.

The hash is HMAC-SHA-256 over day, domain and local part, cut to 12 characters
of base 32 (60 bits): not to be guessed within the days that it counts. It is
compared without regard to case, because some servers fold local parts.

Pure: the secret and the day (since 1970, UTC) are passed in. Raises nothing:
what cannot be rewritten or read back is ``None``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from samotop.address import Address

HASH_LENGTH: Final = 12
LOCAL_LIMIT: Final = 200
"""Characters of a rewritten local part. RFC 5321 §4.5.3.1.1 has 64, which SRS cannot keep for long addresses; servers
take more, and what is longer than this is forwarded under the null reverse-path's rules by who asks."""

_DAY_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_DAY_PERIOD: Final = 1024
"""Days until the two digits begin anew: almost three years."""
_FLAGS: Final = re.IGNORECASE | re.DOTALL | re.ASCII
_SRS0: Final = re.compile(r"SRS0[=+-]([A-Z2-7]{12})=([A-Z2-7]{2})=([^=]{1,255})=(.{1,200})", _FLAGS)
_SRS1: Final = re.compile(r"SRS1[=+-]([A-Z2-7]{12})=([^=]{1,255})=([=+-].{1,200})", _FLAGS)
_FOREIGN_SRS0: Final = re.compile(r"SRS0([=+-].{1,200})", _FLAGS)
_FOREIGN_SRS1: Final = re.compile(r"SRS1[=+-][^=]{1,64}=([^=]{1,255})=([=+-].{1,200})", _FLAGS)


@dataclass(frozen=True, slots=True)
class SrsRules:
    """``domain`` is ours. ``secrets`` are octets of any length: the first signs, all are believed, so that one can be
    replaced. ``days`` is how long a rewritten address leads back."""

    domain: str
    secrets: tuple[bytes, ...]
    days: int = 21

    def __repr__(self) -> str:
        return f"SrsRules({self.domain!r})"


def rewrite_sender(sender: Address, rules: SrsRules, day: int) -> Address | None:
    """``sender`` as an address of ours. ``None`` where it is too long or has no domain."""
    if not sender.domain or "=" in sender.domain:
        return None
    if (again := _FOREIGN_SRS1.fullmatch(sender.local)) is not None:
        local = _format_srs1(again[1], again[2], rules)
    elif (first := _FOREIGN_SRS0.fullmatch(sender.local)) is not None:
        local = _format_srs1(sender.domain, first[1], rules)
    else:
        stamp = _format_day(day)
        hashed = _hash(rules.secrets[0], stamp, sender.domain, sender.local)
        local = f"SRS0={hashed}={stamp}={sender.domain}={sender.local}"
    return Address(local, rules.domain) if len(local) <= LOCAL_LIMIT else None


def restore_sender(rewritten: Address, rules: SrsRules, day: int) -> Address | None:
    """Whom a rewritten address of ours stands for. ``None`` where it is none, not ours, or too old."""
    if rewritten.domain.lower() != rules.domain.lower():
        return None
    if (found := _SRS0.fullmatch(rewritten.local)) is not None:
        hashed, stamp, domain, local = found.groups()
        if (day - _parse_day(stamp)) % _DAY_PERIOD > rules.days:
            return None
        is_ours = _is_ours(hashed, rules, stamp.upper(), domain, local)
        return Address(local, domain) if is_ours else None
    if (found := _SRS1.fullmatch(rewritten.local)) is not None:
        hashed, domain, rest = found.groups()
        return Address(f"SRS0{rest}", domain) if _is_ours(hashed, rules, "", domain, rest) else None
    return None


def is_rewritten(local: str) -> bool:
    """Does this local part look like one of SRS?"""
    return local[:4].upper() in ("SRS0", "SRS1") and local[4:5] in ("=", "+", "-")


def _format_srs1(domain: str, rest: str, rules: SrsRules) -> str:
    """The forwarder before us vouches for its own part; its day is in ``rest``, ours is not needed."""
    return f"SRS1={_hash(rules.secrets[0], '', domain, rest)}={domain}={rest}"


def _is_ours(hashed: str, rules: SrsRules, stamp: str, domain: str, local: str) -> bool:
    given = hashed.upper()
    return any(hmac.compare_digest(given, _hash(one, stamp, domain, local)) for one in rules.secrets)


def _hash(secret: bytes, stamp: str, domain: str, local: str) -> str:
    said = "\0".join((stamp, domain.lower(), local.lower())).encode("utf-8", "surrogatepass")
    digest = hmac.new(secret, said, hashlib.sha256).digest()
    return base64.b32encode(digest)[:HASH_LENGTH].decode()


def _format_day(day: int) -> str:
    return _DAY_DIGITS[day // 32 % 32] + _DAY_DIGITS[day % 32]


def _parse_day(stamp: str) -> int:
    first, second = (_DAY_DIGITS.index(c) for c in stamp.upper())
    return first * 32 + second
