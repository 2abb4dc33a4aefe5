"""Has the client's address a name that leads back to it? (RFC 8601 §3, RFC 1912 §2.1)

Many honest servers have none, so that this is evidence for the owner, and no reason by itself.
``require_reverse`` makes it one, for the operator who wants that: 550 5.7.25 (RFC 7372 §3.3).
Facts in, verdict out. Raises nothing.
"""

from __future__ import annotations

from typing import Final

from samotop.facts import ContentFacts, RecipientFacts
from samotop.msgauth.results import Result
from samotop.policy.cause import Cause
from samotop.verdict import ABSTAIN, Verdict

NONE: Final = Cause(
    "reverse-none",
    "5.7.25",
    "no name of its address leads back to it",
    "Your address has no name that leads back to it",
    "give the sending address a PTR record whose name has that address",
    "require_reverse",
)
UNKNOWN: Final = Cause(
    "reverse-unknown",
    "4.7.25",
    "DNS did not say which names its address has",
    "The name of your address could not be found out now; try again",
    "wait: it is DNS that does not answer",
    "require_reverse",
)
CAUSES: Final = (NONE, UNKNOWN)

_NONE: Final = NONE.refuse()
_UNKNOWN: Final = UNKNOWN.refuse()


def check_reverse(facts: RecipientFacts) -> Verdict:
    """550 5.7.25 without a confirmed reverse name, 450 4.7.25 where DNS did not say."""
    found = facts.mail.authentication
    if found is None or found.iprev is None or found.iprev.result is Result.PASS:
        return ABSTAIN
    return _UNKNOWN if found.iprev.result is Result.TEMPERROR else _NONE


def find_reverse(facts: ContentFacts) -> str:
    """For the trace."""
    found = facts.authentication
    if found is None or found.iprev is None or found.iprev.result in (Result.PASS, Result.TEMPERROR):
        return ""
    return "no reverse name"
