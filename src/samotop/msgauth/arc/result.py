"""What a validation comes to, and what it is measured by.

``ArcResult.result`` has one of the three words that RFC 8617 §10.1 registers:

* none: there is no ARC field in the message;
* pass: the chain is whole, and the newest server's signature still fits the message;
* fail: anything else. RFC 8617 §5.2.1 makes every failure a permanent one, DNS
  that did not answer included: a chain that was not proven counts for nothing.
  ``is_temporary`` says that it was that, for who would rather ask the
  sender to come back than refuse a message that a chain might have explained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from samotop.message.authres import AuthenticationResults
from samotop.msgauth.results import Result
from samotop.msgauth.signature.algorithms import RSA_BITS_LEAST

SETS_LIMIT: Final = 50
"""Sets that a message may have (RFC 8617 §5.2, step 1)."""
KEYS_LIMIT: Final = 16
"""Keys that are asked for: honest chains have up to four sealers with one or two keys each, and with
fifty sets a stranger could make us ask a hundred questions. A chain that needs more fails."""
EXPIRY_SLACK: Final = 300.0
"""Seconds that a clock may be off before a message signature's ``x=`` counts."""


@dataclass(frozen=True, slots=True)
class ArcRules:
    """The parameters of validation; times in seconds, keys in bits."""

    keys: int = KEYS_LIMIT
    least_rsa_bits: int = RSA_BITS_LEAST
    expiry_slack: float = EXPIRY_SLACK

    def __post_init__(self) -> None:
        if self.least_rsa_bits < RSA_BITS_LEAST:
            raise ValueError(f"RSA keys below {RSA_BITS_LEAST} bits must not be accepted (RFC 8301 §3.2)")


@dataclass(frozen=True, slots=True)
class ArcSet:
    """What one server added: only in a chain that passes has anybody proven that it did."""

    instance: int
    """1 for the first server that sealed, and so on."""
    domain: str
    """``d=`` of its seal, in lower-case A-labels: whose word this is."""
    selector: str
    authentication_results: AuthenticationResults | None
    """What it found when the message arrived there; ``None`` where that cannot be read."""
    cv: str
    """What it thought of the chain before it: ``none``, ``pass`` or ``fail``."""


@dataclass(frozen=True, slots=True)
class ArcResult:
    """What the chain of a message came to."""

    result: Result
    reason: str = ""
    """Why, in a sentence; it quotes nothing of the message."""
    sets: tuple[ArcSet, ...] = ()
    """The oldest first; empty where the sets cannot be put in order."""
    oldest_pass: int | None = None
    """The oldest instance whose signature still fits the message: it was not changed since. 0 means "all of
    them" (RFC 8617 §5.2, step 5); ``None`` in a chain that does not pass."""
    is_secure: bool = False
    """The chain passes, and every key that proves it was proven by DNSSEC."""
    is_temporary: bool = False
    """What the validation failed at was a key for which DNS did not answer."""
