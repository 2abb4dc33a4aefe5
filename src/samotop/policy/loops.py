"""Does this message go round in circles? By how many servers say that they had it (RFC 5321 §6.3).

Counts Received fields, ours among them; nothing removes those from what is
relayed. Raises nothing.
"""

from __future__ import annotations

from typing import Final

from samotop.facts import ContentFacts
from samotop.message.header import iterate_fields
from samotop.policy.cause import Cause
from samotop.verdict import ABSTAIN, Verdict

HOPS_LIMIT: Final = 50
"""Received fields (RFC 5321 §6.3: a large threshold, normally at least 100; the longest honest way seen has about 30,
and a loop between two servers costs both of them every single step)."""

HOPS: Final = Cause(
    "loops-hops",
    "5.4.6",
    "too many Received fields",
    "This message has been through too many servers: a loop",
    "look for two servers that forward to each other",
    "",
)
CAUSES: Final = (HOPS,)

_LOOP: Final = HOPS.refuse()


def check_loops(facts: ContentFacts) -> Verdict:
    """554 5.4.6 where the header has more than ``HOPS_LIMIT`` Received fields; no opinion on anything else."""
    header = facts.content.header
    if len(header) < HOPS_LIMIT * len("Received:\r\n"):
        return ABSTAIN
    count = sum(field.name.lower() == b"received" for field in iterate_fields(header))
    return _LOOP if count > HOPS_LIMIT else ABSTAIN
