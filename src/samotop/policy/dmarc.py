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
from samotop.policy.cause import Cause
from samotop.verdict import Verdict

_CHECK: Final = "dmarc"
REJECTED: Final = Cause(
    "dmarc-reject",
    "5.7.26",
    "the author's domain wants what it has not signed or sent rejected",
    "This message neither was signed nor came from where the domain of its From field says that its mail is "
    "signed or comes from, and that domain asks to reject such mail (DMARC)",
    "sign the domain's mail (DKIM), or let the forwarder or list change the From field",
    "dmarc",
)
CROWD: Final = Cause(
    "dmarc-crowd",
    "5.7.26",
    "From names more domains than are evaluated",
    "The From field of this message names more domains than an honest one does",
    "name one author",
    "dmarc",
)
UNCERTAIN: Final = Cause(
    "dmarc-unknown",
    "4.7.26",
    "DNS did not answer, and the author's domain wants what is not proven rejected",
    "Whether this message is from the domain of its From field could not be found out now (DMARC); try again",
    "wait: it is DNS that does not answer",
    "dmarc",
)
CAUSES: Final = (REJECTED, CROWD, UNCERTAIN)

_PASSES: Final = Verdict.abstain(_CHECK, "nothing speaks against it")
_EXPLAINED: Final = Verdict.abstain(_CHECK, "a trusted sealer explains the failure")
_REJECTED: Final = REJECTED.refuse()
_TOO_MANY: Final = CROWD.refuse()
_UNCERTAIN: Final = UNCERTAIN.refuse()


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
