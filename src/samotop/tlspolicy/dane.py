"""DANE for mail: which TLSA records a host's certificate must match, and whether it does (RFC 7672, RFC 6698).

    exchanges = await lookup_exchanges("example.org", resolver)
    found = await lookup_dane("mx.example.org", resolver, exchanges=exchanges)
    verdict = verify_chain(chain, found.records, found.names, now)

Records count only where every answer on the way verified: the MX records, the
host's addresses or the alias that leads to them, and the TLSA records. An
insecure answer means that there is no DANE here. An answer that does not come,
or does not verify, is ``FAILED`` and nothing may be sent (RFC 7672 §2.1): else
an attacker would cut it off.

Awaits nothing but the resolver; raises nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from samotop.dns.answer import Answer, Status
from samotop.dns.names import normalize_name
from samotop.dns.records import Tlsa
from samotop.dns.resolver import Resolver
from samotop.msgauth.results import Result
from samotop.tlspolicy.chain import ChainFault, check_path, find_path, is_signed_by, parse_chain, parse_key
from samotop.tlspolicy.exchanges import Exchanges
from samotop.tlspolicy.levels import Failure
from samotop.tlspolicy.tlsa import CERTIFICATE, DANE_EE, DANE_TA, FULL, matches, select_usable


class DaneStatus(Enum):
    """What the DNS says of DANE at one host."""

    USABLE = "usable"
    """The certificate must match one of ``records``."""
    UNUSABLE = "unusable"
    """There are TLSA records and none can be used: TLS is demanded, with whatever certificate (RFC 7672 §2.2)."""
    ABSENT = "absent"
    """It is proven that there are no TLSA records."""
    INSECURE = "insecure"
    """Something on the way is not signed, so that there is nothing to believe."""
    FAILED = "failed"
    """DNS did not answer, or not with what verifies: nothing may be sent to this host now."""


@dataclass(frozen=True, slots=True)
class DaneFound:
    """What ``lookup_dane`` found for ``host``.

    ``base`` is the TLSA base domain: the name for SNI (RFC 7672 §8.1), and the
    first of ``names``, any of which the certificate may be for where a record
    names an authority. ``records`` are those to be used.
    """

    host: str
    status: DaneStatus
    reason: str = ""
    base: str = ""
    records: tuple[Tlsa, ...] = ()
    names: tuple[str, ...] = ()
    is_bogus: bool = False

    @property
    def result(self) -> Result:
        """PASS: there are records to verify by. NONE: there is no DANE. TEMPERROR: nobody knows."""
        return _RESULTS[self.status]


_RESULTS = {
    DaneStatus.USABLE: Result.PASS,
    DaneStatus.UNUSABLE: Result.PERMERROR,
    DaneStatus.ABSENT: Result.NONE,
    DaneStatus.INSECURE: Result.NONE,
    DaneStatus.FAILED: Result.TEMPERROR,
}


async def lookup_dane(
    host: str, resolver: Resolver, *, exchanges: Exchanges | None = None, port: int = 25
) -> DaneFound:
    """Find the TLSA records for ``host``; ``exchanges`` is what named it, ``None`` where the operator did."""
    try:
        name = normalize_name(host)
    except ValueError:
        name = ""
    if not name:
        return DaneFound(host, DaneStatus.INSECURE, "this is no host name")
    is_named_by_mx = exchanges is not None and not exchanges.is_implicit
    if exchanges is not None and is_named_by_mx and not exchanges.is_secure:
        return DaneFound(name, DaneStatus.INSECURE, "the MX records are not signed")
    bases = await _find_bases(name, resolver)
    if isinstance(bases, DaneFound):
        return bases
    is_proven = True
    for base in bases:
        answer = await resolver.lookup(f"_{port}._tcp.{base}", "TLSA")
        if answer.is_temporary:
            return _fail(name, answer, "TLSA records")
        if not answer.is_secure:
            is_proven = False
        elif answer.certificates:
            names = (base, *exchanges.names) if exchanges is not None and is_named_by_mx else (base, name)
            return _make(name, base, answer.certificates, tuple(dict.fromkeys(names)))
    if is_proven:
        return DaneFound(name, DaneStatus.ABSENT, "there are no TLSA records")
    return DaneFound(name, DaneStatus.INSECURE, "the TLSA records are not signed")


async def _find_bases(host: str, resolver: Resolver) -> list[str] | DaneFound:
    """The names below which TLSA records may be, the end of the aliases first (RFC 7672 §2.2.2)."""
    answer = await resolver.lookup(host, "A")
    if answer.status is Status.TIMEOUT or (answer.is_temporary and not answer.is_bogus):
        answer = await resolver.lookup(host, "AAAA")  # one family's servers may be away
    if answer.is_temporary:
        return _fail(host, answer, "addresses")
    end = answer.canonical or host
    if answer.is_secure:
        return [end] if end == host else [end, host]
    if end != host:
        # The alias leads out of what is signed; it may itself be signed, and then its owner's records count.
        alias = await resolver.lookup(host, "CNAME")
        if alias.is_temporary:
            return _fail(host, alias, "alias")
        if alias.is_secure and alias.status is Status.OK:
            return [host]
    # Not asked for TLSA: many name servers without DNSSEC fail at unknown types (RFC 7672 §2.1).
    return DaneFound(host, DaneStatus.INSECURE, "the host's addresses are not signed")


def _make(host: str, base: str, records: Sequence[Tlsa], names: tuple[str, ...]) -> DaneFound:
    usable = select_usable(records)
    if not usable:
        return DaneFound(host, DaneStatus.UNUSABLE, "none of the TLSA records can be used", base, (), names)
    return DaneFound(host, DaneStatus.USABLE, "TLSA records", base, usable, names)


def _fail(host: str, answer: Answer, what: str) -> DaneFound:
    reason = f"the {what} do not verify (DNSSEC)" if answer.is_bogus else f"DNS does not answer for the {what}"
    return DaneFound(host, DaneStatus.FAILED, reason, is_bogus=answer.is_bogus)


@dataclass(frozen=True, slots=True)
class DaneVerdict:
    """Whether a chain matches. ``matched`` is the record that it does, ``failure`` and ``reason`` say why none."""

    result: Result
    matched: Tlsa | None = None
    failure: Failure | None = None
    reason: str = ""


def verify_chain(chain: Sequence[bytes], records: Sequence[Tlsa], names: Sequence[str], now: float) -> DaneVerdict:
    """Does the chain (DER, the server's own certificate first) match a record? ``now`` is in seconds since 1970.

    DANE-EE names the certificate or key itself: its names and its end do not
    matter (RFC 7672 §3.1.1). DANE-TA names an authority: the path to it must
    verify at ``now``, and the certificate must be for one of ``names``
    (RFC 7672 §3.1.2, §3.2). ``records`` may be any; those of no use are passed over.
    """
    usable = select_usable(records)
    if not usable:
        return DaneVerdict(Result.PERMERROR, None, Failure.TLSA, "none of the TLSA records can be used")
    if not chain:
        return DaneVerdict(Result.FAIL, None, Failure.VALIDATION, "the server has shown no certificate")
    try:
        for record in usable:
            if record.usage == DANE_EE and matches(record, chain[0]):
                return DaneVerdict(Result.PASS, record)
        anchors = [record for record in usable if record.usage == DANE_TA]
        if not anchors:
            return DaneVerdict(
                Result.FAIL, None, Failure.UNTRUSTED, "the certificate is none that the TLSA records name"
            )
        return DaneVerdict(Result.PASS, _verify_path(chain, anchors, names, now))
    except ChainFault as fault:
        return DaneVerdict(Result.FAIL, None, fault.failure, str(fault))
    except ValueError:
        return DaneVerdict(Result.FAIL, None, Failure.VALIDATION, "the certificate cannot be read")


def _verify_path(chain: Sequence[bytes], anchors: Sequence[Tlsa], names: Sequence[str], now: float) -> Tlsa:
    """The record of the authority that vouches for the chain. Raises ``ChainFault`` and ``ValueError``."""
    whole = [record.octets for record in anchors if record.matching == FULL and record.selector == CERTIFICATE]
    path = find_path(parse_chain(chain), parse_chain(whole, is_lenient=True))
    for depth, (_, octets) in enumerate(path[1:], 2):
        for record in anchors:
            if matches(record, octets):
                check_path([certificate for certificate, _ in path[:depth]], names, now)
                return record
    for record in anchors:  # the authority may be there as a key alone
        key = parse_key(record.octets) if record.matching == FULL and record.selector != CERTIFICATE else None
        for depth, (certificate, _) in enumerate(path, 1):
            if key is not None and is_signed_by(certificate, key):
                check_path([certificate for certificate, _ in path[:depth]], names, now)
                return record
    raise ChainFault(Failure.UNTRUSTED, "no authority in the chain is one that the TLSA records name")
