"""Asking servers that behave, and servers that do not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import dns.flags
import dns.message
import pytest
import trustme

from samotop.dns import Status
from samotop.net.exchange import Exchange, ExchangeRules, NoAnswer
from samotop.net.nameservers import NameServer
from tests.fakes.knot import free_port
from tests.fakes.nameserver import DROP, HANG_UP, FakeNameServer, Query

SOON = ExchangeRules(try_timeout=0.05, attempts=2, deadline=1.0)
"""For what never answers; everything else ends by itself."""


def plain(query: Query) -> Any:
    return query.answer("@ 300 IN A 192.0.2.1")


def never(query: Query) -> Any:
    return DROP


def fail(query: Query) -> Any:
    return query.answer(code="SERVFAIL")


def truncate(query: Query) -> Any:
    """Over UDP; the whole of it over TCP."""
    message = plain(query)
    if query.is_udp:
        message.flags |= dns.flags.TC
    return message


async def ask(*fakes: FakeNameServer | NameServer, rules: ExchangeRules = ExchangeRules(), **more: Any) -> str:
    """The first record of the answer, or the status of there being none."""
    servers = [fake.server if isinstance(fake, FakeNameServer) else fake for fake in fakes]
    exchange = Exchange(servers, rules=rules, tls=more.pop("tls", None))
    try:
        message = await exchange.ask("www.example.org", "A", **more)
        return str(message.answer[0][0]) if message.answer else message.rcode().name
    except NoAnswer as failure:
        return failure.status.value
    finally:
        await exchange.close()


async def test_an_answer_comes_over_udp_at_once() -> None:
    async with FakeNameServer(plain) as fake:
        assert await ask(fake) == "192.0.2.1"
        assert [query.is_udp for query in fake.queries] == [True]


async def test_each_question_has_a_port_and_an_identifier_of_its_own() -> None:
    """RFC 5452 §9.2: what a forger has to guess."""
    async with FakeNameServer(plain) as fake:
        exchange = Exchange([fake.server])
        for _ in range(20):
            await exchange.ask("example.org", "A")
        assert len({port for _, port in fake.sources}) > 10
        assert len({query.octets[:2] for query in fake.queries}) > 10
        assert len({query.name for query in fake.queries}) > 10  # the case of its letters
        await exchange.close()


async def test_no_such_name_is_an_answer() -> None:
    async with FakeNameServer(lambda query: query.answer(code="NXDOMAIN")) as fake:
        assert await ask(fake) == "NXDOMAIN"


async def test_signatures_come_with_do_and_cd() -> None:
    async with FakeNameServer(plain) as fake:
        await ask(fake, wants_signatures=True)
        message = fake.queries[0].message
        assert message.flags & dns.flags.CD
        assert message.ednsflags == dns.flags.DO


async def test_a_truncated_answer_is_asked_for_over_tcp() -> None:
    """RFC 7766 §5."""
    async with FakeNameServer(truncate) as fake:
        assert await ask(fake) == "192.0.2.1"
        assert [query.is_udp for query in fake.queries] == [True, False]
        assert fake.queries[1].name == "www.example.org"


async def test_truncated_even_over_tcp_is_no_answer() -> None:
    def reply(query: Query) -> Any:
        message = plain(query)
        message.flags |= dns.flags.TC
        return message

    async with FakeNameServer(reply) as fake:
        assert await ask(fake) == "servfail"


async def test_a_connection_serves_many_questions_at_once_in_any_order() -> None:
    """RFC 7766 §6.2.1.1: pipelined, and answered as they are ready."""
    held: list[tuple[Query, asyncio.Event]] = []
    everything = asyncio.Event()

    async def reply(query: Query) -> Any:
        if query.is_udp:
            return truncate(query)
        turn = asyncio.Event()
        held.append((query, turn))
        if len(held) == 5:
            everything.set()
        await turn.wait()
        return query.answer(f"@ 300 IN TXT {query.name}")

    async with FakeNameServer(reply) as fake:
        exchange = Exchange([fake.server])
        names = [f"{letter}.example.org" for letter in "abcde"]
        asking = [asyncio.create_task(exchange.ask(name, "TXT")) for name in names]
        await everything.wait()
        for _, turn in reversed(held):
            turn.set()
        answers = await asyncio.gather(*asking)
        assert [str(message.answer[0][0]) for message in answers] == [f'"{name}"' for name in names]
        assert fake.connections == 1
        await exchange.close()


async def test_a_connection_is_used_again_and_replaced_when_the_server_has_ended_it() -> None:
    """A server may end an idle connection at any time (RFC 7766 §6.2.3): not its failure, no time lost."""
    async with FakeNameServer(truncate) as fake:
        exchange = Exchange([fake.server], rules=ExchangeRules(attempts=1))
        await exchange.ask("a.example", "A")
        await exchange.ask("b.example", "A")
        assert fake.connections == 1
        fake.hang_up()
        await exchange.ask("c.example", "A")
        assert fake.connections == 2
        await exchange.close()


async def test_a_connection_without_questions_ends() -> None:
    async with FakeNameServer(truncate) as fake:
        exchange = Exchange([fake.server], rules=ExchangeRules(idle=0.0))
        await exchange.ask("a.example", "A")
        while fake.streams:
            await asyncio.sleep(0)
        await exchange.ask("b.example", "A")
        assert fake.connections == 2
        await exchange.close()


async def test_a_server_that_hangs_up_on_the_question_is_no_answer() -> None:
    async with FakeNameServer(lambda query: truncate(query) if query.is_udp else HANG_UP) as fake:
        assert await ask(fake) == "timeout"
        assert fake.connections == 2  # one for each round


@pytest.mark.parametrize("garbage", [b"\0\3abc", b"\0\0", b"SMTP\r\n" * 10], ids=str)
async def test_a_stream_that_is_no_dns_is_ended(garbage: bytes) -> None:
    """``Query`` frames what it sends; here the frame is the garbage."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(garbage)
        while await reader.read(1000):
            pass
        writer.close()

    async with FakeNameServer(truncate) as fake:
        fake.tcp.close()
        async with await asyncio.start_server(serve, "127.0.0.1", fake.port):
            assert await ask(fake, rules=SOON) == "timeout"


