"""The stub resolver: what it says of answers, what it keeps, whom it trusts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import dns.flags
import dns.message
import pytest

from samotop.dns import Answer, Mx, Security, Status
from samotop.net.cache import CacheRules
from samotop.net.exchange import Exchange, ExchangeRules
from samotop.net.resolver import ResolverRules, StubResolver, measure
from samotop.testing import MovableClock
from tests.fakes.nameserver import DROP, FakeNameServer, Query

SOA = "example.org 600 IN SOA ns.example.org. hostmaster.example.org. 1 3600 600 86400 100"


class Asked:
    """A resolver, its clock, and the server that it asks."""

    def __init__(self, fake: FakeNameServer, is_trusted: bool, rules: ResolverRules) -> None:
        self.fake = fake
        self.clock = MovableClock()
        exchange = Exchange([fake.server], rules=ExchangeRules(try_timeout=0.05, attempts=1, mixes_case=False))
        self.resolver = StubResolver(exchange, self.clock, is_trusted=is_trusted, rules=rules)

    async def __call__(self, name: str = "www.example.org", type: str = "A") -> Answer:
        return await self.resolver.lookup(name, type)

    @property
    def count(self) -> int:
        return len(self.fake.queries)


@asynccontextmanager
async def asked(
    reply: Callable[[Query], Any], *, is_trusted: bool = False, rules: ResolverRules = ResolverRules()
) -> Any:
    async with FakeNameServer(reply) as fake:
        found = Asked(fake, is_trusted, rules)
        yield found
        await found.resolver.close()


def says(
    *records: str, code: str = "NOERROR", authority: tuple[str, ...] = (), ad: bool = False
) -> Callable[[Query], Any]:
    def reply(query: Query) -> dns.message.Message:
        message = query.answer(*records, code=code, authority=authority)
        if ad:
            message.flags |= dns.flags.AD
        return message

    return reply


def zone(**names: str) -> Callable[[Query], Any]:
    """A server that answers with one record of each name and follows nothing; ``_`` stands for a dot."""

    def reply(query: Query) -> dns.message.Message:
        record = names.get(query.name.replace(".", "_"))
        return query.answer(f"@ 300 IN {record}") if record else query.answer(code="NXDOMAIN", authority=(SOA,))

    return reply


# What is said.


async def test_records_are_values() -> None:
    async with asked(says("@ 300 IN MX 10 MX.example.org.", "@ 200 IN MX 0 .")) as ask:
        found = await ask("Example.Org.", "mx")
        assert found.exchanges == (Mx(0, ""), Mx(10, "mx.example.org"))
        assert (found.name, found.type, found.status, found.ttl) == ("example.org", "MX", Status.OK, 200)
        assert found.canonical == "example.org"
        assert found.security is Security.INSECURE


@pytest.mark.parametrize(("code", "status"), [("NOERROR", Status.NODATA), ("NXDOMAIN", Status.NXDOMAIN)])
async def test_a_denial_says_which_and_holds_as_long_as_its_zone_says(code: str, status: Status) -> None:
    """The lesser of the SOA record's TTL and its minimum (RFC 2308 §5)."""
    async with asked(says(code=code, authority=(SOA,))) as ask:
        found = await ask()
        assert (found.status, found.ttl, found.records) == (status, 100, ())


async def test_records_of_other_names_are_passed_over() -> None:
    """Else a server could say anything about anybody (RFC 2181 §5.4.1)."""
    reply = says("mail.example.com 300 IN A 192.0.2.66", "www.example.com 300 IN CNAME evil.example.", authority=(SOA,))
    async with asked(reply) as ask:
        assert (await ask()).status is Status.NODATA
        assert ask.count == 1


