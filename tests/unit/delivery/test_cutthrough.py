"""Next hops asked while a sender waits, over real sockets: what is said to them, and what is made of their words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from samotop import Accept, Reject, Verdict
from samotop.address import Address
from samotop.content import Content
from samotop.delivery import hopsessions
from samotop.delivery.cutthrough import CutThrough, clean, read_reply
from samotop.delivery.hopsessions import Sessions, server_sessions
from samotop.delivery.outgoing import Outgoing
from samotop.envelope import Body, DeliverBy, Envelope, MailParameters, Notify, Recipient, Ret
from samotop.facts import ConnectionFacts, ContentFacts, HelloFacts, MailFacts
from samotop.net.certificates import TlsFiles
from samotop.peer import Peer
from samotop.ports.nexthop import Hop
from samotop.ports.spool import NewEntry
from samotop.queue.entry import Trace
from samotop.reply import Reply
from samotop.routing.addressbook import AddressBook
from samotop.routing.aliases import AliasRules
from samotop.routing.router import Router
from samotop.routing.rules import Rewrite, Route, RoutingRules
from samotop.routing.srs import SrsRules, rewrite_sender
from samotop.routing.via import parse_via
from samotop.server import Server
from samotop.smtp.client import Stage
from samotop.smtp.rules import Rules as SmtpRules
from samotop.status import EnhancedStatus
from samotop.testing import MemoryAccounts, ZoneResolver
from samotop.transport.sending import RecipientOutcome
from tests.fakes.hops import HopScript, serve_hop
from tests.unit.transport.smtp.conftest import Script, answer, authority, issue, roots

__all__ = ["authority", "issue", "roots"]

BOB = Recipient(Address("bob", "inside.test"))
CAROL = Recipient(Address("carol", "inside.test"))
TRACE = Trace("client.test", "192.0.2.7", "ESMTP", 1_700_000_000.0)
CONTENT = Content.from_bytes(b"From: a@client.test\r\nSubject: s\r\n\r\nText\r\n")


class Told:
    """A log."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))


def cut_through(
    *routes: Route, log: Told | None = None, rewrites: tuple[Rewrite, ...] = (), zone: dict[str, Any] | None = None
) -> CutThrough:
    router = Router(RoutingRules(("example.org",), routes=routes, rewrites=rewrites), MemoryAccounts({}))
    sessions = Sessions(server_sessions(ZoneResolver(zone or {}), "front.test"), asyncio.get_running_loop())
    return CutThrough(router, Outgoing("front.test"), sessions, log or Told())


def mail_of(parameters: MailParameters = MailParameters()) -> MailFacts:
    hello = HelloFacts(ConnectionFacts(Peer(), "front.test"), "client.test", True)
    return MailFacts(hello, Address("a", "client.test"), parameters)


class Asking:
    """One transaction with the server at ``url``."""

    def __init__(self, hops: CutThrough, url: str, parameters: MailParameters = MailParameters()) -> None:
        self.parameters = parameters
        self.mail = mail_of(parameters)
        self.asked = hops.begin(Hop(url, url.startswith("lmtp")), self.mail)

    async def rcpt(self, recipient: Recipient = BOB, within: float = 20.0) -> str:
        return str(await self.asked.recipient(recipient, within))

    async def content(
        self, *recipients: Recipient, content: Content = CONTENT, trace: Trace = TRACE, within: float = 20.0
    ) -> list[str]:
        envelope = Envelope(self.mail.reverse_path, recipients or (BOB,), self.parameters)
        return [str(one) for one in await self.asked.content("ID1", NewEntry(envelope, trace), content, within)]


@asynccontextmanager
async def behind(**settings: Any) -> AsyncIterator[tuple[str, list[ContentFacts], list[bytes]]]:
    """A server of ours as the next hop: its URL, and what it was given."""
    facts: list[ContentFacts] = []
    contents: list[bytes] = []

    def content(found: ContentFacts) -> None:
        facts.append(found)
        contents.append(found.content.to_bytes())

    usual: dict[str, Any] = {"listen": "127.0.0.1:0", "hostname": "back.test", "content": content}
    async with Server(**(usual | settings)) as server:
        scheme = "lmtp" if settings.get("protocol") == "lmtp" else "smtp"
        yield f"{scheme}://127.0.0.1:{server.port}", facts, contents