# Failing over.


async def test_a_silent_server_gives_way_to_the_next_and_is_asked_last_for_a_while() -> None:
    async with FakeNameServer(never) as silent, FakeNameServer(plain) as fake:
        exchange = Exchange([silent.server, fake.server], rules=SOON)
        for name in ("a.example", "b.example", "c.example"):
            await exchange.ask(name, "A")
        assert (len(silent.queries), len(fake.queries)) == (1, 3)
        await exchange.close()


async def test_a_server_that_does_not_listen_costs_no_time() -> None:
    """ICMP tells; with the default of two seconds for a try, waiting would be seen."""
    async with FakeNameServer(plain) as fake:
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await ask(NameServer("127.0.0.1", free_port()), fake) == "192.0.2.1"
        assert loop.time() - began < 1.5


@pytest.mark.parametrize("code", ["SERVFAIL", "REFUSED", "NOTAUTH"])
async def test_a_server_that_will_not_say_gives_way_to_the_next_and_is_not_asked_again(code: str) -> None:
    """RFC 9520 §3.1: failing servers are not to be asked over and over."""
    async with FakeNameServer(lambda query: query.answer(code=code)) as bad, FakeNameServer(plain) as fake:
        assert await ask(bad, fake) == "192.0.2.1"
        assert await ask(bad) == "servfail"
        assert len(bad.queries) == 2


async def test_nobody_answering_is_a_time_out_after_all_rounds() -> None:
    async with FakeNameServer(never) as one, FakeNameServer(never) as other:
        assert await ask(one, other, rules=SOON) == "timeout"
        assert (len(one.queries), len(other.queries)) == (2, 2)


async def test_one_failing_and_one_silent_is_a_failure() -> None:
    """Somebody answered: it is not the path."""
    async with FakeNameServer(fail) as bad, FakeNameServer(never) as silent:
        assert await ask(bad, silent, rules=SOON) == "servfail"


async def test_all_tries_have_one_deadline() -> None:
    async with FakeNameServer(never) as fake:
        assert await ask(fake, rules=ExchangeRules(try_timeout=5.0, attempts=100, deadline=0.1)) == "timeout"
        assert len(fake.queries) == 1


async def test_a_lost_datagram_is_sent_again() -> None:
    lost: list[Query] = []

    def reply(query: Query) -> Any:
        if not lost:
            lost.append(query)
            return DROP
        return plain(query)

    async with FakeNameServer(reply) as fake:
        assert await ask(fake, rules=SOON) == "192.0.2.1"
        assert len(fake.queries) == 2