async def test_aliases_are_followed_within_an_answer() -> None:
    reply = says(
        "@ 300 IN CNAME a.example.net.", "a.example.net 50 IN CNAME B.example.net.", "b.example.net 90 IN A 192.0.2.1"
    )
    async with asked(reply) as ask:
        found = await ask()
        assert (found.names, found.canonical, found.ttl) == (("192.0.2.1",), "b.example.net", 50)
        assert ask.count == 1


async def test_aliases_are_followed_by_further_questions() -> None:
    async with asked(
        zone(www_example_org="CNAME a.example.org.", a_example_org="CNAME b.example.org.", b_example_org="A 192.0.2.1")
    ) as ask:
        found = await ask()
        assert (found.status, found.names, found.canonical) == (Status.OK, ("192.0.2.1",), "b.example.org")
        assert ask.count == 3


async def test_an_alias_to_nothing_is_no_such_name() -> None:
    """RFC 6604 §3: the code is about the last name."""
    async with asked(says("@ 30 IN CNAME a.example.org.", code="NXDOMAIN", authority=(SOA,))) as ask:
        found = await ask()
        assert (found.status, found.canonical, found.ttl) == (Status.NXDOMAIN, "a.example.org", 30)


async def test_an_alias_to_a_name_without_such_records_is_no_data() -> None:
    async with asked(says("@ 300 IN CNAME a.example.org.", authority=(SOA,))) as ask:
        found = await ask()
        assert (found.status, found.canonical, found.ttl, ask.count) == (Status.NODATA, "a.example.org", 100, 1)


async def test_a_denial_by_another_zone_does_not_end_the_chain() -> None:
    """The alias leads out of the zone whose SOA record comes along."""

    def reply(query: Query) -> Any:
        if query.name == "www.example.org":
            return query.answer("@ 300 IN CNAME a.example.net.", authority=(SOA,))
        return query.answer("@ 300 IN A 192.0.2.1")

    async with asked(reply) as ask:
        assert (await ask()).names == ("192.0.2.1",)


async def test_an_alias_that_is_asked_for_is_the_answer() -> None:
    async with asked(zone(www_example_org="CNAME a.example.org.")) as ask:
        found = await ask(type="CNAME")
        assert (found.names, found.canonical, ask.count) == (("a.example.org",), "www.example.org", 1)


