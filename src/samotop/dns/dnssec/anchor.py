"""What is trusted without proof: the keys of the root zone.

``ROOT`` has what IANA publishes (https://data.iana.org/root-anchors/): KSK-2017
and KSK-2024. The root's key changes once in many years and is announced years
ahead, so a new release of samotop is the usual update. An operator who needs
one earlier, or has a root of their own, puts a file of DS or DNSKEY records in
its place (``net.rootkeys``); ``parse_anchor`` reads it. docs/dnssec.md has the
procedure.

RFC 5011 (learning new keys from the zone itself) is not done: it needs state
that survives, and a machine that was off during a key's introduction ends up
with a stale anchor all the same. A file that unbound-anchor or another tool
keeps up to date by RFC 5011 can be read here, though.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype
import dns.zonefile
from dns.dnssec import make_ds
from dns.dnssectypes import DSDigest
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.dnskeybase import Flag

from samotop.dns.dnssec.delegation import choose_supported

TEXT_LIMIT: Final = 65_536
"""Characters in an anchor file; two keys take 800."""

_STATE: Final = ";;state="
_TRUSTED_STATES: Final = ("2", "3")  # VALID and MISSING (RFC 5011 §4.2)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The keys of the root zone, as DS records that ``delegation.verify_keys`` takes. There is at least one."""

    records: tuple[DS, ...]


def parse_anchor(text: str) -> Anchor:
    """Read DS and DNSKEY records of the root in zone-file format (RFC 1035 §5.1).

    Each record has its owner (``.``), with or without a TTL and class;
    comments are allowed. Of a file that was kept by RFC 5011 in unbound's
    format, keys that are still waiting or were removed are left out. Raises
    ``ValueError`` for anything else, and where no record is left that we could
    verify by.
    """
    if len(text) > TEXT_LIMIT:
        raise ValueError(f"a trust anchor has more than {TEXT_LIMIT} characters")
    kept = "\n".join(line for line in text.splitlines() if _is_kept(line))
    try:
        rrsets = dns.zonefile.read_rrsets(kept, rdclass=None, default_ttl=0)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"a trust anchor is not in zone-file format: {error}") from None
    records: list[DS] = []
    for rrset in rrsets:
        if rrset.name != dns.name.root:
            raise ValueError(f"a trust anchor is for {rrset.name}, not for the root")
        for rdata in rrset:
            records.append(_read_record(rdata))
    supported = choose_supported(dict.fromkeys(records))
    if not supported:
        raise ValueError("a trust anchor has no DS or DNSKEY record of an algorithm that is supported")
    return Anchor(supported)


def _read_record(rdata: dns.rdata.Rdata) -> DS:
    if isinstance(rdata, DS):
        return rdata
    if not isinstance(rdata, DNSKEY):
        raise ValueError(f"a trust anchor has a {dns.rdatatype.to_text(rdata.rdtype)} record")
    if rdata.flags & Flag.REVOKE or not rdata.flags & Flag.ZONE:
        raise ValueError("a trust anchor has a key that is revoked, or no key of a zone")
    return make_ds(dns.name.root, rdata, DSDigest.SHA256)


def _is_kept(line: str) -> bool:
    """Not one that RFC 5011's rules do not trust, by the comment that unbound writes behind it."""
    _, mark, state = line.partition(_STATE)
    return not mark or state[:1] in _TRUSTED_STATES


ROOT_TEXT: Final = """\
; The root zone's key-signing keys: KSK-2017 and KSK-2024
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
"""
"""The anchor that is shipped, in the format of the file that may replace it."""

ROOT: Final = parse_anchor(ROOT_TEXT)
