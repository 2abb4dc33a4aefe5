"""DANE and MTA-STS with everything real: zones that knotd signs, our own validation, TLS handshakes, HTTPS.

One world for the module: knotd with a root, org and domains below it; unbound
as the cache in front, which judges nothing for us; a TLS server for each host.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from dns.rdatatype import RdataType

from samotop.dns.dnssec.anchor import parse_anchor
from samotop.msgauth.results import Result
from samotop.net.chain import ChainRules
from samotop.net.clock import SystemClock
from samotop.net.exchange import Exchange
from samotop.net.fetch import FetchRules, HttpsFetcher
from samotop.net.peercert import chain_of
from samotop.net.validating import ValidatingResolver, ValidationRules
from samotop.tlspolicy import (
    DaneFound,
    DaneStatus,
    Failure,
    Judgement,
    Level,
    Session,
    TlsPlan,
    Trust,
    judge_tls,
    lookup_dane,
    lookup_exchanges,
    lookup_sts,
    plan_tls,
)
from tests.fakes.certificates import DAY, Made, make_certificate
from tests.fakes.dnssec import Records, SignedZone, make_key, to_name
from tests.fakes.signedworld import PLAIN_POLICY, World, signed_world

pytestmark = pytest.mark.slow

NOW = time.time()
LOOPBACK = {"A": ["127.0.0.1"]}


class Cast:
    """Certificates around the present."""

    def __init__(self) -> None:
        self.root = self.make("Root", is_authority=True)
        self.good = self.make("mx.good.org", issuer=self.root)
        self.next = self.make("mx.good.org", issuer=self.root)
        self.late = self.make("mx.good.org", issuer=self.root, begin=NOW - 60 * DAY, end=NOW - DAY)
        self.other = self.make("mx.other.org", issuer=self.root)

    def make(self, name: str, **given: Any) -> Made:
        return make_certificate(name, **{"begin": NOW - 30 * DAY, "end": NOW + 30 * DAY, **given})


CAST = Cast()
OWN, ROOT = CAST.good.tlsa(3, 1, 1), CAST.root.tlsa(2, 0, 1)

TLSA: dict[str, list[str]] = {
    "key": [OWN],
    "whole": [CAST.good.tlsa(3, 0, 0)],
    "sha512": [CAST.good.tlsa(3, 1, 2)],
    "authority": [ROOT],
    "carried": [CAST.root.tlsa(2, 1, 0)],
    "rolled": [CAST.next.tlsa(3, 1, 1), OWN],
    "mismatch": [CAST.next.tlsa(3, 1, 1)],
    "pkix": [CAST.root.tlsa(0, 0, 1)],
}
"""TLSA records by the host of good.org that has them."""

GOOD: dict[str, dict[str, list[str]]] = {
    "good.org": {"MX": [f"10 {host}.good.org." for host in (*TLSA, "none", "alias", "out", "tlsa-alias")]},
    **{f"{host}.good.org": LOOPBACK for host in (*TLSA, "none", "end", "tlsa-alias")},
    **{f"_25._tcp.{host}.good.org": {"TLSA": records} for host, records in TLSA.items()},
    "alias.good.org": {"CNAME": ["end.good.org."]},
    "_25._tcp.end.good.org": {"TLSA": [OWN]},
    "out.good.org": {"CNAME": ["mx.plain.org."]},
    "_25._tcp.out.good.org": {"TLSA": [OWN]},
    "_25._tcp.tlsa-alias.good.org": {"CNAME": ["_dane.good.org."]},
    "_dane.good.org": {"TLSA": [OWN]},
}
MAIL: Records = {"": {"MX": ["10 mx.good.org."]}, "mx": LOOPBACK, "_25._tcp.mx": {"TLSA": [OWN]}}
STS = "version: STSv1\r\nmode: enforce\r\nmx: mx.plain.org\r\nmax_age: 86400\r\n"


def mail_of(apex: str) -> Records:
    return {**MAIL, "": {"MX": [f"10 mx.{apex}."]}}


def make_own() -> list[SignedZone]:
    """Zones that are wrong in some way, and one that is not signed."""
    key = make_key("own")
    times: dict[str, Any] = {"inception": int(NOW - 30 * DAY), "expiration": int(NOW + 30 * DAY)}
    changed = SignedZone("changed.org", mail_of("changed.org"), key=key, **times)
    place = (to_name("_25._tcp.mx.changed.org"), RdataType.TLSA)
    changed.rrsets[place] = SignedZone("changed.org", {"_25._tcp.mx": {"TLSA": [CAST.next.tlsa(3, 1, 1)]}}).rrsets[
        place
    ]
    plain: Records = {
        **mail_of("plain.org"),
        "_mta-sts": {"TXT": ['"v=STSv1; id=1;"']},
        "mta-sts": LOOPBACK,
    }
    return [
        SignedZone("plain.org", plain),
        SignedZone(
            "expired.org",
            mail_of("expired.org"),
            key=key,
            inception=int(NOW - 60 * DAY),
            expiration=int(NOW - 30 * DAY),
        ),
        changed,
    ]


@pytest.fixture(scope="module")
def world(needs: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("d")
    with signed_world(
        needs, folder, zones={"good.org": GOOD}, signed={"good.org": PLAIN_POLICY}, own=make_own()
    ) as made:
        yield made


@pytest.fixture
async def resolver(world: World) -> AsyncIterator[ValidatingResolver]:
    rules = ValidationRules(chain=ChainRules(mode="require"))
    anchor = parse_anchor("\n".join(world.anchor))
    made = ValidatingResolver(Exchange([world.unbound.server]), SystemClock(), anchor=anchor, rules=rules)
    yield made
    await made.close()


@asynccontextmanager
async def tls_server(folder: Path, *chain: Made) -> AsyncIterator[tuple[int, list[str | None]]]:
    """A server that shows ``chain``; yields its port, and the names that clients have asked for."""
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*chain[0].write(folder, *chain[1:]))
    context.sni_callback = lambda connection, name, _: asked.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1], asked


async def shake_hands(port: int, plan: TlsPlan) -> Session:
    """Connect as the plan says, verifying nothing; what was shown is for ``judge_tls``."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=plan.server_name)
    try:
        return Session(True, chain_of(writer.get_extra_info("ssl_object")))
    finally:
        writer.close()
        await writer.wait_closed()


