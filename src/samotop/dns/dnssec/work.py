"""How much cryptography one look-up may cost.

Who sends an answer chooses how many signatures and keys are in it, and how
often names are hashed. Trying all keys on all signatures made single answers
cost minutes in most validators (KeyTrap, CVE-2023-50387; NSEC3 hashing,
CVE-2023-50868). So everything that costs is taken from a ``Work``; when there is
none left, what is unproven stays so, and is bogus.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VERIFICATION_LIMIT: Final = 96
"""Signatures verified for one look-up. A cold one for a name four zones deep with an alias and a denial takes 20."""

FAILURE_LIMIT: Final = 16
"""Of these, failures. Honest zones have none; one key tag in 65,536 is met twice by chance."""

HASH_LIMIT: Final = 96
"""Names hashed for NSEC3 in one look-up: more than the nibbles of an IPv6 address and all zones above need.

With the iterations allowed (``nsec3.ITERATION_LIMIT``) some 10,000 times SHA-1, a few milliseconds.
"""


@dataclass(slots=True)
class Work:
    """What is left for one look-up. Not for two threads at a time."""

    verifications: int = VERIFICATION_LIMIT
    failures: int = FAILURE_LIMIT
    hashes: int = HASH_LIMIT

    def take_verification(self) -> bool:
        """May another signature be tried?"""
        if self.verifications <= 0 or self.failures <= 0:
            return False
        self.verifications -= 1
        return True

    def count_failure(self) -> None:
        """A signature that was tried did not verify."""
        self.failures -= 1

    def take_hash(self) -> bool:
        """May another name be hashed?"""
        if self.hashes <= 0:
            return False
        self.hashes -= 1
        return True
