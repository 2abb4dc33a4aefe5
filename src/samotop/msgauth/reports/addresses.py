"""Where a report may go: the addresses of a record, and whether those elsewhere want it (RFC 9990 §4).

Anybody can publish a record that sends reports to somebody else. So a
destination outside of the policy domain's own organization must say in DNS, at
``policy-domain._report._dmarc.destination``, that it wants them; it may name
another address of its own there. No answer is no consent.

Awaits nothing but the resolver. Raises nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from samotop.address import Address
from samotop.dns.names import normalize_name
from samotop.dns.resolver import Resolver
from samotop.msgauth.dmarc.discovery import Records
from samotop.msgauth.dmarc.record import is_record, parse_record
from samotop.msgauth.dmarc.uris import ReportUri, parse_report_uri
from samotop.msgauth.results import Result

DESTINATION_LIMIT: Final = 5
"""Destinations of one record that get a report; RFC 7489 §6.2 asked for two at least."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One address of a record and whether it may be written to: ``result`` is pass, fail, or temperror for "ask again".

    ``address`` is the one to use, by the destination's own word where it has
    said so. ``size_limit`` is in octets of the mail, ``None`` without one: RFC
    9989 has dropped it, and it costs nothing to respect.
    """

    result: Result
    address: Address | None = None
    size_limit: int | None = None
    reason: str = ""

    def takes(self, size: int) -> bool:
        return self.result is Result.PASS and (self.size_limit is None or size <= self.size_limit)


def parse_destinations(rua: Sequence[str]) -> tuple[ReportUri, ...]:
    """URIs as a row keeps them, read again; what is none is left out."""
    found: list[ReportUri] = []
    for text in rua:
        try:
            found.append(parse_report_uri(text))
        except ValueError:
            continue
    return tuple(found)


async def find_destinations(
    policy_domain: str, rua: Sequence[ReportUri], resolver: Resolver
) -> tuple[Destination, ...]:
    """Check the addresses of a record that was found at ``policy_domain``, in their order.

    Schemes other than mailto are passed over (RFC 9989 §4.7), as is what comes
    after ``DESTINATION_LIMIT``, and an address that has been there already.
    """
    records = Records(resolver)
    seen: set[Address] = set()
    found: list[Destination] = []
    for uri in rua:
        if uri.address is None or uri.address in seen:
            continue
        if len(found) >= DESTINATION_LIMIT:
            break
        seen.add(uri.address)
        found += await _check(policy_domain, uri, uri.address, records, resolver)
    return tuple(found)


async def _check(
    policy_domain: str, uri: ReportUri, address: Address, records: Records, resolver: Resolver
) -> list[Destination]:
    """One address of a record; it may have put several in its own place."""
    try:
        policy, host = normalize_name(policy_domain), normalize_name(address.domain)
    except ValueError:
        return [Destination(Result.FAIL, address, reason="no domain name")]
    if address.is_literal or not host or not policy:
        return [Destination(Result.FAIL, address, reason="no domain name")]
    is_inside = await _shares_organization(policy, host, records)
    if is_inside is None:
        return [Destination(Result.TEMPERROR, address, reason="DNS did not answer")]
    if is_inside:
        return [Destination(Result.PASS, address, uri.size_limit)]
    answer = await resolver.lookup(f"{policy}._report._dmarc.{host}", "TXT")
    if answer.is_temporary:
        return [Destination(Result.TEMPERROR, address, reason="DNS did not answer")]
    consents = [parse_record(text) for text in answer.texts if is_record(text)]
    if not consents:
        return [Destination(Result.FAIL, address, reason="the destination has not said that it wants reports")]
    others = [other for consent in consents for other in consent.rua if other.address is not None]
    if not others:
        return [Destination(Result.PASS, address, uri.size_limit)]
    if not all(_is_host(other.address, host) for other in others):
        return [Destination(Result.FAIL, address, reason="the destination names another host's address")]
    return [Destination(Result.PASS, other.address, other.size_limit) for other in others[:DESTINATION_LIMIT]]


async def _shares_organization(policy: str, host: str, records: Records) -> bool | None:
    """Do both have the same organization? ``None`` if DNS did not say."""
    if policy == host:
        return True
    if policy.rpartition(".")[2] != host.rpartition(".")[2]:
        return False
    walks = [await records.walk(policy), await records.walk(host)]
    if any(walk.has_failed for walk in walks):
        return None
    return walks[0].organizational_domain == walks[1].organizational_domain


def _is_host(address: Address | None, host: str) -> bool:
    try:
        return address is not None and normalize_name(address.domain) == host
    except ValueError:
        return False