async def test_only_its_routes_are_asked() -> None:
    through = Route("in.test", parse_via("smtp://127.0.0.1:1"), True)
    stored = Route("out.test", parse_via("smtp://127.0.0.1:2"))
    lmtp = Route("box.test", parse_via("lmtp:/run/box"), True)
    hops = cut_through(through, stored, lmtp)
    found = [
        hops.find(Recipient(Address("a", domain))) for domain in ("in.test", "out.test", "box.test", "example.org")
    ]
    assert found == [Hop("smtp://127.0.0.1:1"), None, Hop("lmtp:/run/box", answers_each=True), None]


async def test_a_rewritten_sender_leads_back_and_not_to_the_route_of_its_domain() -> None:
    """A notification to it is for whom we forwarded for: the next hop knows nobody of that name."""
    rules = RoutingRules(("example.org",), routes=(Route("example.org", parse_via("smtp://127.0.0.1:1"), True),))
    router = Router(rules, MemoryAccounts({}))
    srs = SrsRules("example.org", (b"secret",))
    book = AddressBook(AliasRules(("example.org",)), router, srs)
    sessions = Sessions(server_sessions(ZoneResolver({}), "front.test"), asyncio.get_running_loop())
    hops = CutThrough(
        router, Outgoing("front.test"), sessions, Told(), resolve=lambda address: book.resolve(address, 20000)
    )
    rewritten = rewrite_sender(Address("ann", "sender.example"), srs, 20000)
    assert rewritten is not None
    assert hops.find(Recipient(rewritten)) is None
    assert hops.find(Recipient(Address("bob", "example.org"))) == Hop("smtp://127.0.0.1:1")


async def test_parameters_go_as_far_as_they_are_understood() -> None:
    async with behind(smtp=SmtpRules(deliver_by=60)) as (url, facts, _):
        given = MailParameters(
            size=100,
            body=Body.EIGHT_BIT,
            is_utf8=True,
            ret=Ret.HEADERS,
            envelope_id="e1",
            deliver_by=DeliverBy(120, traces=True),
        )
        asking = Asking(cut_through(), url, given)
        recipient = replace(BOB, notify=Notify.SUCCESS, original="utf-8;jörg@out.test")
        assert (await asking.rcpt(recipient)).startswith("250 2.1.5")
        assert (await asking.content(recipient))[0].startswith("250 2.0.0")
        heard = facts[0].envelope
        assert heard.recipients == (recipient,)
        assert replace(heard.parameters, size=0) == replace(given, size=0)
        assert heard.parameters.size >= given.size, "our trace fields come to it"


async def test_what_is_not_understood_is_left_away_or_refused() -> None:
    """Without DSN wishes are dropped; a promise that cannot be kept is refused (RFC 2852 §4, RFC 8689 §4.2.1)."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer)

    async with Script(talk) as script:
        url, hops = f"smtp://127.0.0.1:{script.port}?tls=none", cut_through()
        asking = Asking(hops, url, MailParameters(ret=Ret.FULL, envelope_id="x"))
        assert (await asking.rcpt(replace(BOB, notify=Notify.SUCCESS))).startswith("250")
        asking.asked.close()
        assert "MAIL FROM:<a@client.test> BODY=8BITMIME" in script.lines
        assert "RCPT TO:<bob@inside.test>" in script.lines
        assert (await Asking(hops, url, MailParameters(deliver_by=DeliverBy(120))).rcpt()).startswith("554 5.3.3 ")
        assert (await Asking(hops, url, MailParameters(hold_for=60)).rcpt()).startswith("554 5.3.3 ")
        assert (await Asking(hops, url, MailParameters(requires_tls=True)).rcpt()).startswith("451 4.4.1 ")
        assert (await Asking(hops, url).rcpt(Recipient(Address("jörg", "inside.test")))).startswith("554 5.6.7 ")
        await hops.close()


@pytest.mark.parametrize("is_known", [True, False], ids=["verified", "anybody's"])
async def test_who_requires_tls_gets_a_verified_session_or_none(
    issue: Callable[..., TlsFiles], roots: Path, is_known: bool
) -> None:
    """RFC 8689 §4.2.1: more than the route's URL asks for; the next hop must promise to go on with it."""
    async with behind(tls=issue("back.test")) as (url, facts, _):
        url = url.replace("127.0.0.1", "back.test") + (f"?roots={roots}" if is_known else "")
        hops = cut_through(zone={"back.test": {"A": ["127.0.0.1"]}})
        asking = Asking(hops, url, MailParameters(requires_tls=True))
        assert (await asking.rcpt()).startswith("250" if is_known else "451 4.4.1 ")
        if is_known:
            assert (await asking.content())[0].startswith("250")
            assert facts[0].mail.parameters.requires_tls
            assert facts[0].peer.tls is not None
        else:
            assert (await Asking(hops, url).rcpt()).startswith("250"), "whom nobody forbids is sent to as the URL says"
        await hops.close()


