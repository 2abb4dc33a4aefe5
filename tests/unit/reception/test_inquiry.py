"""The inquiry itself: what is asked when, what is found, and what a slow or hostile DNS can do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from samotop.address import NULL_PATH, Address
from samotop.dns.answer import Answer
from samotop.msgauth import dkim
from samotop.msgauth.authentication import Authentication
from samotop.peer import Peer
from samotop.ports.inquiry import Inquired
from samotop.reception.inquiry import FEW_KEYS, InquiryRules, ResolverInquirer
from samotop.testing import MovableClock, ZoneResolver
from tests.fakes.signing import sign_raw

KEY = dkim.generate_key("ed25519")
NOW = 1_795_000_000.0

ZONES: Mapping[str, Mapping[str, list[str]]] = {
    "example.net": {"TXT": ['"v=spf1 ip4:192.0.2.7 -all"'], "A": ["192.0.2.7"]},
    "_dmarc.example.net": {"TXT": ['"v=DMARC1; p=reject"']},
    "s._domainkey.example.net": {"TXT": [f'"{dkim.format_key_record(KEY)}"']},
    "mail.example.net": {"A": ["192.0.2.7"], "TXT": ['"v=spf1 a -all"']},
    "7.2.0.192.in-addr.arpa": {"PTR": ["mail.example.net."]},
}
MESSAGE = b"From: a@example.net\r\nSubject: x\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\nhello\r\n"
REVERSE_PATH = Address("a", "example.net")


class Sluggish(ZoneResolver):
    """Answers no question of these types before it is told to."""

    def __init__(self, *types: str) -> None:
        super().__init__(ZONES)
        self.types = types
        self.answers = asyncio.Event()

    async def lookup(self, name: str, type: str) -> Answer:
        if type in self.types or not self.types:
            await self.answers.wait()
        return await super().lookup(name, type)


def inquirer(resolver: ZoneResolver, **rules: object) -> ResolverInquirer:
    clock = MovableClock()
    clock.move(NOW - clock.time())
    loop = asyncio.get_running_loop()
    return ResolverInquirer(resolver, loop, clock, "mx.example.org", InquiryRules(**rules))  # type: ignore[arg-type]  # the table of a case


def signed(*selectors: str, message: bytes = MESSAGE) -> bytes:
    fields = [
        dkim.sign(message, dkim.Signer("example.net", [dkim.SigningKey(selector, KEY)]), now=NOW)
        for selector in selectors
    ]
    return b"".join(fields) + message


async def ask(asked: ResolverInquirer, content: bytes, *, cut: int = 10, address: str = "192.0.2.7") -> Inquired:
    peer = asked.greeted(Peer(address), "mail.example.net")
    assert peer is not None
    inquiry = peer.mail(REVERSE_PATH)
    for at in range(0, len(content), cut):
        inquiry.feed(content[at : at + cut])
    found = await inquiry.finish()
    inquiry.close()
    peer.close()
    asked.close()
    return found


def words(found: Authentication) -> dict[str, object]:
    return {
        "iprev": found.iprev and str(found.iprev.result),
        "hello": found.hello and str(found.hello.result),
        "spf": found.spf and str(found.spf.result),
        "dkim": [str(one.result) for one in found.dkim],
        "arc": found.arc and str(found.arc.result),
        "dmarc": found.dmarc and str(found.dmarc.result),
    }


GOOD = {"iprev": "pass", "hello": "pass", "spf": "pass", "dkim": ["pass"], "arc": "none", "dmarc": "pass"}


@pytest.mark.parametrize("cut", [1, 7, 10_000])
async def test_an_honest_message_passes_everything_however_it_is_cut(cut: int) -> None:
    found = await ask(inquirer(ZoneResolver(ZONES)), signed("s"), cut=cut)
    assert words(found.authentication) == GOOD
    assert found.peer_name == "mail.example.net"
    field = found.results.replace("\r\n\t", " ")
    assert field.startswith("Authentication-Results: mx.example.org; iprev=pass policy.iprev=192.0.2.7;")
    assert "spf=pass smtp.mailfrom=a@example.net" in field
    assert "dkim=pass header.d=example.net header.s=s header.a=ed25519-sha256" in field
    assert field.endswith("dmarc=pass header.from=example.net policy.dmarc=reject\r\n")


async def test_questions_are_asked_while_the_message_arrives() -> None:
    """At the end of the content nothing is left to be asked."""
    resolver = ZoneResolver(ZONES)
    asked = inquirer(resolver)
    peer = asked.greeted(Peer("192.0.2.7"), "mail.example.net")
    assert peer is not None
    await asyncio.sleep(0)
    assert ("7.2.0.192.in-addr.arpa", "PTR") in resolver.questions
    inquiry = peer.mail(REVERSE_PATH)
    await asyncio.sleep(0)
    assert ("example.net", "TXT") in resolver.questions
    header, body = signed("s").split(b"\r\n\r\n", 1)
    inquiry.feed(header + b"\r\n\r\n")
    await asyncio.sleep(0)
    assert ("s._domainkey.example.net", "TXT") in resolver.questions
    assert ("_dmarc.example.net", "TXT") in resolver.questions
    before = set(resolver.questions)
    inquiry.feed(body)
    assert words((await inquiry.finish()).authentication) == GOOD
    assert set(resolver.questions) == before
    asked.close()


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (("PTR",), GOOD | {"iprev": "temperror"}),
        (("A",), GOOD | {"iprev": "temperror", "hello": "temperror"}),
        ((), dict.fromkeys(("iprev", "hello", "spf", "dmarc"), "temperror") | {"dkim": ["temperror"], "arc": "none"}),
    ],
)
async def test_a_slow_dns_costs_its_own_results_and_no_more_time(types: tuple[str, ...], expected: object) -> None:
    found = await ask(inquirer(Sluggish(*types), patience=0.0), signed("s"))
    assert words(found.authentication) == expected


async def test_whatever_comes_as_a_message_has_results() -> None:
    """No header, no author, two of them: each ends with words, never with an exception."""
    for content in (b"", b"\r\n", b"no header at all", b"\r\n\r\n\r\n", MESSAGE + MESSAGE, b"From: x\r\n" + MESSAGE):
        found = await ask(inquirer(ZoneResolver(ZONES)), content)
        assert found.authentication.dkim == ()
        assert found.authentication.spf is not None


async def test_two_authors_are_none() -> None:
    found = await ask(inquirer(ZoneResolver(ZONES)), b"From: b@example.com\r\n" + signed("s"))
    assert found.authentication.author is not None
    assert found.authentication.author.reason == "2 From fields"
    assert 'dmarc=none reason="2 From fields"' in found.results


@pytest.mark.parametrize(
    "author", ["a@example.net <b@example.com>", "b@example.com\r\nFrom: a@example.net", "<a@example.net"]
)
async def test_an_author_that_only_careless_readers_find_is_held_to_the_policy(author: str) -> None:
    """DMARC is for what somebody sees. A strict reader that sees nobody must not let the message through for it."""
    found = await ask(inquirer(ZoneResolver(ZONES)), f"From: {author}\r\n\r\nhello\r\n".encode(), address="192.0.2.9")
    assert found.authentication.dmarc is not None
    assert (found.authentication.dmarc.result, found.authentication.dmarc.policy) == ("fail", "reject")


async def test_what_was_added_to_a_signed_beginning_is_nobodys() -> None:
    """l= signs a beginning; what stands below it, in another part that a reader shows alone, is anybody's."""
    tags = "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.net; s=s; h=from:subject; bh={bh}; l=7"
    message = sign_raw(MESSAGE, tags, KEY)
    whole = await ask(inquirer(ZoneResolver(ZONES)), message, address="192.0.2.9")
    assert words(whole.authentication) | {"dkim": ["pass"], "dmarc": "pass"} == words(whole.authentication)
    added = await ask(inquirer(ZoneResolver(ZONES)), message + b"<h1>Send money</h1>\r\n", address="192.0.2.9")
    assert words(added.authentication) | {"dkim": ["policy"], "dmarc": "fail"} == words(added.authentication)


