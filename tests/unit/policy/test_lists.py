"""Who may write to a list, and what comes round again."""

from __future__ import annotations

import pytest

from samotop.content import Content
from samotop.envelope import NO_PARAMETERS, Envelope, Recipient
from samotop.facts import ConnectionFacts, ContentFacts, HelloFacts, MailFacts
from samotop.peer import Peer
from samotop.policy.lists import check_post, check_return
from samotop.routing.aliases import Posting
from samotop.verdict import Action, refusal_reply
from tests.fakes.queue import parse

HEADER = b"From: <eve@sender.example>\r\n"


def facts(header: bytes = HEADER, *, login: str | None = None) -> ContentFacts:
    path = parse("eve@sender.example")
    mail = MailFacts(HelloFacts(ConnectionFacts(Peer(login=login), "mx.example.org"), "a", True), path, NO_PARAMETERS)
    envelope = Envelope(path, (Recipient(parse("friends@example.org")),))
    return ContentFacts(mail, envelope, Content.from_bytes(header + b"\r\nHello\r\n"), "ID")


@pytest.mark.parametrize("post", list(Posting))
@pytest.mark.parametrize(("is_owner", "is_member"), [(True, False), (False, True), (False, False)])
def test_who_may_write_to_a_list(post: Posting, is_owner: bool, is_member: bool) -> None:
    """Its owner always, its members unless it is for announcements, strangers only where anyone may."""
    verdict = check_post(facts(), post, is_owner=is_owner, is_member=is_member)
    may = is_owner or post is Posting.ANYONE or (post is Posting.MEMBERS and is_member)
    assert verdict.action is (Action.ABSTAIN if may else Action.REJECT)
    assert may or refusal_reply(verdict).wire.startswith(b"550 5.7.1 ")


@pytest.mark.parametrize(
    ("value", "is_refused"),
    [
        (b"auto-replied", True),
        (b"Auto-Generated; x=y", True),
        (b"no", False),
        (b"No (by hand)", False),
        (b"", True),
    ],
)
def test_programs_do_not_write_to_lists(value: bytes, is_refused: bool) -> None:
    """RFC 3834 §5: everything but "no" was written by one."""
    verdict = check_post(
        facts(HEADER + b"Auto-Submitted: " + value + b"\r\n"), Posting.ANYONE, is_owner=True, is_member=True
    )
    assert verdict.is_refusal is is_refused


@pytest.mark.parametrize(
    ("field", "is_refused"),
    [
        (b"Delivered-To: team@example.org", True),
        (b"delivered-TO: <Team@Example.org>", True),
        (b"Delivered-To: alice@example.org", False),
        (b"X-Delivered-To: team@example.org", False),
        (b"List-Id: Friends\r\n <friends.example.org>", True),
        (b"List-Id: <Friends.Example.org>", True),
        (b"List-Id: <friends.example.com>", False),
        (b"List-Id: friends.example.org", False),
    ],
)
def test_what_comes_round_again_is_refused(field: bytes, is_refused: bool) -> None:
    """By the mark of the alias or the name of the list, in any case; our own users may send again what they have."""
    header = HEADER + field + b"\r\n"
    way, labels = {"team@example.org"}, {"friends.example.org"}
    assert check_return(facts(header), way, labels).is_refusal is is_refused
    assert not check_return(facts(header, login="alice"), way, labels).is_refusal