async def test_a_size_that_it_does_not_take_is_refused_before_the_content() -> None:
    async with behind(smtp=SmtpRules(size=5000)) as (url, facts, _):
        hops = cut_through()
        assert (await Asking(hops, url, MailParameters(size=4999)).rcpt()).startswith("552 5.3.4 ")
        asking = Asking(hops, url)
        await asking.rcpt()
        large = Content.from_bytes(b"Subject: s\r\n\r\n" + b"x" * 60 + b"\r\n" * 4000)
        assert (await asking.content(content=large))[0].startswith("552 5.3.4 ")
        assert facts == []


async def test_the_content_has_our_trace_on_top() -> None:
    """Received, and what we found out of who writes (RFC 8601); a forged finding of ours is taken out."""
    results = "Authentication-Results: front.test; spf=pass\r\n"
    forged = Content.from_bytes(b"Authentication-Results: front.test; dkim=pass\r\n" + CONTENT.to_bytes())
    async with behind() as (url, _, contents):
        asking = Asking(cut_through(), url)
        await asking.rcpt()
        await asking.content(content=forged, trace=replace(TRACE, results=results))
        (found,) = contents
        assert found.startswith(results.encode() + b"Received: from client.test")
        assert found.endswith(CONTENT.to_bytes())
        assert found.count(b"Authentication-Results") == 1


@pytest.mark.parametrize(
    ("header", "parameters"),
    [
        ("Subject: größe\r\n", MailParameters()),
        ("Subject: \0\r\n", MailParameters()),
        ("Subject: s\r\n", MailParameters(body=Body.BINARY)),
    ],
    ids=["header in UTF-8", "NUL", "declared"],
)
async def test_a_content_that_needs_more_than_was_said_is_announced_again(
    header: str, parameters: MailParameters
) -> None:
    """MAIL was said before anybody had seen the content; nothing of it was sent yet."""
    async with behind() as (url, facts, contents):
        asking = Asking(cut_through(), url, parameters)
        assert (await asking.rcpt()).startswith("250")
        octets = b"From: a@client.test\r\n" + header.encode() + b"\r\nText\r\n"
        assert (await asking.content(content=Content.from_bytes(octets)))[0].startswith("250")
        assert contents[0].endswith(octets)
        assert len(facts) == 1


async def test_eight_bits_are_converted_for_who_takes_seven() -> None:
    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer, replies={"EHLO": b"250 mx.example.org\r\n"})

    async with Script(talk) as script:
        asking = Asking(cut_through(), f"smtp://127.0.0.1:{script.port}", MailParameters(body=Body.EIGHT_BIT))
        assert (await asking.rcpt()).startswith("250")
        octets = (
            b"From: a@client.test\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Transfer-Encoding: 8bit\r\n\r\ngr\xc3\xb6\xc3\x9fe\r\n"
        )
        assert (await asking.content(content=Content.from_bytes(octets)))[0].startswith("250")
        assert all(line.isascii() for line in script.lines)
        assert "Content-Transfer-Encoding: 8bit" not in script.lines


async def test_lmtp_answers_each() -> None:
    def content(facts: ContentFacts) -> list[Verdict]:
        return [Reject("no") if one == CAROL else Accept("taken") for one in facts.envelope.recipients]

    async with behind(protocol="lmtp", content=content) as (url, _, _):
        asking = Asking(cut_through(), url)
        await asking.rcpt(BOB)
        await asking.rcpt(CAROL)
        said = await asking.content(BOB, CAROL)
        assert said[0].startswith("250 2.0.0") and said[1] == "550 5.7.1 no"


async def test_some_of_those_who_were_accepted_may_get_it() -> None:
    """The others were refused by us at the end of the content: their transaction is said anew without them."""
    async with behind() as (url, facts, _):
        asking = Asking(cut_through(), url)
        await asking.rcpt(BOB)
        await asking.rcpt(CAROL)
        assert (await asking.content(CAROL))[0].startswith("250")
        assert [fact.envelope.recipients for fact in facts] == [(CAROL,)]


async def test_a_rewritten_recipient_is_asked_for_by_the_new_name() -> None:
    async with behind() as (url, facts, _):
        hops = cut_through(rewrites=(Rewrite(r"(.*)@old\.test", r"\1@inside.test"),))
        asking = Asking(hops, url)
        old = Recipient(Address("bob", "old.test"))
        await asking.rcpt(old)
        await asking.content(old)
        assert facts[0].envelope.recipients == (BOB,)


