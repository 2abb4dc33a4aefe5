"""Cut-through as the session sees it: next hops without a network, verdicts of every kind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from samotop import Defer, Hold, Reject, Verdict
from samotop.content import Content
from samotop.envelope import Recipient
from samotop.facts import ContentFacts, MailFacts
from samotop.ports import NewEntry
from samotop.ports.nexthop import Hop
from samotop.reception.listener import Listener
from samotop.reception.stages import Stages
from samotop.reply import Reply
from samotop.verdict import ABSTAIN
from tests.fakes.wire import Wire

ONE = Hop("smtp://one")
TWO = Hop("smtp://two")
EACH = Hop("lmtp:/each", answers_each=True)
DISCARD = Verdict.discard("test", "dropped")
OK = Reply.of(250, "2.1.5", "theirs")


class FakeAsked:
    """One transaction. ``said`` is what it is told, in order."""

    def __init__(self, hops: FakeHops, hop: Hop) -> None:
        self._hops = hops
        self._hop = hop
        self.is_closed = False
        self.contents: list[tuple[list[str], bytes]] = []

    async def recipient(self, recipient: Recipient, within: float) -> Reply:
        await self._hops.gate.wait()
        return self._hops.replies.get(str(recipient.address), OK)

    async def content(self, id: str, entry: NewEntry, content: Content, within: float) -> Sequence[Reply]:
        await self._hops.gate.wait()
        if self._hops.bug is not None:
            raise self._hops.bug
        names = [str(one.address) for one in entry.envelope.recipients]
        self.contents.append((names, content.to_bytes()))
        return [self._hops.finals.get(name, Reply.of(250, "2.0.0", f"taken by {self._hop.url}")) for name in names]

    def close(self) -> None:
        self.is_closed = True


class FakeHops:
    """The domain says which: one.test, two.test, each.test; what is at none of them is stored."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.finals: dict[str, Reply] = {}
        self.bug: Exception | None = None
        self.asked: list[FakeAsked] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def find(self, recipient: Recipient) -> Hop | None:
        return {"one.test": ONE, "two.test": TWO, "each.test": EACH}.get(recipient.address.domain)

    def begin(self, hop: Hop, mail: MailFacts) -> FakeAsked:
        self.asked.append(FakeAsked(self, hop))
        return self.asked[-1]

    @property
    def contents(self) -> list[tuple[list[str], bytes]]:
        return [one for asked in self.asked for one in asked.contents]


class Session:
    """A wire with next hops, and what a client says to it."""

    def __init__(self, stages: Stages = Stages(), *, is_lmtp: bool = False) -> None:
        self.hops = FakeHops()
        listener = Listener(protocol="lmtp" if is_lmtp else "smtp", tls="none")
        self.wire = Wire(stages, listener=listener)
        self.wire.context.next_hops = self.hops
        self.wire.say("LHLO x" if is_lmtp else "EHLO x", "MAIL FROM:<a@example.net>")

    async def say(self, *lines: str) -> str:
        return (self.wire.say(*lines) + await self.wire.settled()).removesuffix("\r\n")

    async def rcpt(self, *addresses: str) -> list[str]:
        return [(await self.say(f"RCPT TO:<{address}>"))[:9] for address in addresses]

    async def content(self) -> list[str]:
        return (await self.say("DATA", "hello", ".")).split("\r\n")[1:]

    def check_forgotten(self) -> None:
        """Nothing stored, the draft discarded, every next hop told that it is over."""
        assert self.wire.spool.stored == []
        assert all(draft.is_discarded for draft in self.wire.spool.drafts)
        assert all(asked.is_closed for asked in self.hops.asked)


async def test_what_the_next_hop_says_is_said() -> None:
    session = Session()
    assert await session.say("RCPT TO:<b@one.test>") == "250 2.1.5 theirs"
    assert await session.content() == ["250 2.0.0 taken by smtp://one"]
    assert session.hops.contents == [(["b@one.test"], b"hello\r\n")]
    session.check_forgotten()


async def test_the_client_waits_for_the_next_hop() -> None:
    session = Session()
    session.hops.gate.clear()
    assert session.wire.say("RCPT TO:<b@one.test>", "DATA") == ""
    session.hops.gate.set()
    assert (await session.wire.settled()).startswith("250 2.1.5 theirs\r\n354 ")


async def test_our_own_no_comes_first() -> None:
    session = Session(Stages(recipient=lambda facts: Reject("no")))
    assert await session.rcpt("b@one.test") == ["550 5.7.1"]
    assert session.hops.asked == []


@pytest.mark.parametrize(
    ("verdict", "said"), [(Reject("no"), "550 5.7.1"), (Defer("later"), "450 4.7.1"), (Hold("look"), "450 4.7.1")]
)
async def test_what_we_would_not_take_reaches_no_next_hop(verdict: Verdict, said: str) -> None:
    """What would be held for somebody to look at would be kept: it comes back instead."""
    session = Session(Stages(content=lambda facts: verdict))
    await session.rcpt("b@one.test")
    assert [line[:9] for line in await session.content()] == [said]
    assert session.hops.contents == []
    session.check_forgotten()


async def test_what_is_held_at_its_recipient_comes_back() -> None:
    session = Session(Stages(recipient=lambda facts: Hold("look")))
    assert await session.rcpt("b@one.test", "b@example.org") == ["450 4.7.1", "250 2.1.5"]
    assert session.hops.asked == []