async def test_a_referral_is_no_answer() -> None:
    """A server that serves its own zones alone sends us elsewhere; that is not "no data"."""

    def refer(query: Query) -> Any:
        message = query.answer(authority=("example.org 300 IN NS ns.example.org.",))
        message.flags &= ~dns.flags.RA
        return message

    async with FakeNameServer(refer) as fake:
        assert await ask(fake) == "servfail"


@pytest.mark.parametrize("has_question", [True, False])
async def test_a_server_without_edns_is_asked_without_it(has_question: bool) -> None:
    """RFC 6891 §7."""

    def reply(query: Query) -> Any:
        if query.message.edns < 0:
            return plain(query)
        return query.octets[:2] + b"\x80\x01" + bytes(8) if not has_question else query.answer(code="FORMERR")

    async with FakeNameServer(reply) as fake:
        assert await ask(fake) == "192.0.2.1"
        assert len(fake.queries) == 2


# Hostile and broken answers.


def change(index: int, octet: int) -> Callable[[Query], Any]:
    """A stranger's answer: ours but for one octet."""

    def reply(query: Query) -> Any:
        octets = bytearray(plain(query).to_wire())
        octets[index] ^= octet
        return bytes(octets)

    return reply


@pytest.mark.parametrize(
    "stranger",
    [
        change(0, 1),
        change(2, 0x80),
        change(12, 1),
        change(13, 0x01),
        change(27, 1),
        lambda query: b"",
        lambda query: b"?",
    ],
    ids=["identifier", "a query", "length of a label", "name", "type", "empty", "garbage"],
)
async def test_an_answer_of_a_stranger_is_passed_over(stranger: Callable[[Query], Any]) -> None:
    """RFC 5452 §9.1: the true one is still under way."""

    def reply(query: Query) -> Any:
        true = query.answer("@ 300 IN A 192.0.2.99")
        return [stranger(query)] * 3 + [true]

    async with FakeNameServer(reply) as fake:
        assert await ask(fake) == "192.0.2.99"
        assert len(fake.queries) == 1


async def test_many_strangers_make_the_question_go_over_tcp() -> None:
    """Somebody is guessing (RFC 5452 §9.3); over TCP guesses are of no use."""

    def reply(query: Query) -> Any:
        return [change(0, 1)(query)] * 50 if query.is_udp else plain(query)

    async with FakeNameServer(reply) as fake:
        assert await ask(fake) == "192.0.2.1"
        assert [query.is_udp for query in fake.queries] == [True, False]


async def test_a_server_that_does_not_copy_the_case_is_asked_over_tcp() -> None:
    def reply(query: Query) -> Any:
        octets = plain(query).to_wire()
        return octets[:12] + octets[12:29].lower() + octets[29:]

    async with FakeNameServer(reply) as fake:
        exchange = Exchange([fake.server])
        name = "a-name-of-so-many-letters-that-some-are-upper-case.example"
        message = await exchange.ask(name, "A")
        assert str(message.answer[0][0]) == "192.0.2.1"
        assert [query.is_udp for query in fake.queries] == [True, False]
        await exchange.close()


async def test_a_malformed_answer_makes_the_next_server_be_asked() -> None:
    async with (
        FakeNameServer(lambda query: plain(query).to_wire()[:-16] + b"\xc0\xff") as bad,
        FakeNameServer(plain) as fake,
    ):
        assert await ask(bad, fake) == "192.0.2.1"
        assert await ask(bad) == "servfail"


async def test_a_stream_full_of_strangers_is_ended() -> None:
    async with FakeNameServer(lambda query: truncate(query) if query.is_udp else [change(0, 1)(query)] * 100) as fake:
        assert await ask(fake, rules=ExchangeRules(attempts=1)) == "timeout"


# Bounds.


async def test_questions_under_way_are_bounded() -> None:
    most = under_way = 0
    go = asyncio.Event()

    async def reply(query: Query) -> Any:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        await go.wait()
        under_way -= 1
        return plain(query)

    async with FakeNameServer(reply) as fake:
        exchange = Exchange([fake.server], rules=ExchangeRules(in_flight=3))
        asking = [asyncio.create_task(exchange.ask(f"{number}.example", "A")) for number in range(12)]
        while under_way < 3:
            await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*asking)
        assert (most, len(fake.queries)) == (3, 12)
        await exchange.close()


