"""What one message adds to the DMARC report for its author's domain (RFC 9990 §3.1), as octets to be counted.

Told are the peer's address, domains and results; never an address of a
person, and not for which of our domains the message was. Raises nothing for a
message; ``decode_row`` raises ``ValueError`` for octets that are no row.
"""

from __future__ import annotations

from typing import Final

import msgspec

from samotop.address import Address
from samotop.facts import ContentFacts
from samotop.msgauth.dmarc import Policy
from samotop.msgauth.reports import DmarcRow, Override, make_row
from samotop.msgauth.results import Result
from samotop.verdict import Action, Verdict

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(DmarcRow)


def make_report_row(facts: ContentFacts, verdict: Verdict) -> DmarcRow | None:
    """What ``facts`` and our ``verdict`` about them add; ``None`` where nobody asked for reports, or DNS failed."""
    found = facts.authentication
    if found is None or found.dmarc is None or found.dmarc.result in (Result.TEMPERROR, Result.PERMERROR):
        return None
    if found.dmarc.record is None or not found.dmarc.record.rua:
        return None
    asked = found.dmarc.disposition
    disposition = ""
    overrides: tuple[Override, ...] = ()
    if asked is not Policy.NONE and verdict.action is not Action.REJECT:
        disposition = "none"
        kind = "trusted_forwarder" if found.explained_by else "local_policy"
        overrides = (Override(kind),)
    reverse_path = facts.mail.reverse_path
    return make_row(
        facts.peer.address,
        found.dmarc,
        found.spf,
        found.dkim,
        disposition=disposition,
        overrides=overrides,
        envelope_from=reverse_path.domain.lower() if isinstance(reverse_path, Address) else "",
    )


def encode_row(row: DmarcRow) -> bytes:
    """A row as octets: equal rows are equal octets."""
    return _ENCODER.encode(row)


def decode_row(octets: bytes) -> DmarcRow:
    try:
        return _DECODER.decode(octets)
    except msgspec.DecodeError as error:
        raise ValueError("no row of a DMARC report") from error
