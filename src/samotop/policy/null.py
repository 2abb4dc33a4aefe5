"""The null reverse-path: notifications, and nothing else (RFC 5321 §4.5.5, RFC 3461 §6).

A notification goes to the one who sent the message, so that it has one recipient; more of them are put off with
452 4.5.3, which an honest server takes for "in another transaction" (RFC 5321 §4.5.3.1.10). An address that sends
nothing gets none: the operator names such addresses (``no_bounces``); lists take none anyway (``policy.lists``).
Facts in, verdict out. Raises nothing.
"""

from __future__ import annotations

from typing import Final

from samotop.address import NullPath
from samotop.facts import RecipientFacts
from samotop.policy.cause import Cause
from samotop.verdict import ABSTAIN, Verdict

SEVERAL: Final = Cause(
    "null-several",
    "4.5.3",
    "a notification to several recipients",
    "A notification has one recipient; send the others one each",
    "send each recipient a message of its own, or use a reverse-path",
    "null_recipients",
)
NEVER: Final = Cause(
    "null-never",
    "5.7.1",
    "a notification to an address that sends nothing",
    "This address sends nothing, so that nothing can come back to it",
    "somebody forged the address as a sender: drop the notification",
    "no_bounces",
)
CAUSES: Final = (SEVERAL, NEVER)

_SEVERAL: Final = SEVERAL.refuse()
_NEVER: Final = NEVER.refuse()


def check_null_recipients(facts: RecipientFacts, limit: int) -> Verdict:
    """452 4.5.3 for more than ``limit`` recipients of a notification."""
    is_null = isinstance(facts.mail.reverse_path, NullPath)
    return _SEVERAL if is_null and facts.accepted >= limit else ABSTAIN


def check_null_address(facts: RecipientFacts, never: frozenset[str]) -> Verdict:
    """550 5.7.1 for a notification to one of ``never``, addresses in lower case."""
    if not isinstance(facts.mail.reverse_path, NullPath):
        return ABSTAIN
    return _NEVER if str(facts.recipient.address).lower() in never else ABSTAIN
