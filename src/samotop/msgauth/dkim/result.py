"""What a verification comes to, and what it is measured by.

The words of ``DkimResult.result`` follow RFC 8601 §2.7.1 like this:

* pass: the signature verifies, by a key that is acceptable;
* fail: header or body are not what was signed;
* policy: not accepted whatever was signed: a key too short, rsa-sha1 (RFC 8301
  §3), expired, signed in the future, more From fields than were signed, one
  signature too many in this message;
* neutral: not to be processed: broken syntax, an algorithm or version unknown here;
* permerror: breaks a rule that only the signer can mend: From is not signed, a
  tag is missing, no such key, revoked;
* temperror: DNS did not answer.

A message without signatures has no results.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from samotop.msgauth.results import Result
from samotop.msgauth.signature.algorithms import RSA_BITS_LEAST

SIGNATURES_LIMIT: Final = 8
"""Signatures of one message that are verified: forwarded list mail has four; each costs DNS and public-key work."""
EXPIRY_SLACK: Final = 300.0
"""Seconds that a clock may be off before ``x=`` counts."""
FUTURE_SLACK: Final = 3600.0
"""Seconds that a signer's clock may be ahead (RFC 6376 §3.5, ``t=``): somebody's summer time, not a day."""


@dataclass(frozen=True, slots=True)
class DkimRules:
    """The parameters of verification; times in seconds, keys in bits."""

    signatures: int = SIGNATURES_LIMIT
    least_rsa_bits: int = RSA_BITS_LEAST
    expiry_slack: float = EXPIRY_SLACK
    future_slack: float = FUTURE_SLACK
    accepts_unsigned_rest: bool = True
    """Whether a signature passes, as a weak one, though the body goes on after what ``l=`` covers; else policy."""

    def __post_init__(self) -> None:
        if self.least_rsa_bits < RSA_BITS_LEAST:
            raise ValueError(f"RSA keys below {RSA_BITS_LEAST} bits must not be accepted (RFC 8301 §3.2)")


WHOLE_BODY: Final = DkimRules(accepts_unsigned_rest=False)
"""For those who act on the result: what stands below a signed beginning, a reader may see alone (RFC 6376 §8.2)."""


@dataclass(frozen=True, slots=True)
class DkimResult:
    """What one DKIM-Signature field came to; names are in lower case and in A-labels, empty where unreadable."""

    result: Result
    domain: str = ""
    """``d=``: who takes responsibility. Only a PASS proves it."""
    selector: str = ""
    reason: str = ""
    """Why, in a sentence; it quotes nothing of the message."""
    identity: str = ""
    """``i=``, ``@domain`` if it was not given."""
    algorithm: str = ""
    canonicalization: str = ""
    """As ``relaxed/simple``: header, body."""
    signed_fields: tuple[str, ...] = ()
    """``h=``, as often as each name stands there."""
    unsigned_duplicates: tuple[str, ...] = ()
    """Fields that a message has once (RFC 5322 §3.6), one of which is signed and another is not: which is shown?"""
    is_partial: bool = False
    """The body goes on after what was signed (``l=``)."""
    is_weak: bool = False
    """Someone else could have changed what is seen without breaking it: ``l=`` is used, or there are duplicates."""
    key_bits: int = 0
    is_testing: bool = False
    """The key says ``t=y``: not passing is to be taken for no signature (RFC 6376 §3.6.1)."""
    is_secure: bool = False
    """The key was proven by DNSSEC."""
    signature_start: str = ""
    """The first eight characters of ``b=``, which tell signatures apart (RFC 6008 §4, ``header.b``)."""
    key_digest: str = ""
    """SHA-256 of the public key that verified it, in hexadecimal; empty where none did."""
