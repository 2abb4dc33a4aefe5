"""Where mail for a domain goes: its MX hosts, and whether to believe them (RFC 5321 §5.1, RFC 7505, RFC 7672 §2.2.1).

Awaits nothing but the resolver; a failure is a result. What does not answer, or
answers with what does not verify, is ``TEMPERROR``: an attacker who cuts DNS
off delays mail and does not divert it.

Order of equal preferences is the caller's to shuffle; nothing here is random.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from samotop.dns.answer import Answer, Status
from samotop.dns.names import normalize_name
from samotop.dns.records import Mx
from samotop.dns.resolver import Resolver
from samotop.msgauth.results import Result
from samotop.status import EnhancedStatus

HOST_LIMIT: Final = 32
"""MX hosts of a domain that are looked at: the largest providers have ten; a message cannot try hundreds."""

_HOST: Final = re.compile(r"[a-z0-9_-]++(?:\.[a-z0-9_-]++)*+")

UNKNOWN_DOMAIN: Final = EnhancedStatus(5, 1, 2)
NULL_MX: Final = EnhancedStatus(5, 1, 10)
NO_ANSWER: Final = EnhancedStatus(4, 4, 3)


@dataclass(frozen=True, slots=True)
class Exchanges:
    """The hosts of ``domain``, the preferred first.

    ``result`` is PASS where there are some, TEMPERROR where DNS did not say,
    and FAIL where no mail can be delivered; ``status`` and ``reason`` go with
    the last two. ``canonical`` is where the domain's aliases lead.
    """

    domain: str
    result: Result
    hosts: tuple[Mx, ...] = ()
    is_secure: bool = False
    """Did the answer verify, with every alias on the way?"""
    is_implicit: bool = False
    """There are no MX records: the domain is its own host (RFC 5321 §5.1)."""
    canonical: str = ""
    status: EnhancedStatus | None = None
    reason: str = ""
    is_bogus: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The domain's own names, for certificates (RFC 7672 §3.2.2)."""
        return (self.domain,) if self.canonical in ("", self.domain) else (self.domain, self.canonical)


async def lookup_exchanges(domain: str, resolver: Resolver) -> Exchanges:
    """Find the hosts of ``domain``, which has no brackets: an address literal has no MX."""
    try:
        name = normalize_name(domain)
    except ValueError:
        name = ""
    if not name:
        return Exchanges(domain, Result.FAIL, status=UNKNOWN_DOMAIN, reason="this is no domain name")
    answer = await resolver.lookup(name, "MX")
    canonical = answer.canonical or name
    if answer.is_temporary:
        return _fail_for_now(name, answer)
    if answer.status is Status.NXDOMAIN:
        return Exchanges(name, Result.FAIL, (), answer.is_secure, status=UNKNOWN_DOMAIN, reason="no such domain")
    if answer.status is Status.NODATA:
        return Exchanges(name, Result.PASS, (Mx(0, name),), answer.is_secure, True, canonical)
    hosts = tuple(dict.fromkeys(host for host in answer.exchanges if _is_host(host.host)))
    if not hosts:
        is_null = all(not host.host for host in answer.exchanges)
        status, reason = (NULL_MX, "the domain takes no mail") if is_null else (UNKNOWN_DOMAIN, "no MX names a host")
        return Exchanges(name, Result.FAIL, (), answer.is_secure, canonical=canonical, status=status, reason=reason)
    return Exchanges(name, Result.PASS, hosts[:HOST_LIMIT], answer.is_secure, False, canonical)


def _is_host(name: str) -> bool:
    """Can mail go there? Not to the root, to what no host is called, or to an address written as a name."""
    return _HOST.fullmatch(name) is not None and not name.rpartition(".")[2].isdigit()


def _fail_for_now(name: str, answer: Answer) -> Exchanges:
    reason = "the MX records do not verify (DNSSEC)" if answer.is_bogus else "DNS does not answer for the MX records"
    return Exchanges(name, Result.TEMPERROR, status=NO_ANSWER, reason=reason, is_bogus=answer.is_bogus)