@pytest.mark.parametrize("stage", ["recipient", "content"])
async def test_what_is_dropped_is_dropped(stage: str) -> None:
    """The owner's own rule: accepted, and nobody gets it."""
    is_early = stage == "recipient"
    session = Session(Stages(recipient=lambda facts: DISCARD) if is_early else Stages(content=lambda facts: DISCARD))
    assert await session.rcpt("b@one.test") == ["250 2.1.5"]
    assert [line[:9] for line in await session.content()] == ["250 2.0.0"]
    assert session.hops.contents == []
    session.check_forgotten()


async def test_a_refusal_for_one_is_a_refusal_for_all_who_share_the_reply() -> None:
    """Nobody has it yet, so the sender may be told a no that is true for nobody to have it."""

    def content(facts: ContentFacts) -> list[Verdict]:
        return [Defer("later") if one.address.local == "c" else ABSTAIN for one in facts.envelope.recipients]

    session = Session(Stages(content=content))
    assert await session.rcpt("b@one.test", "c@one.test") == ["250 2.1.5"] * 2
    assert [line[:9] for line in await session.content()] == ["450 4.7.1"]
    session.check_forgotten()


async def test_recipients_share_a_transaction_where_they_share_an_answer() -> None:
    session = Session()
    addresses = ("a@one.test", "b@two.test", "c@example.org", "d@one.test", "e@each.test")
    assert [said[:3] for said in await session.rcpt(*addresses)] == ["250", "452", "452", "250", "452"]
    await session.content()
    assert session.hops.contents == [(["a@one.test", "d@one.test"], b"hello\r\n")]
    session.check_forgotten()


async def test_who_answers_for_each_has_one_recipient_at_a_time() -> None:
    """LMTP behind, SMTP before: two answers to the content do not fit into one."""
    session = Session()
    assert [said[:3] for said in await session.rcpt("a@each.test", "b@each.test")] == ["250", "452"]


async def test_a_stored_recipient_is_stored_with_its_like() -> None:
    session = Session()
    assert [said[:3] for said in await session.rcpt("a@example.org", "b@one.test", "c@example.org")] == [
        "250",
        "452",
        "250",
    ]
    assert (await session.content())[0].startswith("250 2.0.0 Ok: queued as")
    ((entry, _),) = session.wire.spool.stored
    assert len(entry.envelope.recipients) == 2
    assert session.hops.asked == []


async def test_lmtp_senders_may_mix() -> None:
    session = Session(is_lmtp=True)
    session.hops.finals["b@two.test"] = Reply.of(554, "5.7.1", "not this")
    addresses = ("a@one.test", "b@two.test", "c@example.org", "d@each.test")
    assert await session.rcpt(*addresses) == ["250 2.1.5"] * 4
    said = await session.content()
    assert said[0] == "250 2.0.0 taken by smtp://one"
    assert said[1] == "554 5.7.1 not this"
    assert said[2].startswith("250 2.0.0 Ok: queued as")
    assert said[3] == "250 2.0.0 taken by lmtp:/each"
    ((entry, _),) = session.wire.spool.stored
    assert [str(one.address) for one in entry.envelope.recipients] == ["c@example.org"]
    assert all(asked.is_closed for asked in session.hops.asked)


async def test_lmtp_senders_hear_our_refusals_for_each() -> None:
    def content(facts: ContentFacts) -> list[Verdict]:
        return [Reject("no") if one.address.local == "a" else DISCARD for one in facts.envelope.recipients]

    session = Session(Stages(content=content), is_lmtp=True)
    await session.rcpt("a@one.test", "b@one.test")
    assert [line[:9] for line in await session.content()] == ["550 5.7.1", "250 2.0.0"]
    assert session.hops.contents == []


async def test_a_refused_recipient_leaves_the_place_to_others() -> None:
    session = Session()
    session.hops.replies["a@one.test"] = Reply.of(550, "5.1.1", "nobody")
    assert await session.rcpt("a@one.test", "b@two.test") == ["550 5.1.1", "250 2.1.5"]
    assert [asked.is_closed for asked in session.hops.asked] == [True, False]
    assert await session.content() == ["250 2.0.0 taken by smtp://two"]


@pytest.mark.parametrize("last", ["RSET", "EHLO y", "QUIT", "gone"])
async def test_the_next_hop_is_told_when_the_sender_goes(last: str) -> None:
    session = Session()
    await session.rcpt("a@one.test")
    if last == "gone":
        session.wire.session.connection_lost(None)
    else:
        await session.say(last)
    assert session.hops.asked[0].is_closed
    assert session.hops.contents == []


async def test_a_sender_who_goes_while_the_next_hop_thinks_leaves_nothing() -> None:
    session = Session()
    await session.rcpt("a@one.test")
    session.hops.gate.clear()
    session.wire.say("DATA", "hello", ".")
    await asyncio.sleep(0)
    session.wire.session.connection_lost(None)
    session.hops.gate.set()
    await session.wire.settled()
    assert session.hops.contents == []
    session.check_forgotten()


async def test_a_bug_of_ours_is_no_answer_of_theirs() -> None:
    session = Session()
    await session.rcpt("a@one.test")
    session.hops.bug = ZeroDivisionError()
    assert await session.content() == ["451 4.3.0 Could not store this, try again later"]
    assert [name for name, _ in session.wire.events if name == "decider_failed"]
    session.check_forgotten()


async def test_a_content_that_comes_to_nothing_ends_it() -> None:
    """Too long a header, say: the next hop's transaction must not wait for it."""
    session = Session()
    await session.rcpt("a@one.test")
    said = await session.say("DATA", "x" * 70_000, ".")
    assert said.rpartition("\r\n")[2][:1] == "5"
    session.check_forgotten()
