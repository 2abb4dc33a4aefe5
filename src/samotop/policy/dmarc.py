"""What the author's domain asks of us where a message fails DMARC (RFC 9989).

``reject`` is honoured, unless a trusted sealer explains the failure. What
might have passed if DNS had answered is asked to come back, where a refusal
would be the answer otherwise. SPF alone never refuses anything. Nothing else
is decided here: ``quarantine`` is the owner's to look at. A From field with more
domains than are evaluated is refused as one that hides somebody.
"""

from __future__ import annotations

from typing import Final

from samotop.facts import ContentFacts
from samotop.msgauth.dmarc import Policy
from samotop.msgauth.results import Result
from samotop.verdict import Verdict

_CHECK: Final = "dmarc"
_PASSES: Final = Verdict.abstain(_CHECK, "nothing speaks against it")
_EXPLAINED: Final = Verdict.abstain(_CHECK, "a trusted sealer explains the failure")
_REJECTED: Final = Verdict.reject(
    _CHECK,
    "the author's domain wants what it has not signed or sent rejected",
    status="5.7.26",
    said="This message neither was signed nor came from where the domain of its From field says that its mail is "
    "signed or comes from, and that domain asks to reject such mail (DMARC)",
)
_TOO_MANY: Final = Verdict.reject(
    _CHECK,
    "From names more domains than are evaluated",
    status="5.7.26",
    said="The From field of this message names more domains than an honest one does",
)
_UNCERTAIN: Final = Verdict.defer(
    _CHECK,
    "DNS did not answer, and the author's domain wants what is not proven rejected",
    status="4.7.26",
    said="Whether this message is from the domain of its From field could not be found out now (DMARC); try again",
)


def check_dmarc(facts: ContentFacts) -> Verdict:
    """550 5.7.26 where the author's domain says reject, 450 4.7.26 where that could not be told; else no opinion."""
    found = facts.authentication
    if found is None or found.dmarc is None:
        return _PASSES
    if found.dmarc.result is Result.FAIL and found.dmarc.record is None:
        return _TOO_MANY
    if found.dmarc.policy is not Policy.REJECT:
        return _PASSES
    if found.explained_by:
        return _EXPLAINED
    if found.dmarc.result is Result.TEMPERROR:
        return _UNCERTAIN
    if found.dmarc.result is not Result.FAIL:
        return _PASSES
    return _UNCERTAIN if found.might_be_explained else _REJECTED
