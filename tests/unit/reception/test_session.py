"""Sessions without a network: facts in, verdicts out, time moved by hand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from samotop import Accept, Defer, Hold, Reject, Reply, Verdict
from samotop.facts import ConnectionFacts, ContentFacts, MailFacts, RecipientFacts
from samotop.net.networks import parse_networks
from samotop.ports import SpoolFault
from samotop.queue.entry import State
from samotop.reception.listener import Listener
from samotop.reception.rules import Rules
from samotop.reception.stages import Stages
from samotop.smtp.rules import Rules as SmtpRules
from tests.fakes.wire import Wire

GREETING = "220 mx.example.org ESMTP\r\n"
TRANSACTION = ("EHLO client.example", "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.org>", "DATA")


def opened(wire: Wire, *more: str) -> Wire:
    """Bring a session to the point where content may come."""
    assert wire.transport.take() == GREETING
    assert wire.say(*TRANSACTION, *more).endswith("354 End data with <CR><LF>.<CR><LF>\r\n")
    return wire


async def test_a_message_is_answered_when_it_is_durable_and_not_before() -> None:
    wire = opened(Wire())
    wire.spool.is_prompt = False
    assert wire.say("Subject: x", "", "hello", ".") == ""
    wire.spool.settle()
    assert wire.transport.take() == "250 2.0.0 Ok: queued as ENTRY1\r\n"
    ((entry, content),) = wire.spool.stored
    assert content == b"Subject: x\r\n\r\nhello\r\n"
    assert str(entry.envelope.reverse_path) == "a@example.net"
    assert entry.trace.hello == "client.example"
    assert entry.trace.peer_address == "192.0.2.7"
    assert entry.trace.protocol == "ESMTP"


async def test_a_pipelined_batch_is_answered_in_one_write() -> None:
    """RFC 2920: one segment of commands, one segment of replies."""
    wire = Wire()
    wire.transport.take()
    writes = wire.transport.writes
    answer = wire.say(*TRANSACTION)
    assert answer.count("\r\n250 ") + answer.count("354 ") == 4
    assert wire.transport.writes == writes + 1


async def test_a_thousand_pipelined_messages_do_not_nest() -> None:
    """Each commit answers at once and goes on with the next: in a loop, not deeper and deeper."""
    wire = Wire()
    wire.transport.take()
    wire.say("EHLO x")
    one = ("MAIL FROM:<a@example.net>", "RCPT TO:<b@example.org>", "DATA", "x", ".")
    assert wire.say(*(one * 1000)).count("queued as") == 1000


@pytest.mark.parametrize(
    ("fault", "reply"),
    [
        (SpoolFault("full", is_full=True), "452 4.3.1 No room for mail right now, try again later\r\n"),
        (SpoolFault("broken"), "451 4.3.0 Could not store this, try again later\r\n"),
    ],
)
async def test_what_could_not_be_stored_is_not_acknowledged(fault: SpoolFault, reply: str) -> None:
    wire = opened(Wire())
    wire.spool.fault = fault
    assert wire.say("hello", ".") == reply
    assert wire.spool.stored == []


async def test_a_full_disk_is_said_at_mail() -> None:
    wire = Wire()
    wire.transport.take()
    wire.spool.has_room = False
    assert wire.say("EHLO x", "MAIL FROM:<a@example.net>").endswith(
        "452 4.3.1 No room for mail right now, try again later\r\n"
    )
    wire.spool.has_room = True
    assert wire.say("MAIL FROM:<a@example.net>") == "250 2.1.0 Ok\r\n"


async def test_each_stage_may_refuse() -> None:
    def mail(facts: MailFacts) -> Verdict | None:
        return Reject("not you") if str(facts.reverse_path) == "evil@example.net" else None

    def recipient(facts: RecipientFacts) -> Verdict:
        return Defer("later") if facts.recipient.address.local == "slow" else Accept("come in")

    def content(facts: ContentFacts) -> Verdict | None:
        return Reject("bad words", status="5.7.1") if b"viagra" in facts.content.to_bytes() else None

    wire = Wire(Stages(mail=mail, recipient=recipient, content=content))
    wire.transport.take()
    wire.say("EHLO x")
    assert wire.say("MAIL FROM:<evil@example.net>") == "550 5.7.1 not you\r\n"
    assert wire.say("MAIL FROM:<a@example.net>") == "250 2.1.0 Ok\r\n"
    assert wire.say("RCPT TO:<slow@example.org>") == "450 4.7.1 later\r\n"
    assert wire.say("DATA") == "503 5.5.1 No valid recipients\r\n"
    assert wire.say("RCPT TO:<b@example.org>") == "250 2.1.5 come in\r\n"
    wire.say("DATA")
    assert wire.say("viagra", ".") == "550 5.7.1 bad words\r\n"
    assert wire.spool.drafts[0].is_discarded
    assert wire.spool.stored == []


async def test_a_refused_connection_hears_why_and_ends() -> None:
    wire = Wire(Stages(connection=lambda facts: Reject("go away")))
    assert wire.transport.take() == "554 5.7.1 go away\r\n"
    assert wire.transport.is_closed


async def test_a_decider_may_be_awaited() -> None:
    """While it decides, nothing later of the batch is looked at."""
    gate = asyncio.Event()

    async def recipient(facts: RecipientFacts) -> Verdict:
        await gate.wait()
        return Reject("no")

    wire = Wire(Stages(recipient=recipient))
    wire.transport.take()
    assert (
        wire.say("EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "RCPT TO:<e@f.example>").count("250 ")
        == 2
    )
    gate.set()
    assert await wire.settled() == "550 5.7.1 no\r\n550 5.7.1 no\r\n"


async def test_a_decider_that_fails_costs_a_451_and_not_the_session() -> None:
    def mail(facts: MailFacts) -> Verdict:
        raise KeyError("bug")

    wire = Wire(Stages(mail=mail))
    wire.transport.take()
    assert wire.say("EHLO x", "MAIL FROM:<a@b.example>").endswith("451 4.3.0 something went wrong here\r\n")
    assert [event for event, _ in wire.events] == ["decider_failed"]
    assert wire.say("NOOP") == "250 2.0.0 Ok\r\n"


async def test_a_held_message_is_accepted_and_stored_as_held() -> None:
    wire = opened(Wire(Stages(content=lambda facts: Hold("looks odd"))))
    assert wire.say("x", ".") == "250 2.0.0 Ok: queued as ENTRY1\r\n"
    ((entry, _),) = wire.spool.stored
    assert (entry.state, entry.reason) == (State.HELD, "looks odd")


async def test_a_discarded_recipient_is_accepted_and_not_kept() -> None:
    def recipient(facts: RecipientFacts) -> Verdict | None:
        return Verdict.discard("rule", "owner's rule") if facts.recipient.address.local == "gone" else None

    wire = opened(
        Wire(Stages(recipient=recipient)),
    )
    assert wire.say("x", ".").startswith("250 ")
    wire.say("MAIL FROM:<a@example.net>", "RCPT TO:<gone@example.org>", "RCPT TO:<b@example.org>", "DATA")
    assert wire.say("y", ".").startswith("250 ")
    wire.say("MAIL FROM:<a@example.net>", "RCPT TO:<gone@example.org>", "DATA")
    assert wire.say("z", ".").startswith("250 ")
    assert [[str(r.address) for r in entry.envelope.recipients] for entry, _ in wire.spool.stored] == [
        ["b@example.org"],
        ["b@example.org"],
    ]


LMTP = Listener(protocol="lmtp", tls="none")


async def test_lmtp_answers_each_recipient() -> None:
    """RFC 2033 §4.2: one reply per accepted RCPT, in order; they may differ."""

    def content(facts: ContentFacts) -> list[Verdict]:
        return [Accept(), Reject("full", status="5.2.2"), Accept("yours")]

    wire = Wire(Stages(content=content), listener=LMTP)
    assert wire.transport.take() == "220 mx.example.org LMTP\r\n"
    wire.say("LHLO x", "MAIL FROM:<>", *(f"RCPT TO:<{n}@example.org>" for n in "abc"), "DATA")
    assert wire.say("x", ".") == (
        "250 2.0.0 Ok: queued as ENTRY1\r\n552 5.2.2 full\r\n250 2.0.0 Ok: queued as ENTRY1\r\n"
    )
    ((entry, _),) = wire.spool.stored
    assert [r.address.local for r in entry.envelope.recipients] == ["a", "c"]
    assert entry.trace.protocol == "LMTP"


async def test_lmtp_says_a_fault_once_per_recipient() -> None:
    wire = Wire(listener=LMTP)
    wire.transport.take()
    wire.spool.fault = SpoolFault("full", is_full=True)
    wire.say("LHLO x", "MAIL FROM:<>", "RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>", "DATA")
    assert wire.say("x", ".").count("452 4.3.1") == 2


async def test_smtp_holds_what_one_reply_cannot_say() -> None:
    """Recipients answered differently cannot share one 250; the message is held, never silently dropped."""
    wire = Wire(Stages(content=lambda facts: [Accept(), Reject("no")]))
    wire.transport.take()
    wire.say("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>", "DATA")
    assert wire.say("x", ".").startswith("250 ")
    ((entry, _),) = wire.spool.stored
    assert entry.state is State.HELD
    assert len(entry.envelope.recipients) == 2


async def test_silence_ends_a_session_with_421() -> None:
    """RFC 5321 §4.5.3.2.7 and §3.8."""
    wire = Wire()
    wire.transport.take()
    wire.say("EHLO x")
    wire.clock.move(299)
    wire.reception.sweep()
    assert wire.transport.take() == ""
    wire.clock.move(2)
    wire.reception.sweep()
    assert wire.transport.take() == "421 4.4.2 Waited too long, bye\r\n"
    assert wire.transport.has_eof
    wire.clock.move(3)
    wire.reception.sweep()
    assert wire.transport.is_aborted


async def test_a_command_that_never_ends_does_not_win_time() -> None:
    """A client that drips octets is as silent as one that sends none."""
    wire = Wire()
    wire.transport.take()
    wire.say("EHLO x")
    for _ in range(40):
        wire.session.data_received(b"N")
        wire.clock.move(10)
        wire.reception.sweep()
    assert wire.transport.take().startswith("421 4.4.2")


async def test_content_that_drips_ends_at_its_own_limit() -> None:
    wire = opened(Wire(rules=Rules(data_timeout=100, content_timeout=1000)))
    for _ in range(30):
        wire.session.data_received(b"drip\r\n")
        wire.clock.move(50)
        wire.reception.sweep()
    assert wire.transport.take().startswith("421 4.4.2")
    assert wire.spool.drafts[0].is_discarded


async def test_waiting_for_the_disk_is_not_the_clients_silence() -> None:
    wire = opened(Wire())
    wire.spool.is_prompt = False
    wire.say("x", ".")
    wire.clock.move(4000)
    wire.reception.sweep()
    assert wire.transport.take() == ""
    wire.spool.settle()
    assert wire.transport.take().startswith("250 2.0.0")


async def test_an_early_talker_is_refused() -> None:
    """RFC 5321 §4.3.1: the client waits for the greeting."""
    wire = Wire(rules=Rules(banner_wait=0.01))
    wire.session.data_received(b"EHLO spammer\r\n")
    assert wire.transport.take() == ""
    await asyncio.wait_for(wire_written(wire), 5)
    assert wire.transport.take() == "554 5.5.1 You must wait for the greeting\r\n"
    assert wire.transport.has_eof or wire.transport.is_closed


async def test_a_polite_client_is_greeted_after_the_wait() -> None:
    wire = Wire(rules=Rules(banner_wait=0.01))
    await asyncio.wait_for(wire_written(wire), 5)
    assert wire.transport.take() == GREETING


async def wire_written(wire: Wire) -> None:
    while not wire.transport.written:
        await asyncio.sleep(0)


async def test_sessions_per_address_are_counted() -> None:
    wire = Wire(rules=Rules(sessions_per_address=2))
    second, _ = wire.connect()
    third, _ = wire.connect()
    other, _ = wire.connect(("192.0.2.8", 1))
    assert second.take() == GREETING
    assert third.take() == "421 4.7.0 Too many sessions from your address, try again later\r\n"
    assert third.is_closed
    assert other.take() == GREETING
    wire.session.connection_lost(None)
    again, _ = wire.connect()
    assert again.take() == GREETING


async def test_one_ipv6_network_is_one_address() -> None:
    """A customer has a /64 at the least."""
    wire = Wire(rules=Rules(sessions_per_address=1), peername=("2001:db8::1", 1))
    neighbour, _ = wire.connect(("2001:db8::2", 1))
    stranger, _ = wire.connect(("2001:db8:0:1::1", 1))
    assert neighbour.take().startswith("421 ")
    assert stranger.take() == GREETING


async def test_a_client_that_reads_no_replies_is_not_read() -> None:
    wire = Wire()
    wire.transport.take()
    wire.session.pause_writing()
    assert wire.transport.is_paused
    assert wire.say("EHLO x") == ""
    wire.session.resume_writing()
    assert wire.transport.take().startswith("250-mx.example.org")
    assert not wire.transport.is_paused


async def test_a_congested_disk_stops_the_reading() -> None:
    wire = opened(Wire())
    wire.spool.is_congested = True
    wire.session.data_received(b"x" * 1000)
    assert wire.transport.is_paused
    assert wire.spool.resume is not None
    wire.spool.resume()
    assert not wire.transport.is_paused


async def test_a_bare_line_feed_ends_the_session_and_is_told() -> None:
    wire = opened(Wire())
    wire.session.data_received(b"x\n.\r\nMAIL FROM:<smuggled@example.net>\r\n")
    assert wire.transport.take().startswith("554 5.6.0 ")
    assert wire.transport.has_eof
    wire.session.data_received(b"NOOP\r\n")
    assert wire.transport.take() == ""


async def test_a_lost_connection_leaves_nothing() -> None:
    wire = opened(Wire())
    wire.session.data_received(b"half a mess")
    wire.session.connection_lost(None)
    assert wire.spool.drafts[0].is_discarded
    assert wire.context.gate.count == 0
    assert not wire.context.sessions


async def test_a_message_whose_client_left_meanwhile_is_kept() -> None:
    """The client may send it again (RFC 5321 §4.5.3.2.6 explains why): once too often beats never."""
    wire = opened(Wire())
    wire.spool.is_prompt = False
    wire.say("x", ".")
    wire.session.connection_lost(None)
    wire.spool.settle()
    assert len(wire.spool.stored) == 1


async def test_stopping_finishes_the_transaction_and_takes_no_other() -> None:
    wire = opened(Wire())
    idle, _ = wire.connect()
    idle.take()
    stopping = asyncio.ensure_future(wire.reception.stop())
    await asyncio.sleep(0)
    assert idle.take() == "421 4.3.2 Stopping, try again in a while\r\n"
    late, _ = wire.connect()
    assert late.take() == "421 4.3.2 Stopping, try again in a while\r\n"
    assert wire.say("x", ".") == ("250 2.0.0 Ok: queued as ENTRY1\r\n421 4.3.2 Stopping, try again in a while\r\n")
    for session in list(wire.context.sessions):
        session.connection_lost(None)
    await asyncio.wait_for(stopping, 5)


async def test_a_new_verb_is_shown_and_answered() -> None:
    def xping(facts: Any) -> Reply:
        return Reply.of(250, "2.0.0", f"pong {facts.argument.decode()}")

    wire = Wire(listener=Listener(tls="none", verbs={"XPING": xping}, keywords={"XPING": "XPING fast"}))
    wire.transport.take()
    assert "250 XPING fast\r\n" in wire.say("EHLO x")
    assert wire.say("XPING one two") == "250 2.0.0 pong one two\r\n"


async def test_a_message_over_the_limit_is_refused_and_forgotten() -> None:
    wire = opened(Wire(listener=Listener(tls="none", smtp=SmtpRules(size=100))))
    answer = wire.say("x" * 90, "y" * 90, ".")
    assert answer == "552 5.3.4 message larger than 100 octets\r\n"
    assert all(draft.is_discarded for draft in wire.spool.drafts)
    assert wire.say("NOOP") == "250 2.0.0 Ok\r\n"


async def test_facts_hold_what_came_before() -> None:
    seen: list[Any] = []

    def connection(facts: ConnectionFacts) -> None:
        seen.append(facts)

    def content(facts: ContentFacts) -> None:
        seen.append(facts)

    wire = opened(Wire(Stages(connection=connection, content=content)))
    wire.say("x", ".")
    first, last = seen
    assert last.mail.connection == first
    assert last.peer.address == "192.0.2.7"
    assert last.mail.hello.hello == "client.example"
    assert [str(r.address) for r in last.envelope.recipients] == ["b@example.org"]


async def test_words_at_hello_do_not_replace_the_extensions() -> None:
    """RFC 5321 §4.1.1.1: the first line is our name and a greeting, the others are keywords."""
    wire = Wire(Stages(hello=lambda facts: Accept("pleased to meet you")))
    wire.transport.take()
    lines = wire.say("EHLO x").splitlines()
    assert lines[0] == "250-mx.example.org pleased to meet you"
    assert "250-PIPELINING" in lines


async def test_a_batch_that_ends_within_a_content_has_its_full_time() -> None:
    """The time for a content runs from its beginning, not from whatever was said last in a read of its own."""
    wire = Wire(rules=Rules(data_timeout=100, content_timeout=1000))
    wire.transport.take()
    wire.say(*TRANSACTION)
    for _ in range(30):  # each read ends one content and begins the next: a pipelining client never pauses elsewhere
        wire.clock.move(90)
        wire.reception.sweep()
        assert wire.say("x", ".", *TRANSACTION[1:]).endswith("354 End data with <CR><LF>.<CR><LF>\r\n")
    wire.clock.move(101)
    wire.reception.sweep()
    assert wire.transport.take().startswith("421 4.4.2")


@pytest.mark.parametrize("wrong", [True, "yes", 250])
async def test_a_verdict_that_is_none_costs_a_451(wrong: Any) -> None:
    wire = Wire(Stages(recipient=lambda facts: wrong, content=lambda facts: wrong))
    wire.transport.take()
    wire.say("EHLO x", "MAIL FROM:<a@example.net>")
    assert wire.say("RCPT TO:<b@example.org>") == "451 4.3.0 something went wrong here\r\n"
    assert wire.say("NOOP") == "250 2.0.0 Ok\r\n"


@pytest.mark.parametrize("wrong", [True, [], [Accept(), Accept()], [True]])
async def test_a_wrong_verdict_on_a_content_costs_a_451_and_keeps_nothing(wrong: Any) -> None:
    wire = opened(Wire(Stages(content=lambda facts: wrong)))
    assert wire.say("x", ".") == "451 4.3.0 something went wrong here\r\n"
    assert wire.spool.drafts[0].is_discarded
    assert wire.spool.stored == []
    assert [event for event, _ in wire.events] == ["decider_failed"]


async def test_never_for_one_recipient_does_not_hide_later_for_another() -> None:
    """A 5yz would make the client bounce the recipient that should only wait."""
    verdicts: list[Verdict] = [Reject("unknown", status="5.1.1"), Defer("full", status="4.2.2")]
    wire = Wire(Stages(content=lambda facts: verdicts))
    wire.transport.take()
    wire.say("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>", "DATA")
    assert wire.say("x", ".") == "452 4.2.2 full\r\n"


@pytest.mark.parametrize("stage", ["hello", "mail", "recipient", "content"])
async def test_a_refusal_may_end_the_session(stage: str) -> None:
    wire = Wire(Stages(**{stage: lambda facts: Reject("go away", closes=True)}))
    wire.transport.take()
    said = wire.say(*TRANSACTION)
    if stage == "content":
        said = wire.say("x", ".")
    assert said.endswith("550 5.7.1 go away\r\n")
    assert wire.transport.has_eof
    assert wire.say("NOOP") == ""


async def test_guessing_addresses_ends_the_session() -> None:
    wire = Wire(Stages(recipient=lambda facts: Reject("unknown", status="5.1.1")))
    wire.transport.take()
    wire.say("EHLO x", "MAIL FROM:<>")
    said = wire.say(*(f"RCPT TO:<{number}@example.org>" for number in range(100)))
    assert said.count("550 5.1.1") == 50
    assert said.endswith("421 4.7.0 Too many errors, bye\r\n")


async def test_a_reader_that_comes_back_does_not_hurry_a_congested_disk() -> None:
    wire = opened(Wire())
    wire.spool.is_congested = True
    wire.session.data_received(b"x" * 1000)
    wire.session.pause_writing()
    wire.session.resume_writing()
    assert wire.transport.is_paused


PROXIED = Listener(tls="none", proxy=parse_networks(["192.0.2.0/24"]))


async def test_clients_behind_a_proxy_are_counted_by_their_own_address() -> None:
    """XCLIENT names them; the proxy itself is nobody's address."""
    wire = Wire(listener=PROXIED, rules=Rules(sessions_per_address=1, proxy_wait=0))
    for address, answer in (("198.51.100.1", "220 "), ("198.51.100.2", "220 "), ("198.51.100.1", "421 4.7.0 ")):
        transport, session = wire.connect()
        while not transport.written:
            await asyncio.sleep(0)
        transport.take()
        session.data_received(f"EHLO proxy\r\nXCLIENT ADDR={address}\r\n".encode())
        assert transport.take().splitlines()[-1].startswith(answer)
