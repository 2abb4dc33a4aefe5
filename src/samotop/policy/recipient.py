"""May this recipient be written to? By where routing says that it leads.

Does not relay for strangers, and knows no one but what ``routing`` resolved.
Raises nothing.
"""

from __future__ import annotations

from typing import Final

from samotop.address import NullPath
from samotop.facts import RecipientFacts
from samotop.routing.destinations import Foreign, Reached, Returning, Unknown, Via
from samotop.verdict import Verdict

_CHECK: Final = "recipient"
_ACCEPTED: Final = Verdict.accept(_CHECK, "somebody has this address", status="2.1.5")
_RELAYED: Final = Verdict.accept(_CHECK, "the peer may relay", status="2.1.5")
_UNKNOWN: Final = Verdict.reject(
    _CHECK, "nobody has this address", status="5.1.1", said="There is no mailbox of that address here"
)
_DENIED: Final = Verdict.reject(
    _CHECK,
    "relaying is not for this peer",
    status="5.7.1",
    said="We are not responsible for that domain; log in to send",
)
_NOTIFICATIONS_ONLY: Final = Verdict.reject(
    _CHECK,
    "a rewritten sender takes notifications only",
    status="5.7.1",
    said="This address is a rewritten one of a forwarded message, and takes notifications only (MAIL FROM:<>)",
)


def check_recipient(facts: RecipientFacts, destination: Reached, may_relay: bool) -> Verdict:
    """550 5.1.1 for nobody's address in our domains, 550 5.7.1 for relaying by who may not, else accept.

    What goes back by a rewritten sender is not relaying: its hash is our own word.
    """
    if isinstance(destination, Returning):
        return _ACCEPTED if isinstance(facts.mail.reverse_path, NullPath) else _NOTIFICATIONS_ONLY
    if isinstance(destination, Unknown):
        return _UNKNOWN
    if isinstance(destination, Foreign) or (isinstance(destination, Via) and destination.needs_permission):
        return _RELAYED if may_relay else _DENIED
    return _ACCEPTED
