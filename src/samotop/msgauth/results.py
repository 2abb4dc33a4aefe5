"""The words of RFC 8601 §2.7 for what a method found, shared by all methods."""

from __future__ import annotations

from enum import StrEnum


class Result(StrEnum):
    """Compares equal to its word: ``result == "pass"``."""

    NONE = "none"
    """There was nothing to evaluate."""
    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    """SPF: the domain's owner thinks that it is not theirs, and does not want to say so firmly."""
    NEUTRAL = "neutral"
    """Nothing is asserted: SPF's ?all; a signature that could not be processed."""
    POLICY = "policy"
    """It verifies and is not accepted, by our own rule: too short a key, say."""
    TEMPERROR = "temperror"
    """Might be different later: DNS did not answer."""
    PERMERROR = "permerror"
    """Will not be different: a record or a field that cannot be read."""