@pytest.mark.parametrize("stage", ["greeting", "EHLO", "MAIL", "RCPT"])
async def test_who_hangs_is_not_waited_for(stage: str) -> None:
    """Within the time that a sender waits; and the session is cut, for it has an answer that nobody hears."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if stage == "greeting":
            await reader.read()
        else:
            await answer(script, reader, writer, hangs_at=stage)

    async with Script(talk) as script:
        log = Told()
        hops = cut_through(log=log)
        asking = Asking(hops, f"smtp://127.0.0.1:{script.port}?tls=none")
        assert (await asking.rcpt(within=0.1)).startswith("451 4.4.")
        assert (await asking.rcpt(CAROL)).startswith("451 4.4."), "once for all recipients of a transaction"
        asking.asked.close()
        await hops.close()
        assert len(log.events) == 1


async def test_an_uncertain_end_is_come_back() -> None:
    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(script, reader, writer, hangs_at=".")

    async with Script(talk) as script:
        asking = Asking(cut_through(), f"smtp://127.0.0.1:{script.port}?tls=none")
        await asking.rcpt()
        assert await asking.content(within=0.1) == ["451 4.4.2 The next hop did not answer, try again later"]


async def test_who_is_cancelled_hangs_up() -> None:
    """The sender has gone while the next hop thought: no end of content is ever said."""

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(script, reader, writer, hangs_at="DATA")
        finally:
            ended.set()

    ended = asyncio.Event()
    async with Script(talk) as script:
        hops = cut_through()
        asking = Asking(hops, f"smtp://127.0.0.1:{script.port}?tls=none")
        await asking.rcpt()
        task = asyncio.get_running_loop().create_task(asking.content())
        while "DATA" not in script.lines:
            await asyncio.sleep(0)
        task.cancel()
        asking.asked.close()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(ended.wait(), 20)
        assert "." not in script.lines
        await hops.close()


async def test_a_kept_session_that_ended_is_replaced_once() -> None:
    """421 in place of an answer is how a server says that it has had enough of a session: another one is asked."""
    with serve_hop(HopScript()) as hop:
        hops = cut_through()
        url = f"smtp://127.0.0.1:{hop.port}"
        for said in ("250", "250", "451 4.3.2 "):
            asking = Asking(hops, url)
            assert (await asking.rcpt()).startswith(said)
            if said == "250":
                assert (await asking.content())[0].startswith("250")
            asking.asked.close()
            await asyncio.wait(hops.sessions.leaving)
            hop.script.mail = ["421 4.3.2 enough"] if len(hop.messages) == 2 else []
        assert hop.connections == 2
        await hops.close()


async def test_sessions_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hopsessions, "SESSIONS_LIMIT", 1)
    async with behind() as (url, _, _):
        hops = cut_through()
        first = Asking(hops, url)
        assert (await first.rcpt()).startswith("250")
        assert (await Asking(hops, url).rcpt()).startswith("451 4.3.2 ")
        first.asked.close()
        await hops.close()


def outcome(reply: Reply) -> RecipientOutcome:
    return RecipientOutcome(BOB, EnhancedStatus(4, 4, 2), "", Stage.RCPT, reply)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(251, EnhancedStatus(2, 1, 5), ("will forward",)), "250 2.1.5 will forward"),
        (Reply(250, None, ("ok",)), "250 2.0.0 ok"),
        (Reply(550, None, ("no",)), "550 5.0.0 no"),
        (Reply(521, EnhancedStatus(5, 3, 2), ("never",)), "554 5.3.2 never"),
        (Reply(421, EnhancedStatus(4, 3, 2), ("bye",)), "451 4.3.2 bye"),
        (Reply(501, EnhancedStatus(5, 1, 3), ("no such syntax",)), "501 5.1.3 no such syntax"),
        (Reply(550, EnhancedStatus(5, 7, 1), ("a", "b\x07c")), "550 5.7.1 a b c"),
        (Reply(550, EnhancedStatus(5, 7, 1), tuple("abcdefgh")), "550 5.7.1 a b c d e"),
    ],
)
def test_replies_are_passed_on(reply: Reply, said: str) -> None:
    assert str(read_reply(outcome(reply))) == said


@pytest.mark.parametrize("code", [500, 501, 502, 503, 504, 530, 535, 538, 555])
def test_what_is_between_us_is_not_the_senders_fault(code: int) -> None:
    assert read_reply(outcome(Reply(code, None, ("you, not them",)))).code == 451


def test_texts_are_bounded() -> None:
    assert len(clean("x" * 10_000)) == 400
    assert clean("a\r\n250 b\x00") == "a  250 b"
