"""How well a connection is protected, and the words of RFC 8460 for what went wrong.

Values alone; every other module of ``tlspolicy`` speaks in these.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Final


class Level(StrEnum):
    """What a plan demands of a connection, or what one has reached. ``rank`` puts them in order."""

    NONE = "none"
    """In the clear. As a demand: TLS is not even tried, because the operator said so."""
    OPPORTUNISTIC = "opportunistic"
    """TLS where it is offered, with whatever certificate; in the clear where it is not (RFC 7435). Never reached."""
    ENCRYPTED = "encrypted"
    """TLS with whatever certificate: nobody who only listens can read."""
    VERIFIED = "verified"
    """TLS with a certificate of a known authority, and for the right name."""
    DANE = "dane"
    """TLS with the certificate that the domain's signed zone names (RFC 7672)."""
    PINNED = "pinned"
    """TLS with the key that the operator wrote down."""

    @property
    def rank(self) -> int:
        return _RANKS[self]

    def covers(self, demanded: Level) -> bool:
        """Is this, where it was reached, enough for what is demanded?

        DANE is enough for who demands a verified certificate, and a pinned key
        for everybody; nothing else is enough for who pinned one.
        """
        if demanded is Level.PINNED:
            return self is Level.PINNED
        return demanded.rank <= _RANKS[Level.OPPORTUNISTIC] or self.rank >= demanded.rank


_RANKS: Final = {level: rank for rank, level in enumerate(Level)}


class Failure(StrEnum):
    """Why there is no protection, as reports call it (RFC 8460 §4.3)."""

    STARTTLS = "starttls-not-supported"
    NAME = "certificate-host-mismatch"
    EXPIRED = "certificate-expired"
    UNTRUSTED = "certificate-not-trusted"
    VALIDATION = "validation-failure"
    """Anything of the handshake or the policy that no other word fits."""
    TLSA = "tlsa-invalid"
    """There are TLSA records, and none of them can be used."""
    DNSSEC = "dnssec-invalid"
    """DNS did not answer, or not with what verifies."""
    DANE_REQUIRED = "dane-required"
    """The operator demands DANE, and the host has none."""
    STS_FETCH = "sts-policy-fetch-error"
    STS_INVALID = "sts-policy-invalid"
    STS_WEBPKI = "sts-webpki-invalid"
    """The policy's web server has no certificate that can be believed."""


class Source(Enum):
    """Who demands what a plan demands, in words that stand before its reason."""

    NOBODY = "nobody"
    OPERATOR = "operator"
    DANE = "DANE"
    STS = "MTA-STS"
    REQUIRETLS = "REQUIRETLS"
    SENDER = "sender"
    """The sender's TLS-Required: No (RFC 8689 §3)."""
    MEMORY = "memory"
    """What the domain's servers have shown before."""
