"""The web over real sockets: its one page, and what strangers may not do with it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trustme

from samotop.net.endpoint import Tcp
from samotop.net.fetch import FetchRules, HttpsFetcher
from samotop.net.listen import open_listener
from samotop.testing import MovableClock, ZoneResolver
from samotop.tlspolicy.mtasts import Mode, StsPolicy, format_policy, format_sts_record, lookup_sts
from samotop.web.pages import Pages, plan_pages
from samotop.web.request import HEAD_LIMIT
from samotop.web.service import Web, WebRules

POLICY = StsPolicy(Mode.ENFORCE, ("mx.example.org",), 604800)
HOST = "mta-sts.example.org"
GET = f"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
TEXT = format_policy(POLICY)


class Silence:
    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def debug(self, event: str, **fields: Any) -> None:
        self.told.append((event, fields))


class Certificate:
    """A ``TlsProvider``."""

    def __init__(self, authority: trustme.CA, *names: str) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(self.context)


class Bench:
    """A web that listens; ``clock`` moves by hand."""

    def __init__(self, web: Web, port: int, clock: MovableClock, log: Silence) -> None:
        self.web = web
        self.port = port
        self.clock = clock
        self.log = log

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, octets: bytes) -> bytes:
        reader, writer = await self.connect()
        try:
            writer.write(octets)
            return await reader.read()
        finally:
            writer.close()

    async def until(self, count: int) -> None:
        """Until so many visitors are there: the other end of a socket takes its time."""
        async with asyncio.timeout(20):
            while self.web.count != count:
                await asyncio.sleep(0.001)


@asynccontextmanager
async def serve(
    *,
    tls: Certificate | None = None,
    pages: Pages | None = None,
    rules: WebRules = WebRules(),
) -> AsyncIterator[Bench]:
    clock, log = MovableClock(), Silence()
    web = Web(clock, asyncio.get_running_loop(), log, tls=tls, rules=rules)
    web.pages = plan_pages(["example.org"], POLICY) if pages is None else pages
    listener = await open_listener(Tcp("127.0.0.1", 0), web.factory(is_encrypted=tls is not None))
    bench = Bench(web, listener.ports[0], clock, log)
    try:
        yield bench
    finally:
        listener.close()
        await web.stop()
        await bench.until(0)


async def test_the_policy_is_served() -> None:
    """RFC 8461 §3.3: status 200, text/plain, complete; and the connection ends."""
    async with serve() as bench:
        head, _, body = (await bench.ask(GET)).partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    assert status == "HTTP/1.1 200 OK"
    assert body == TEXT
    assert {"Content-Type: text/plain", f"Content-Length: {len(TEXT)}", "Connection: close"} <= set(fields)
    assert any(field.startswith("Date: ") and field.endswith(" GMT") for field in fields)


async def test_head_tells_of_the_policy_without_it() -> None:
    async with serve() as bench:
        answer = await bench.ask(GET.replace(b"GET", b"HEAD"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"\r\nContent-Length: {len(TEXT)}\r\n".encode() in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (GET.replace(b"example.org", b"example.net"), 404),
        (GET.replace(b"mta-sts.example", b"example"), 404),
        (GET.replace(b"mta-sts.txt", b"security.txt"), 404),
        (GET.replace(b"/.well-known/", b"/x/../.well-known/"), 404),
        (GET.replace(b"/.well-known/", b"//.well-known/"), 404),
        (GET.replace(b".well", b"%2ewell"), 404),
        (b"GET /.well-known/mta-sts.txt HTTP/1.0\r\n\r\n", 404),
        (GET.replace(b"GET", b"POST"), 405),
        (GET.replace(b"GET", b"get"), 405),
        (b"EHLO mx.example.net\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * HEAD_LIMIT, 431),
    ],
)
async def test_anything_else_is_refused(octets: bytes, status: int) -> None:
    async with serve() as bench:
        answer = await bench.ask(octets)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert (b"\r\nAllow: GET, HEAD\r\n" in answer) is (status == 405)


async def test_one_request_is_answered_and_no_second() -> None:
    """What comes behind the first is not looked at: nothing can be smuggled past a proxy."""
    async with serve() as bench:
        answer = await bench.ask(GET + GET)
    assert answer.count(b"HTTP/1.1") == 1


async def test_there_is_no_page_without_a_policy() -> None:
    async with serve(pages=plan_pages(["example.org"], None)) as bench:
        assert (await bench.ask(GET)).startswith(b"HTTP/1.1 404 ")


async def test_our_own_fetcher_takes_it_over_tls() -> None:
    """The whole way of a sender: the record, the certificate, the policy, and the id that fits."""
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    zones = {
        "_mta-sts.example.org": {"TXT": [f'"{format_sts_record(POLICY)}"']},
        HOST: {"A": ["127.0.0.1"]},
    }
    resolver = ZoneResolver(zones)  # type: ignore[arg-type]  # a plain dict of zones
    async with serve(tls=Certificate(authority, "mx.example.org", HOST)) as bench:
        fetcher = HttpsFetcher(resolver, context=context, rules=FetchRules(port=bench.port, allows_private=True))
        found = await lookup_sts("example.org", None, resolver, fetcher, now=0.0)
    assert found.policy == POLICY


async def test_curl_takes_it(needs) -> None:
    """A client that is not ours: with TLS, HTTP/1.1, and a check of the certificate."""
    authority = trustme.CA()
    curl = needs("curl")
    async with serve(tls=Certificate(authority, HOST)) as bench:
        with authority.cert_pem.tempfile() as roots:
            process = await asyncio.create_subprocess_exec(
                curl, "--silent", "--show-error", "--fail", "--cacert", roots,
                "--resolve", f"{HOST}:{bench.port}:127.0.0.1",
                f"https://{HOST}:{bench.port}/.well-known/mta-sts.txt",
                stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, _ = await process.communicate()
    assert (process.returncode, out) == (0, TEXT)


async def test_who_speaks_no_tls_is_sent_away() -> None:
    async with serve(tls=Certificate(trustme.CA(), HOST)) as bench:
        assert TEXT not in await bench.ask(GET)
        await bench.until(0)
        assert [event for event, _ in bench.log.told] == ["handshake_failed"]


@pytest.mark.parametrize("said", [b"", b"G", GET[:-1]])
@pytest.mark.parametrize("is_encrypted", [False, True])
async def test_slowness_ends_with_the_deadline(said: bytes, is_encrypted: bool) -> None:
    """Slow loris: an octet now and then makes no more time."""
    tls = Certificate(trustme.CA(), HOST) if is_encrypted else None
    async with serve(tls=tls) as bench:
        reader, writer = await bench.connect()
        await bench.until(1)
        writer.write(said)
        await writer.drain()
        bench.clock.move(bench.web.rules.request - 1)
        bench.web.sweep()
        assert bench.web.count == 1
        bench.clock.move(2)
        bench.web.sweep()
        await bench.until(0)
        with suppress(ConnectionResetError):
            assert not await reader.read()
        writer.close()


async def test_one_address_has_its_share_and_leaves_room_when_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samotop.web.visit.network_key", lambda address: "somewhere")
    monkeypatch.setattr("samotop.web.visit.LOOPBACK", ())
    async with serve(rules=WebRules(visits_per_address=2)) as bench:
        there = [await bench.connect() for _ in range(2)]
        await bench.until(2)
        assert await bench.ask(GET) == b""
        there[0][1].close()
        await bench.until(1)
        assert (await bench.ask(GET)).startswith(b"HTTP/1.1 200 ")
        there[1][1].close()
        await bench.until(0)


async def test_a_proxy_on_this_machine_speaks_for_everybody() -> None:
    """Its address is nobody's: only the sum has a bound."""
    async with serve(rules=WebRules(visits=3, visits_per_address=1)) as bench:
        there = [await bench.connect() for _ in range(3)]
        await bench.until(3)
        assert await bench.ask(GET) == b""
        for _, writer in there:
            writer.close()
        await bench.until(0)
        assert (await bench.ask(GET)).startswith(b"HTTP/1.1 200 ")


async def test_no_address_is_told() -> None:
    """Who fetches a policy is nobody's business."""
    async with serve() as bench:
        await bench.ask(GET)
        assert bench.log.told == [("page_answered", {"code": 200, "listener": "web"})]
