"""May this message go to a list, or round through an alias once more?

Who writes to a list must be known to be who From says: by a login, or by DMARC's
alignment. Notifications and what programs write go to nobody (RFC 3834 §2, §5):
answers to answers are how lists melt down. What we have sent on already is
known by its ``Delivered-To`` or List-Id, and refused: a loop ends with the
first message that comes back.

Facts in, verdict out; who is a member is asked before. Raises nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from samotop.facts import ContentFacts
from samotop.message.redistribution import has_list_id, has_mark, is_automatic
from samotop.routing.aliases import Posting
from samotop.verdict import ABSTAIN, Verdict

_CHECK: Final = "list"
_LOOP: Final = Verdict.reject(
    "aliases",
    "it has been through this alias or list before",
    status="5.4.6",
    said="We have sent this message on before, and it came back: a loop of forwarding",
)
_AUTOMATIC: Final = Verdict.reject(
    _CHECK,
    "a program wrote it",
    status="5.7.1",
    said="This list takes no automatic messages (Auto-Submitted)",
)
NOTIFICATION: Final = Verdict.reject(
    _CHECK, "the null reverse-path", status="5.7.1", said="A list takes no notifications; its -owner address does"
)
_MEMBERS: Final = Verdict.reject(
    _CHECK,
    "not from a member",
    status="5.7.1",
    said="This list takes mail of its members alone, and this message is not proven to be from one (by a login or by "
    "DMARC); it was delivered to nobody",
)
_OWNER: Final = Verdict.reject(
    _CHECK,
    "not from the owner",
    status="5.7.1",
    said="This list is for announcements: its owner alone may write to it; the message was delivered to nobody",
)


def check_return(facts: ContentFacts, way: Collection[str], labels: Collection[str]) -> Verdict:
    """550 5.4.6 for what has been through these aliases, or carries one of these lists' List-Id.

    Not for our own users: somebody who sends an old message once more is no loop.
    """
    if facts.peer.login is not None:
        return ABSTAIN
    header = facts.content.header
    return _LOOP if has_mark(header, way) or has_list_id(header, labels) else ABSTAIN


def check_post(facts: ContentFacts, post: Posting, *, is_owner: bool, is_member: bool) -> Verdict:
    """550 5.7.1 where a list does not take this message. ``is_owner`` and ``is_member`` say who proves to write."""
    if is_automatic(facts.content.header):
        return _AUTOMATIC
    if is_owner or post is Posting.ANYONE or (post is Posting.MEMBERS and is_member):
        return ABSTAIN
    return _OWNER if post is Posting.NOBODY else _MEMBERS