async def deliver(
    domain: str, host: str, resolver: ValidatingResolver, folder: Path, *chain: Made
) -> tuple[DaneFound, TlsPlan, Judgement, list[str | None]]:
    """The whole way to MAIL: MX, TLSA, plan, handshake, judgement."""
    mx = await lookup_exchanges(domain, resolver)
    assert host in [one.host for one in mx.hosts], mx
    dane = await lookup_dane(host, resolver, exchanges=mx)
    plan = plan_tls(mx.domain, host, now=NOW, mx=mx, dane=dane)
    async with tls_server(folder, *chain) as (port, asked):
        session = await shake_hands(port, plan)
    return dane, plan, judge_tls(plan, session, Trust([CAST.root.der]), NOW), asked


@pytest.mark.parametrize("host", [*TLSA, "alias", "out", "tlsa-alias"])
async def test_a_signed_zone_names_the_certificate(host: str, resolver: ValidatingResolver, tmp_path: Path) -> None:
    name = f"{host}.good.org"
    base = "end.good.org" if host == "alias" else name
    leaf = CAST.good if host not in ("authority", "carried") else CAST.make(name, issuer=CAST.root)
    shown = (leaf,) if host == "carried" else (leaf, CAST.root)
    dane, plan, judged, asked = await deliver("good.org", name, resolver, tmp_path, *shown)
    assert asked == [base] and plan.server_name == base
    if host == "pkix":
        assert dane.status is DaneStatus.UNUSABLE and plan.level is Level.ENCRYPTED
        assert (judged.result, judged.failure) == (Result.PASS, Failure.TLSA)
        return
    assert dane.status is DaneStatus.USABLE and dane.base == base, dane
    if host == "mismatch":
        assert (judged.result, judged.failure, str(judged.status)) == (Result.FAIL, Failure.UNTRUSTED, "4.7.5")
    else:
        assert (judged.result, judged.reached) == (Result.PASS, Level.DANE), judged


@pytest.mark.parametrize(
    ("host", "leaf", "failure"),
    [
        ("authority", CAST.late, Failure.EXPIRED),
        ("authority", CAST.other, Failure.NAME),
        ("key", CAST.other, Failure.UNTRUSTED),
        ("key", CAST.late, Failure.UNTRUSTED),
    ],
)
async def test_a_wrong_certificate_is_refused(
    host: str, leaf: Made, failure: Failure, resolver: ValidatingResolver, tmp_path: Path
) -> None:
    _, _, judged, _ = await deliver("good.org", f"{host}.good.org", resolver, tmp_path, leaf, CAST.root)
    assert (judged.result, judged.failure) == (Result.FAIL, failure)


