"""Is the client's address on a DNS block list that the operator asks? (RFC 5782)

Off unless lists are named: each of them learns who writes to us. Refused is 550 5.7.1 with the list's name, so that
who is listed by mistake knows where to ask. A list that does not answer has no opinion.
Facts in, verdict out: who asks is ``reception.inquiry``. Raises nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from samotop.facts import ContentFacts, RecipientFacts
from samotop.policy.cause import Cause
from samotop.verdict import ABSTAIN, Verdict

LISTS_LIMIT: Final = 8
"""Lists that are asked: each is one more question about everybody."""

LISTED: Final = Cause(
    "dnsbl-listed",
    "5.7.1",
    "its address is on a block list",
    "Your address is listed at",
    "ask the list that the reply names why, and to be taken off",
    "dnsbl",
)
CAUSES: Final = (LISTED,)


@lru_cache(maxsize=LISTS_LIMIT)
def _listed(zone: str) -> Verdict:
    return LISTED.refuse(zone)


def check_dnsbl(facts: RecipientFacts) -> Verdict:
    """550 5.7.1 where a list names the client; the first that does is told."""
    for one in facts.mail.listings:
        if one.codes and one.is_known:
            return _listed(one.zone)
    return ABSTAIN


def find_dnsbl(facts: ContentFacts) -> str:
    """For the trace, of mail that was taken all the same."""
    zones = [one.zone for one in facts.mail.listings if one.codes and one.is_known]
    return f"listed at {', '.join(zones)}" if zones else ""
