"""Does the client wait for our answer where it must? (RFC 2920 §3.1, RFC 5321 §4.1.4)

EHLO and HELO are the last of a group of commands, as their answer says what may follow; and a client that said HELO
may not send ahead at all. Programs that only throw octets at a port do. Some honest ones do, too, so that by default
it is evidence for the owner; ``pipelining = "enforce"`` refuses it with 503 5.5.1.
Facts in, verdict out. Raises nothing.
"""

from __future__ import annotations

from typing import Final

from samotop.facts import ContentFacts, HelloFacts, MailFacts
from samotop.policy.cause import Cause
from samotop.verdict import ABSTAIN, Verdict

HASTY: Final = Cause(
    "pipelining-hasty",
    "5.5.1",
    "sent more before it could know our answer",
    "Wait for our answer before you send more",
    "let the sending server wait after EHLO, and after each command where it said HELO",
    "pipelining",
    closes=True,
)
CAUSES: Final = (HASTY,)

_HASTY: Final = HASTY.refuse()


def check_pipelining(facts: HelloFacts | MailFacts) -> Verdict:
    """503 5.5.1, and the session is over."""
    return _HASTY if facts.is_hasty else ABSTAIN


def find_pipelining(facts: ContentFacts) -> str:
    """For the trace."""
    return "does not wait for answers" if facts.mail.is_hasty or facts.mail.hello.is_hasty else ""