async def test_a_certificate_for_the_domain_is_for_its_hosts(resolver: ValidatingResolver, tmp_path: Path) -> None:
    """The MX records were signed, so the domain's own name is one to look for (RFC 7672 §3.2.2)."""
    leaf = CAST.make("good.org", issuer=CAST.root)
    _, _, judged, _ = await deliver("good.org", "authority.good.org", resolver, tmp_path, leaf, CAST.root)
    assert judged.reached is Level.DANE


async def test_a_signed_host_without_records_has_no_dane(resolver: ValidatingResolver, tmp_path: Path) -> None:
    dane, plan, judged, _ = await deliver("good.org", "none.good.org", resolver, tmp_path, CAST.good)
    assert (dane.status, plan.level) == (DaneStatus.ABSENT, Level.OPPORTUNISTIC)
    assert (judged.result, judged.reached) == (Result.PASS, Level.ENCRYPTED)


async def test_records_of_an_unsigned_zone_count_for_nothing(resolver: ValidatingResolver, tmp_path: Path) -> None:
    dane, plan, _, _ = await deliver("plain.org", "mx.plain.org", resolver, tmp_path, CAST.next)
    assert (dane.status, plan.level) == (DaneStatus.INSECURE, Level.OPPORTUNISTIC)


async def test_a_zone_whose_signatures_have_ended_gets_no_mail(resolver: ValidatingResolver) -> None:
    mx = await lookup_exchanges("expired.org", resolver)
    assert mx.result is Result.TEMPERROR and mx.is_bogus and mx.status is not None and mx.status.is_transient
    dane = await lookup_dane("mx.expired.org", resolver)
    assert dane.status is DaneStatus.FAILED and dane.is_bogus


async def test_forged_records_get_no_mail(resolver: ValidatingResolver, tmp_path: Path) -> None:
    """Somebody has put records of his own key into the answer; the signature is still that of the owner's."""
    dane, plan, judged, _ = await deliver("changed.org", "mx.changed.org", resolver, tmp_path, CAST.next)
    assert dane.status is DaneStatus.FAILED and dane.is_bogus
    assert plan.refusal is not None and not plan.may_be_plain
    assert (judged.result, judged.failure, str(judged.status)) == (Result.FAIL, Failure.DNSSEC, "4.7.5")


@asynccontextmanager
async def policy_server(authority: trustme.CA, name: str, body: str) -> AsyncIterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        assert request.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.plain.org\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def fetch_policy(resolver: ValidatingResolver, believed: trustme.CA, issuer: trustme.CA, name: str) -> Any:
    context = ssl.create_default_context()
    believed.configure_trust(context)
    async with policy_server(issuer, name, STS) as port:
        fetcher = HttpsFetcher(resolver, context=context, rules=FetchRules(port=port, allows_private=True))
        return await lookup_sts("plain.org", None, resolver, fetcher, now=NOW)


async def test_a_policy_over_https_holds_an_unsigned_domain(resolver: ValidatingResolver, tmp_path: Path) -> None:
    authority = trustme.CA()
    found = await fetch_policy(resolver, authority, authority, "mta-sts.plain.org")
    assert found.result is Result.PASS, found
    mx = await lookup_exchanges("plain.org", resolver)
    dane = await lookup_dane("mx.plain.org", resolver, exchanges=mx)
    plan = plan_tls("plain.org", "mx.plain.org", now=NOW, mx=mx, dane=dane, sts=found.policy)
    right = CAST.make("mx.plain.org", issuer=CAST.root)
    for leaf, result, failure in ((right, Result.PASS, None), (CAST.good, Result.FAIL, Failure.NAME)):
        async with tls_server(tmp_path, leaf) as (port, _):
            judged = judge_tls(plan, await shake_hands(port, plan), Trust([CAST.root.der]), NOW)
        assert (judged.result, judged.failure) == (result, failure)


async def test_a_policy_of_somebody_else_is_none(resolver: ValidatingResolver) -> None:
    authority = trustme.CA()
    found = await fetch_policy(resolver, authority, trustme.CA(), "mta-sts.plain.org")
    assert (found.policy, found.failure) == (None, Failure.STS_WEBPKI)
    found = await fetch_policy(resolver, authority, authority, "www.plain.org")
    assert (found.policy, found.failure) == (None, Failure.STS_WEBPKI)