@pytest.mark.parametrize("names", [("www",), ("www", "a"), ("www", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j")])
async def test_a_circle_of_aliases_ends(names: tuple[str, ...]) -> None:
    links = {
        f"{one}_example_org": f"CNAME {other}.example.org."
        for one, other in zip(names, (*names[1:], names[0]), strict=True)
    }
    async with asked(zone(**links)) as ask:
        assert (await ask()).status is Status.SERVFAIL
        assert ask.count <= 9
    inside = [f"{name.replace('_', '.')} 300 IN {record}" for name, record in links.items()]
    async with asked(says(*inside)) as ask:
        assert (await ask()).status is Status.SERVFAIL
        assert ask.count == 1


async def test_eight_aliases_are_followed_and_no_more() -> None:
    chain = [f"{'@' if n == 0 else f'n{n}.example.org'} 300 IN CNAME n{n + 1}.example.org." for n in range(8)]
    async with asked(says(*chain, "n8.example.org 300 IN A 192.0.2.1")) as ask:
        assert (await ask()).names == ("192.0.2.1",)
    async with asked(
        says(*chain, "n8.example.org 300 IN CNAME n9.example.org.", "n9.example.org 300 IN A 192.0.2.1")
    ) as ask:
        assert (await ask()).status is Status.SERVFAIL


async def test_a_name_denied_that_has_records_is_a_failure() -> None:
    async with asked(says("@ 300 IN A 192.0.2.1", code="NXDOMAIN")) as ask:
        assert (await ask()).status is Status.SERVFAIL


async def test_an_alias_to_an_odd_name_is_followed() -> None:
    """A dot within a label comes back escaped."""

    def reply(query: Query) -> Any:
        if query.name == "www.example.org":
            return query.answer("@ 300 IN CNAME a\\.b.example.org.")
        assert query.message.question[0].name.labels[0] == b"a.b"
        return query.answer("@ 300 IN A 192.0.2.1")

    async with asked(reply) as ask:
        assert (await ask()).names == ("192.0.2.1",)


@pytest.mark.parametrize("name", ["a..b", "a" * 64, "x" * 300, "a\tb"])
async def test_a_name_that_cannot_exist_is_not_asked_for(name: str) -> None:
    async with asked(says()) as ask:
        assert (await ask(name)).status is Status.NXDOMAIN
        assert ask.count == 0


@pytest.mark.parametrize("type", ["NOSUCH", "ANY", "AXFR", ""])
async def test_of_a_type_that_does_not_exist_there_are_no_records(type: str) -> None:
    """Callers need no ``try``."""
    async with asked(says()) as ask:
        assert (await ask(type=type)).status is Status.NODATA
        assert ask.count == 0


async def test_a_u_label_is_asked_for_as_an_a_label() -> None:
    async with asked(says("@ 300 IN A 192.0.2.1")) as ask:
        assert (await ask("bücher.example")).name == "xn--bcher-kva.example"


# What is kept.


async def test_an_answer_is_kept_for_its_time_and_counts_down() -> None:
    async with asked(says("@ 300 IN A 192.0.2.1")) as ask:
        assert (await ask()).ttl == 300
        ask.clock.move(100.5)
        assert await ask("WWW.example.org.") == Answer(
            "www.example.org", "A", Status.OK, ("192.0.2.1",), Security.INSECURE, 199, "www.example.org"
        )
        assert ask.count == 1
        ask.clock.move(199.5)
        assert (await ask()).ttl == 300
        assert ask.count == 2


async def test_each_type_is_kept_by_itself() -> None:
    async with asked(says(authority=(SOA,))) as ask:
        await ask(type="A")
        await ask(type="AAAA")
        assert ask.count == 2


async def test_a_denial_is_kept_an_hour_at_most() -> None:
    soa = SOA.replace(" 600 IN", " 99999 IN").replace(" 86400 100", " 86400 99999")
    async with asked(says(code="NXDOMAIN", authority=(soa,))) as ask:
        assert (await ask()).ttl == 3600
        ask.clock.move(3599)
        await ask()
        assert ask.count == 1
        ask.clock.move(1)
        await ask()
        assert ask.count == 2


async def test_a_denial_without_its_zones_word_is_not_kept() -> None:
    """RFC 2308 §5: nothing says for how long."""
    async with asked(says(code="NXDOMAIN")) as ask:
        assert [(await ask()).ttl, (await ask()).ttl] == [0, 0]
        assert ask.count == 2


@pytest.mark.parametrize(
    ("reply", "status"),
    [(says(code="SERVFAIL"), Status.SERVFAIL), (lambda query: DROP, Status.TIMEOUT)],
    ids=["failing", "silent"],
)
async def test_a_failure_is_kept_for_seconds(reply: Callable[[Query], Any], status: Status) -> None:
    """RFC 9520 §3.2: each message would else have to wait for it again."""
    async with asked(reply) as ask:
        found = await ask()
        assert (found.status, found.security, found.is_temporary) == (status, Security.INDETERMINATE, True)
        await ask()
        assert ask.count == 1
        ask.clock.move(5)
        await ask()
        assert ask.count == 2


async def test_a_time_to_live_of_zero_is_not_kept() -> None:
    async with asked(says("@ 0 IN A 192.0.2.1")) as ask:
        await ask()
        await ask()
        assert ask.count == 2


async def test_the_cache_has_its_bounds() -> None:
    async with asked(says("@ 300 IN A 192.0.2.1"), rules=ResolverRules(cache=CacheRules(entries=2))) as ask:
        for name in ("a.example", "b.example", "c.example", "a.example"):
            await ask(name)
        assert ask.count == 4


def test_what_an_answer_takes_grows_with_what_is_in_it() -> None:
    small = measure(Answer("a", "TXT", Status.OK, (b"x",)))
    assert measure(Answer("a", "TXT", Status.OK, (b"x" * 1000,))) == small + 999
    assert measure(Answer("a", "MX", Status.OK, (Mx(1, "a.example"),) * 10)) > small


# Together.


async def test_a_question_asked_by_many_at_once_is_asked_once() -> None:
    go = asyncio.Event()

    async def reply(query: Query) -> Any:
        await go.wait()
        return query.answer("@ 300 IN A 192.0.2.1")

    async with asked(reply) as ask:
        asking = [asyncio.create_task(ask()) for _ in range(20)]
        for _ in range(3):
            await asyncio.sleep(0)
        asking[0].cancel()
        go.set()
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        assert {one.names for one in found if isinstance(one, Answer)} == {("192.0.2.1",)}
        assert ask.count == 1


async def test_a_warm_look_up_awaits_nothing() -> None:
    """No task, no lock, no turn of the loop: the coroutine ends at its first step."""
    async with asked(says("@ 300 IN A 192.0.2.1")) as ask:
        await ask()
        coroutine = ask.resolver.lookup("www.example.org", "A")
        with pytest.raises(StopIteration):
            coroutine.send(None)


async def test_a_closed_resolver_fails_but_still_knows() -> None:
    async with asked(says("@ 300 IN A 192.0.2.1")) as ask:
        await ask()
        await ask.resolver.close()
        assert (await ask()).status is Status.OK
        assert (await ask("b.example")).is_temporary


# Whom it trusts.


async def test_the_ad_bit_of_a_trusted_server_makes_an_answer_secure() -> None:
    """A denial too (RFC 4035 §3.2.3)."""
    async with asked(says("@ 300 IN A 192.0.2.1", ad=True), is_trusted=True) as ask:
        assert (await ask()).security is Security.SECURE
        assert (await ask()).security is Security.SECURE  # from memory as well
    async with asked(says(code="NXDOMAIN", authority=(SOA,), ad=True), is_trusted=True) as ask:
        assert (await ask()).is_secure


async def test_without_the_ad_bit_it_is_insecure() -> None:
    async with asked(says("@ 300 IN A 192.0.2.1"), is_trusted=True) as ask:
        assert (await ask()).security is Security.INSECURE


async def test_anybody_elses_ad_bit_says_nothing() -> None:
    async with asked(says("@ 300 IN A 192.0.2.1", ad=True)) as ask:
        assert (await ask()).security is Security.INSECURE


async def test_a_chain_is_as_secure_as_its_weakest_link() -> None:
    def reply(query: Query) -> Any:
        if query.name == "www.example.org":
            return says("@ 300 IN CNAME a.example.net.", ad=True)(query)
        return says("@ 300 IN A 192.0.2.1")(query)

    async with asked(reply, is_trusted=True) as ask:
        assert (await ask()).security is Security.INSECURE


async def test_a_failure_that_goes_away_without_judgement_is_bogus() -> None:
    """The server has an answer, and will not stand for it (RFC 4035 §3.2.2)."""

    def reply(query: Query) -> Any:
        is_unjudged = query.message.flags & dns.flags.CD
        return says("@ 300 IN A 192.0.2.66")(query) if is_unjudged else says(code="SERVFAIL")(query)

    async with asked(reply, is_trusted=True) as ask:
        found = await ask()
        assert (found.status, found.security, found.records) == (Status.SERVFAIL, Security.BOGUS, ())
        assert found.is_bogus
        assert found.is_temporary
    async with asked(reply) as ask:
        assert (await ask()).security is Security.INDETERMINATE
        assert ask.count == 1


async def test_a_failure_that_stays_is_none_of_dnssecs() -> None:
    async with asked(says(code="SERVFAIL"), is_trusted=True) as ask:
        assert (await ask()).security is Security.INDETERMINATE
