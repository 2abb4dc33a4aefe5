"""Who is believed to write to a list, and how files of members are taken up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from samotop.app.expansions import MembersFile, open_expansions
from samotop.config.read import read_config
from samotop.content import Content
from samotop.envelope import NO_PARAMETERS, Envelope, Recipient
from samotop.facts import ConnectionFacts, ContentFacts, HelloFacts, MailFacts
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.dmarc import DmarcResult
from samotop.msgauth.results import Result
from samotop.net.clock import SystemClock
from samotop.peer import Peer
from samotop.routing.addressbook import AddressBook, Leaf
from samotop.routing.aliases import MailingList
from samotop.routing.router import Router
from samotop.terms import routing_rules
from samotop.verdict import Verdict
from tests.fakes.queue import FakeAccounts, FakeLog, parse
from tests.fakes.wire import FakeSpool

CONFIG = """\
hostname = "mx.example.org"
domains = ["example.org"]

[relay]
trusted = ["192.0.2.9"]

[[list]]
address = "friends@example.org"
owner = "bob"
members = ["alice", "dora@elsewhere.example"]

[[alias]]
address = "all@example.org"
to = ["friends@example.org"]

[mailbox.alice]
addresses = ["alice@example.org", "a.liddell@example.org"]
"""

ALIGNED = Authentication(dmarc=DmarcResult(Result.PASS, aligned=("dkim",)))
ALIGNED_WITHOUT_RECORD = Authentication(dmarc=DmarcResult(Result.NONE, aligned=("spf",)))
NOT_ALIGNED = Authentication(dmarc=DmarcResult(Result.FAIL))
EXPLAINED = Authentication(dmarc=DmarcResult(Result.FAIL), explained_by="sealer.example")

Check = Callable[..., Verdict]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """``check(author, found)``: what a post to the list is answered."""
    config, faults = read_config(CONFIG, "samotop.toml")
    assert config is not None, faults
    router = Router(routing_rules(config), FakeAccounts("alice", "bob"))

    def run(
        author: str,
        found: Authentication | None,
        *,
        peer: Peer = Peer("192.0.2.7"),
        to: str = "friends@example.org",
        times: int = 1,
    ) -> Verdict:
        loop = asyncio.new_event_loop()
        made = open_expansions(config, tmp_path, router, FakeSpool(), SystemClock(), loop, FakeLog())
        loop.close()
        assert made is not None
        path = parse("eve@sender.example")
        mail = MailFacts(HelloFacts(ConnectionFacts(peer, "mx.example.org"), "a", True), path, NO_PARAMETERS)
        content = Content.from_bytes(f"From: {author}\r\n\r\nHello\r\n".encode())
        envelope = Envelope(path, (Recipient(parse(to)),) * times)
        verdict = made.check_content(ContentFacts(mail, envelope, content, "ID", found))
        assert isinstance(verdict, Verdict)
        return verdict

    return run


@pytest.mark.parametrize("found", [ALIGNED, ALIGNED_WITHOUT_RECORD, EXPLAINED])
@pytest.mark.parametrize(
    ("author", "may"),
    [
        ("dora@elsewhere.example", True),
        ("Dora <DORA@Elsewhere.Example>", True),
        ("a.liddell@example.org", True),
        ("bob@example.org", True),
        ("eve@elsewhere.example", False),
        ("dora@elsewhere.example, eve@elsewhere.example", False),
        ("not an address", False),
    ],
)
def test_a_proven_author_must_be_a_member(check: Check, found: Authentication, author: str, may: bool) -> None:
    """By any address of a member's account; of several authors all of them; with or without a policy in DNS."""
    assert check(author, found).is_refusal is not may
    assert check(author, found, to="all@example.org").is_refusal is not may


@pytest.mark.parametrize("found", [NOT_ALIGNED, None, Authentication()])
def test_a_claimed_author_is_nobody(check: Check, found: Authentication | None) -> None:
    """Also where nobody looked: exempt peers are not trusted for it."""
    assert check("dora@elsewhere.example", found).is_refusal


def test_a_machine_of_ours_is_believed(check: Check) -> None:
    """It may send in anybody's name anyway."""
    assert not check("dora@elsewhere.example", None, peer=Peer("192.0.2.9")).is_refusal


def test_a_login_is_proof_enough(check: Check) -> None:
    """Whatever stands in From, which was checked against the login."""
    assert not check("x@foreign.example", None, peer=Peer(login="alice")).is_refusal
    assert not check("x@foreign.example", None, peer=Peer(login="bob")).is_refusal
    assert check("dora@elsewhere.example", None, peer=Peer(login="carol")).is_refusal


def test_a_list_that_is_named_often_is_asked_about_once(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have a thousand members, and a stranger a hundred RCPTs: the loop is everybody's."""
    asked: list[MailingList] = []
    members = AddressBook.members

    def counted(book: AddressBook, one: MailingList) -> Iterator[Leaf]:
        asked.append(one)
        return members(book, one)

    monkeypatch.setattr(AddressBook, "members", counted)
    assert check("eve@elsewhere.example", ALIGNED, times=100).is_refusal
    assert not check("dora@elsewhere.example", ALIGNED, times=100).is_refusal
    assert len(asked) == 2


def test_nothing_configured_is_no_door(tmp_path: Path) -> None:
    """And no secret is made; one that is there still leads senders back."""
    config, _ = read_config(CONFIG.partition("[relay]")[0], "samotop.toml")
    assert config is not None
    router = Router(routing_rules(config), FakeAccounts())
    loop = asyncio.new_event_loop()
    arguments = (config, tmp_path, router, FakeSpool(), SystemClock(), loop, FakeLog())
    assert open_expansions(*arguments) is None
    assert not (tmp_path / "keys").exists()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "srs.secret").write_bytes(b"x" * 32)
    assert open_expansions(*arguments) is not None
    loop.close()


def test_a_file_is_taken_up_when_it_has_settled(tmp_path: Path) -> None:
    """Somebody may be writing; what cannot be read, or is gone, leaves the members as they are."""
    path = tmp_path / "friends.txt"
    path.write_text("alice\n")
    friends = ["bob", "dora@elsewhere.example"]
    file = MembersFile(path)
    assert list(file.targets) == ["alice"] and not file.has_changed()
    path.write_text("bob\n# alice\n dora@Elsewhere.example # a friend\nbob\n")
    assert not file.has_changed() and file.has_changed()
    assert file.read() == 0 and list(file.targets) == friends
    assert not file.has_changed()
    path.write_text("bob carol\n")
    assert not file.has_changed() and file.has_changed()
    assert file.read() == 1 and list(file.targets) == friends
    path.unlink()
    assert not file.has_changed() and file.has_changed()
    assert file.read() == 1 and file.targets == ("bob", "dora@elsewhere.example")
    assert not file.has_changed()