async def test_many_signatures_are_verified_beside_the_loop() -> None:
    selectors = [f"s{number}" for number in range(FEW_KEYS + 1)]
    record = f'"{dkim.format_key_record(KEY)}"'
    keys = {f"{selector}._domainkey.example.net": {"TXT": [record]} for selector in selectors}
    found = await ask(inquirer(ZoneResolver({**ZONES, **keys})), signed(*selectors))
    assert words(found.authentication) == GOOD | {"dkim": ["pass"] * len(selectors)}


async def test_a_null_reverse_path_is_judged_by_the_hello_name() -> None:
    asked = inquirer(ZoneResolver(ZONES))
    peer = asked.greeted(Peer("192.0.2.7"), "mail.example.net")
    assert peer is not None
    inquiry = peer.mail(NULL_PATH)
    inquiry.feed(MESSAGE)
    found = (await inquiry.finish()).authentication
    assert found.spf is not None
    assert (found.spf.result, found.spf.domain, found.spf.scope) == ("pass", "mail.example.net", "helo")
    asked.close()


async def test_a_peer_without_an_address_is_not_asked_about() -> None:
    asked = inquirer(ZoneResolver(ZONES))
    assert asked.greeted(Peer(""), "client") is None
    asked.close()


async def test_closing_leaves_no_task_behind() -> None:
    asked = inquirer(Sluggish())
    before = asyncio.all_tasks()
    peer = asked.greeted(Peer("192.0.2.7"), "mail.example.net")
    assert peer is not None
    inquiry = peer.mail(REVERSE_PATH)
    inquiry.feed(signed("s"))
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks() - before) == 5
    inquiry.close()
    peer.close()
    for _ in range(3):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    asked.close()


async def test_a_recipient_waits_for_spf_alone() -> None:
    """A name server that is silent about something else is waited for at the content's end."""
    peer = inquirer(Sluggish("PTR")).greeted(Peer("192.0.2.7"), "mail.example.net")
    assert peer is not None
    found = await peer.mail(REVERSE_PATH).soon()
    assert found.authentication.spf is not None
    assert (found.authentication.iprev, found.listings) == (None, ())


async def test_spf_that_does_not_come_soon_still_counts_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samotop.reception.inquiry.SOON", 0.0)
    resolver = Sluggish("TXT")
    peer = inquirer(resolver).greeted(Peer("192.0.2.7"), "mail.example.net")
    assert peer is not None
    mail = peer.mail(REVERSE_PATH)
    assert (await mail.soon()).authentication.spf is None
    resolver.answers.set()
    mail.feed(signed("s"))
    found = await mail.finish()
    assert found.authentication.spf is not None
    assert str(found.authentication.spf.result.value) == "pass"