async def test_who_waits_for_a_turn_waits_no_longer_than_for_an_answer() -> None:
    async with FakeNameServer(never) as fake:
        rules = ExchangeRules(in_flight=1, try_timeout=0.5, deadline=0.5)
        exchange = Exchange([fake.server], rules=rules)
        found = await asyncio.gather(*(exchange.ask("a.example", "A") for _ in range(3)), return_exceptions=True)
        assert [one.status for one in found if isinstance(one, NoAnswer)] == [Status.TIMEOUT] * 3
        await exchange.close()


async def test_more_than_may_wait_are_turned_away_at_once() -> None:
    async with FakeNameServer(never) as fake:
        exchange = Exchange([fake.server], rules=ExchangeRules(in_flight=1, waiting=1, try_timeout=0.1, deadline=0.1))
        asking = [asyncio.create_task(exchange.ask("a.example", "A")) for _ in range(3)]
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert [one.status for one in found if isinstance(one, NoAnswer)].count(Status.SERVFAIL) == 1
        await exchange.close()


async def test_a_cancelled_question_leaves_nothing_behind() -> None:
    async with FakeNameServer(never) as fake:
        exchange = Exchange([fake.server], rules=ExchangeRules(in_flight=1))
        task = asyncio.create_task(exchange.ask("a.example", "A"))
        while not fake.queries:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        fake.reply = plain
        assert (await exchange.ask("b.example", "A")).answer  # the only place is free again
        await exchange.close()


async def test_a_closed_exchange_refuses() -> None:
    async with FakeNameServer(plain) as fake:
        exchange = Exchange([fake.server])
        await exchange.close()
        await exchange.close()
        with pytest.raises(NoAnswer):
            await exchange.ask("a.example", "A")
        assert fake.queries == []


async def test_what_cannot_be_asked_is_an_error_of_the_caller() -> None:
    exchange = Exchange([NameServer("127.0.0.1")])
    for name, kind in [("a..b", "A"), ("a.example", "NOSUCH"), ("a.example", "AXFR")]:
        with pytest.raises(ValueError):
            await exchange.ask(name, kind)
    with pytest.raises(ValueError):
        Exchange([])


# DNS over TLS.


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def client_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def named(fake: FakeNameServer, name: str) -> NameServer:
    return NameServer("127.0.0.1", fake.port, True, name)


async def test_questions_go_over_tls_padded_and_by_one_connection(authority: trustme.CA) -> None:
    async with FakeNameServer(plain, tls=server_context(authority, "127.0.0.1")) as fake:
        exchange = Exchange([fake.server], tls=client_context(authority))
        for name in ("a.example", "a-longer-name.example"):
            assert (await exchange.ask(name, "A")).answer
        assert fake.connections == 1
        assert [(query.is_udp, len(query.octets)) for query in fake.queries] == [(False, 128)] * 2
        await exchange.close()


async def test_many_who_begin_at_once_open_one_connection(authority: trustme.CA) -> None:
    async with FakeNameServer(plain, tls=server_context(authority, "127.0.0.1")) as fake:
        exchange = Exchange([fake.server], tls=client_context(authority))
        await asyncio.gather(*(exchange.ask(f"{number}.example", "A") for number in range(20)))
        assert fake.connections == 1
        await exchange.close()


async def test_the_certificate_must_have_the_name_that_was_configured(authority: trustme.CA) -> None:
    """RFC 8310 §8.1."""
    tls = client_context(authority)
    async with FakeNameServer(plain, tls=server_context(authority, "dns.example.net")) as fake:
        assert await ask(named(fake, "dns.example.net"), tls=tls) == "192.0.2.1"
        assert await ask(named(fake, "other.example.net"), tls=tls) == "timeout"
        assert await ask(fake.server, tls=tls) == "timeout"  # its address is not in it
        assert len(fake.queries) == 1


async def test_a_certificate_that_nobody_knows_is_not_asked(authority: trustme.CA) -> None:
    """The strict profile (RFC 8310 §5): rather no answer than one that others may read or write."""
    async with FakeNameServer(plain, tls=server_context(authority, "127.0.0.1")) as fake:
        assert await ask(fake) == "timeout"
        assert fake.queries == []


async def test_a_server_without_tls_is_never_asked_in_the_clear(authority: trustme.CA) -> None:
    async with FakeNameServer(plain) as fake:
        assert await ask(named(fake, ""), tls=client_context(authority), rules=SOON) == "timeout"
        assert not any(query.is_udp for query in fake.queries)
