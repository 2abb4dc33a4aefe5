"""What sessions say when they accept, and what they say when it is their own fault."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from samotop.ports import SpoolFault
from samotop.reply import Reply
from samotop.verdict import Action, Verdict, refusal_reply

MAIL_OK: Final = Reply.of(250, "2.1.0", "Ok")
RCPT_OK: Final = Reply.of(250, "2.1.5", "Ok")
CHUNK_OK: Final = Reply.of(250, "2.0.0", "Chunk taken")
NO_ROOM: Final = Reply.of(452, "4.3.1", "No room for mail right now, try again later")
NOT_STORED: Final = Reply.of(451, "4.3.0", "Could not store this, try again later")
TIMED_OUT: Final = Reply.of(421, "4.4.2", "Waited too long, bye")
STOPPING: Final = Reply.of(421, "4.3.2", "Stopping, try again in a while")
INTERNAL: Final = Verdict.defer("reception", "something went wrong here", status="4.3.0")
UNDECIDED: Final = Verdict.defer("reception", "could not decide in time", status="4.3.0")
SPOKE_EARLY: Final = Verdict.reject(
    "early-talker", "You spoke before our greeting", status="5.5.1", said="You must wait for the greeting"
)


def answer(verdict: Verdict, accepted: Reply) -> Reply:
    """The reply for a verdict; ``accepted`` where it is no refusal and says nothing of its own."""
    if verdict.is_refusal:
        return refusal_reply(verdict)
    if verdict.said and verdict.action is Action.ACCEPT:
        return Reply(accepted.code, accepted.status, (verdict.said,))
    return accepted


@lru_cache(maxsize=64)
def greeting(said: str, is_lmtp: bool) -> Reply:
    """The greeting: our name and what we speak, or a decider's own words."""
    return Reply(220, None, (f"{said} {'LMTP' if is_lmtp else 'ESMTP'}",))


def fault_reply(fault: SpoolFault) -> Reply:
    return NO_ROOM if fault.is_full else NOT_STORED
