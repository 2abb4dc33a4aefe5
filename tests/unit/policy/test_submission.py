"""Who has logged in writes as themselves, and not without end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from samotop.address import NULL_PATH, Address, ReversePath
from samotop.content import Content
from samotop.envelope import NO_PARAMETERS, Envelope, Recipient
from samotop.facts import ConnectionFacts, ContentFacts, HelloFacts, MailFacts, RecipientFacts
from samotop.peer import Peer
from samotop.policy.loops import HOPS_LIMIT, check_loops
from samotop.policy.submission import SubmissionRules, Usage, check_author, check_sender, check_usage
from samotop.reception.usage import Usages
from samotop.verdict import Action
from tests.fakes.tallies import MemoryTallies

ALICE, BOB = Address("alice", "example.org"), Address("bob", "example.org")
STRANGER = Address("a", "example.net")
DAY = 86400.0


def owns(login: str, address: Address) -> bool:
    return address == Address(login, "example.org")


def mail(path: ReversePath = ALICE, login: str | None = "alice") -> MailFacts:
    hello = HelloFacts(ConnectionFacts(Peer(login=login), "mx.example.org", "submission"), "client", True)
    return MailFacts(hello, path, NO_PARAMETERS)


def content(header: str, login: str | None = "alice") -> ContentFacts:
    octets = header.replace("\n", "\r\n").encode() + b"\r\n\r\nHello\r\n"
    return ContentFacts(mail(login=login), Envelope(ALICE, ()), Content.from_bytes(octets), "X")


@pytest.mark.parametrize(
    ("path", "login", "action"),
    [
        (ALICE, "alice", Action.ABSTAIN),
        (BOB, "alice", Action.REJECT),
        (STRANGER, "alice", Action.REJECT),
        (NULL_PATH, "alice", Action.ABSTAIN),
        (STRANGER, None, Action.ABSTAIN),
    ],
)
def test_the_reverse_path_is_the_logins(path: ReversePath, login: str | None, action: Action) -> None:
    """RFC 6409 §6.1; strangers are other checks' business."""
    assert check_sender(mail(path, login), owns).action is action


@pytest.mark.parametrize(
    ("header", "action"),
    [
        ("From: Alice <alice@example.org>", Action.ABSTAIN),
        ("From: Bob <bob@example.org>", Action.REJECT),
        ("From: alice@example.org, bob@EXAMPLE.org", Action.REJECT),
        ("From: a@example.net", Action.ABSTAIN),
        ("From: alice@example.org\nFrom: bob@example.org", Action.REJECT),
        ("Subject: no author", Action.REJECT),
        ('From: "alice@example.org" <bob@example.org>', Action.REJECT),
        ("From: nonsense", Action.REJECT),
    ],
)
def test_from_is_nobody_else_of_ours(header: str, action: Action) -> None:
    """What is signed by our domain must be true."""
    assert check_author(content(header), owns, ["example.org"]).action is action
    assert check_author(content(header, login=None), owns, ["example.org"]).action is Action.ABSTAIN


def test_an_account_sends_so_much_a_day() -> None:
    """Messages, and different people; who was written to already today may be written to again."""
    facts = RecipientFacts(mail(), Recipient(STRANGER))
    rules = SubmissionRules(messages=3, recipients=2)
    assert check_usage(facts, Usage(1), b"x", rules).action is Action.ABSTAIN
    assert str(check_usage(facts, Usage(1, messages=3), b"x", rules).status) == "4.7.1"
    full = Usage(1, recipients=2, known={b"known"})
    assert check_usage(facts, full, b"x", rules).action is Action.DEFER
    assert check_usage(facts, full, b"known", rules).action is Action.ABSTAIN
    assert check_usage(facts, Usage(1, 10**9, 10**9), b"x", SubmissionRules(0, 0)).action is Action.ABSTAIN
    stranger = replace(facts, mail=mail(login=None))
    assert check_usage(stranger, Usage(1, 10**9), b"x", rules).action is Action.ABSTAIN


def test_what_was_sent_is_known_after_a_restart_and_forgotten_the_day_after() -> None:
    """A restart must not give a stolen password a new allowance. The store has numbers, and no address."""
    tallies = MemoryTallies()
    usages = Usages(tallies, b"secret")
    usages.note("alice", [BOB, STRANGER, BOB], 10.0)
    usages.note("alice", [STRANGER], 20.0)
    usages.flush(30.0)
    assert {tally.record: tally.count for tally in tallies.kept} == {b"message": 2, b"recipient": 2}
    again = Usages(tallies, b"secret")
    again.flush(40.0)
    assert (again.usage("alice", 50.0).messages, again.usage("alice", 50.0).recipients) == (2, 2)
    again.note("alice", [BOB], 60.0)
    assert again.usage("alice", 70.0).messages == 3
    again.flush(80.0)
    assert again.usage("alice", 90.0).messages == 3
    assert again.usage("alice", DAY + 1).messages == 0
    again.flush(DAY + 2)
    assert tallies.kept == []


def test_a_loop_ends() -> None:
    """RFC 5321 §6.3: by counting Received fields."""
    assert check_loops(content("Received: x\n" * HOPS_LIMIT + "Subject: a")).action is Action.ABSTAIN
    found = check_loops(content("Received: x\n" * (HOPS_LIMIT + 1) + "Subject: a"))
    assert found.action is Action.REJECT and str(found.status) == "5.4.6"
