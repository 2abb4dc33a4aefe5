"""Does the reverse-path's domain say that this client is none of its own? (RFC 7208 §8)

By default that is observed: DMARC makes more of it, and who forwards mail breaks it. ``spf = "enforce"`` refuses a
hard fail with 550 5.7.23 and puts off what DNS did not say with 451 4.7.24 (RFC 7372 §3.2), before any content.
Facts in, verdict out. Raises nothing.
"""

from __future__ import annotations

from typing import Final

from samotop.facts import ContentFacts, RecipientFacts
from samotop.msgauth.results import Result
from samotop.policy.cause import Cause
from samotop.verdict import ABSTAIN, Verdict

FAIL: Final = Cause(
    "spf-fail",
    "5.7.23",
    "the reverse-path's domain says that this client does not send for it",
    "The domain of your reverse-path says that you do not send for it (SPF)",
    "add the sending address to the domain's SPF record, or rewrite the sender of what is forwarded",
    "spf",
)
UNKNOWN: Final = Cause(
    "spf-unknown",
    "4.7.24",
    "DNS did not say whether this client sends for the reverse-path's domain",
    "Whether you send for the domain of your reverse-path could not be found out now (SPF); try again",
    "wait: it is DNS that does not answer",
    "spf",
)
CAUSES: Final = (FAIL, UNKNOWN)

_FAIL: Final = FAIL.refuse()
_UNKNOWN: Final = UNKNOWN.refuse()
_WORDS: Final = {Result.FAIL: "SPF fail", Result.SOFTFAIL: "SPF softfail", Result.PERMERROR: "SPF record broken"}


def check_spf(facts: RecipientFacts) -> Verdict:
    """550 5.7.23 for a hard fail, 451 4.7.24 where DNS did not say."""
    found = facts.mail.authentication
    if found is None or found.spf is None:
        return ABSTAIN
    if found.spf.result is Result.FAIL:
        return _FAIL
    return _UNKNOWN if found.spf.result is Result.TEMPERROR else ABSTAIN


def find_spf(facts: ContentFacts) -> str:
    """For the trace."""
    found = facts.authentication
    return "" if found is None or found.spf is None else _WORDS.get(found.spf.result, "")
