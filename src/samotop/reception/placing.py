"""From judgements to what reception does of them: a verdict for each recipient, with its words.

The client is told nothing that tells about the owner's contacts. Pure; raises nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from samotop.consent.judge import Judgement, Place
from samotop.consent.wishes import JUNK, REQUESTS
from samotop.envelope import Placement
from samotop.reception.requesting import Copy
from samotop.verdict import ABSTAIN, Verdict

CHECK: Final = "consent"
REFUSED: Final = "The owner of this mailbox does not take this message"
ENDED: Final = "This address takes no mail any more"
LATER: Final = "The owner of this mailbox does not know you yet; try again later"


def format_verdicts(count: int, copies: Sequence[Copy], judged: Sequence[Judgement]) -> list[Verdict]:
    """A verdict for each of ``count`` recipients. That of an alias or list accepts, and says where each copy goes."""
    verdicts = [ABSTAIN] * count
    shares: dict[int, list[Placement]] = {}
    for copy, judgement in zip(copies, judged, strict=True):
        verdict = format_verdict(judgement)
        if copy.is_shared:
            shares.setdefault(copy.number, []).append(Placement(copy.address, verdict.folder, verdict.reason))
        else:
            verdicts[copy.number] = verdict
    for number, placed in shares.items():
        verdicts[number] = replace(Verdict.accept(CHECK), copies=tuple(placed))
    return verdicts


def format_verdict(judgement: Judgement) -> Verdict:
    """One judgement; HOLD with a folder is delivered there."""
    reason = f"{judgement.code}: {judgement.reason}"
    if judgement.place is Place.INBOX:
        return Verdict.accept(CHECK, reason)
    if judgement.place is Place.REQUESTS:
        return Verdict.hold(CHECK, reason, folder=REQUESTS)
    if judgement.place is Place.JUNK:
        return Verdict.hold(CHECK, reason, folder=JUNK)
    if judgement.place is Place.DEFERRED:
        return Verdict.defer(CHECK, reason, said=LATER)
    return Verdict.reject(CHECK, reason, said=ENDED if judgement.code == "tag-ended" else REFUSED)
