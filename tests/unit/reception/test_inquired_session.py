"""A session that finds out who writes: when it asks, whom it spares, and where the results go."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from samotop.address import ReversePath
from samotop.facts import ContentFacts, HelloFacts, MailFacts, RecipientFacts
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.listing import Listing
from samotop.net.networks import parse_networks
from samotop.peer import Peer
from samotop.ports.inquiry import Early, Inquired
from samotop.reception.listener import Listener
from samotop.reception.stages import Stages
from samotop.verdict import Reject, Verdict
from tests.fakes.wire import Wire

FOUND = Authentication(explained_by="lists.example.org")
RESULTS = "Authentication-Results: mx.example.org; spf=pass\r\n"
MESSAGE = ("Subject: x", "", "hello", ".")


@dataclass
class Inquiries:
    """Remembers what it is asked; ``answer`` lets the results come."""

    answer: asyncio.Event = field(default_factory=asyncio.Event)
    log: list[str] = field(default_factory=list)
    octets: bytes = b""

    def greeted(self, peer: Peer, name: str) -> Inquiries:
        self.log.append(f"greeted {peer.address} {name}")
        return self

    def mail(self, reverse_path: ReversePath) -> MailOfOne:
        self.log.append(f"mail {reverse_path}")
        return MailOfOne(self)

    def close(self) -> None:
        self.log.append("left")


@dataclass
class MailOfOne:
    peer: Inquiries

    def known(self) -> Early | None:
        return Early(FOUND) if self.peer.answer.is_set() else None

    async def early(self) -> Early:
        self.peer.log.append("early")
        await self.peer.answer.wait()
        return Early(FOUND, (LISTED,))

    async def soon(self) -> Early:
        self.peer.log.append("soon")
        await self.peer.answer.wait()
        return Early(FOUND, (LISTED,))

    def feed(self, chunk: bytes) -> None:
        self.peer.octets += chunk

    async def finish(self) -> Inquired:
        await self.peer.answer.wait()
        return Inquired(FOUND, RESULTS, "mail.example.net")

    def close(self) -> None:
        self.peer.log.append("closed")


def inquired(stages: Stages = Stages(), **more: object) -> tuple[Wire, Inquiries]:
    wire = Wire(stages, **more)  # type: ignore[arg-type]  # the table of a case
    inquiries = Inquiries()
    wire.context.inquirer = inquiries
    wire.transport.take()
    return wire, inquiries


async def test_the_results_come_with_the_facts_and_into_the_trace() -> None:
    seen: list[ContentFacts] = []
    wire, inquiries = inquired(Stages(content=lambda facts: seen.append(facts)))
    wire.say("EHLO client.example", "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.org>", "DATA")
    assert wire.say(*MESSAGE) == "", "nothing is said before it is known"
    assert not seen
    inquiries.answer.set()
    assert await wire.settled() == "250 2.0.0 Ok: queued as ENTRY1\r\n"
    assert seen[0].authentication is FOUND
    assert inquiries.octets == b"Subject: x\r\n\r\nhello\r\n"
    assert inquiries.log[:2] == ["greeted 192.0.2.7 client.example", "mail a@example.net"]
    ((entry, _),) = wire.spool.stored
    assert (entry.trace.results, entry.trace.peer_name) == (RESULTS, "mail.example.net")


async def test_a_decision_by_the_results_is_told() -> None:
    def content(facts: ContentFacts) -> Verdict | None:
        found = facts.authentication
        return Reject("no") if found is not None and found.explained_by else None

    wire, inquiries = inquired(Stages(content=content))
    inquiries.answer.set()
    wire.say("EHLO client.example", "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.org>", "DATA", *MESSAGE)
    assert await wire.settled() == "550 5.7.1 no\r\n"
    assert wire.spool.stored == []


async def test_commands_pipelined_behind_the_content_wait_for_the_results() -> None:
    wire, inquiries = inquired()
    wire.say("EHLO client.example", "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.org>", "DATA")
    assert wire.say(*MESSAGE, "NOOP") == ""
    inquiries.answer.set()
    assert (await wire.settled()).splitlines()[-1].startswith("250 2.0.0 ")
    assert len(wire.spool.stored) == 1


async def test_each_transaction_is_closed_and_the_peer_is_left() -> None:
    wire, inquiries = inquired()
    wire.say("EHLO one.example", "MAIL FROM:<a@example.net>", "RSET", "MAIL FROM:<>", "RSET")
    wire.say("EHLO two.example")
    wire.session.connection_lost(None)
    assert inquiries.log == [
        "greeted 192.0.2.7 one.example",
        "mail a@example.net",
        "closed",
        "mail ",
        "closed",
        "left",
        "greeted 192.0.2.7 two.example",
        "left",
    ]


async def test_a_message_that_came_to_its_end_is_closed_too() -> None:
    wire, inquiries = inquired()
    inquiries.answer.set()
    wire.say("EHLO client.example", "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.org>", "DATA", *MESSAGE)
    await wire.settled()
    assert inquiries.log[-1] == "closed"
    wire.say("MAIL FROM:<a@example.net>")
    assert inquiries.log[-1] == "mail a@example.net", "the next message is asked about anew"


async def test_a_client_that_leaves_meanwhile_leaves_nothing() -> None:
    wire, inquiries = inquired()
    wire.say("EHLO client.example", "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.org>", "DATA", *MESSAGE)
    wire.session.connection_lost(None)
    await wire.settled()
    assert inquiries.log[-2:] == ["closed", "left"]
    assert wire.spool.stored == []
    assert wire.spool.drafts[0].is_discarded


async def test_nobody_asks_about_exempt_peers_and_our_own_users() -> None:
    wire, inquiries = inquired()
    wire.context.exempt = parse_networks(["192.0.2.0/24"])
    wire.say("EHLO client.example", "MAIL FROM:<a@example.net>")
    submission, asked_too = inquired(listener=Listener(protocol="submission", tls="none"))
    submission.say("EHLO client.example", "MAIL FROM:<a@example.net>")
    assert inquiries.log == asked_too.log == []


async def test_who_logs_in_is_no_stranger_any_more() -> None:
    wire, inquiries = inquired()
    wire.say("EHLO client.example")
    wire.session._set_peer(replace(wire.session._peer, login="alice"))
    wire.say("MAIL FROM:<a@example.net>")
    assert inquiries.log == ["greeted 192.0.2.7 client.example"]


async def test_an_inquiry_ends_with_its_transaction_however_that_ends() -> None:
    """Else a client that begins one after another has as many questions under way as it likes."""
    refuses = Stages(mail=lambda facts: Reject("no"))
    for stages, words in (
        (refuses, ["MAIL FROM:<a@example.net>"] * 3),
        (Stages(), ["MAIL FROM:<a@example.net>", "RSET"] * 3),
        (Stages(), ["MAIL FROM:<a@example.net>", "EHLO client.example"] * 3),
        (Stages(recipient=lambda facts: Reject("no")), ["MAIL FROM:<a@example.net>", "RCPT TO:<b@c>", "RSET"] * 3),
    ):
        wire, inquiries = inquired(stages)
        wire.say("EHLO client.example", *words)
        begun, ended = inquiries.log.count("mail a@example.net"), inquiries.log.count("closed")
        wire.say("QUIT")
        assert begun == 3
        assert ended >= 2, (words, inquiries.log)
        assert inquiries.log.count("closed") == 3


async def test_the_first_recipient_waits_for_the_sender_where_that_is_wanted() -> None:
    """Whoever it is for: what it takes must not tell about its owner. The others need not wait again."""
    seen: list[RecipientFacts] = []
    wire, inquiries = inquired(Stages(recipient=lambda facts: seen.append(facts)))
    wire.context.needs_sender = True
    wire.say("EHLO client.example", "MAIL FROM:<a@example.net>")
    assert wire.say("RCPT TO:<nobody@example.org>", "RCPT TO:<b@example.org>") == ""
    inquiries.answer.set()
    assert (await wire.settled()).count("250 2.1.5") == 2
    assert inquiries.log.count("soon") == 1
    assert [facts.mail.authentication for facts in seen] == [FOUND, FOUND]
    assert [len(facts.taken) for facts in seen] == [0, 1]


LISTED = Listing("zen.example", ("127.0.0.2",))


async def test_the_first_recipient_waits_where_a_check_must_know() -> None:
    """Once for each message; the later ones know it."""
    seen: list[RecipientFacts] = []
    wire, inquiries = inquired(Stages(recipient=lambda facts: seen.append(facts)))
    wire.context.needs_names = lambda facts: True
    wire.say("EHLO client.example")
    said = wire.say("MAIL FROM:<a@example.net>", "RCPT TO:<b@example.org>", "RCPT TO:<c@example.org>")
    assert said == "250 2.1.0 Ok\r\n"
    inquiries.answer.set()
    assert await wire.settled() == "250 2.1.5 Ok\r\n" * 2
    assert [facts.mail.authentication for facts in seen] == [FOUND, FOUND]
    assert seen[1].mail.listings == (LISTED,)
    assert inquiries.log.count("early") == 1


async def test_nobody_waits_where_no_check_must_know() -> None:
    wire, inquiries = inquired()
    wire.context.needs_names = lambda facts: False
    assert wire.say("EHLO client.example", "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.org>").endswith(
        "2.1.5 Ok\r\n"
    )
    assert "early" not in inquiries.log


async def test_a_client_that_leaves_while_a_recipient_waits_leaves_nothing() -> None:
    seen: list[RecipientFacts] = []
    wire, inquiries = inquired(Stages(recipient=lambda facts: seen.append(facts)))
    wire.context.needs_names = lambda facts: True
    wire.say("EHLO client.example", "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.org>")
    wire.session.connection_lost(None)
    inquiries.answer.set()
    await wire.settled()
    assert seen == []
    assert inquiries.log[-2:] == ["closed", "left"]


async def test_who_does_not_wait_for_our_answer_is_known_by_it() -> None:
    """RFC 2920 §3.1: EHLO is the last of a group, and after HELO there are none."""
    seen: list[HelloFacts | MailFacts] = []
    stages = Stages(hello=lambda facts: seen.append(facts), mail=lambda facts: seen.append(facts))
    wire, _ = inquired(stages)
    wire.say("EHLO one.example", "MAIL FROM:<a@example.net>", "RSET")
    wire.say("EHLO two.example")
    wire.say("MAIL FROM:<a@example.net>", "RSET")
    wire.say("HELO three.example")
    wire.say("MAIL FROM:<a@example.net>", "RSET")
    assert [facts.is_hasty for facts in seen] == [True, False, False, False, False, True]
