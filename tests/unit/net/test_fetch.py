"""Fetching a policy: what a good web server says is taken, everything else is a reason, and nothing is waited for."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trustme

from samotop.net.fetch import CHUNK_LIMIT, HEAD_LIMIT, INTERIM_LIMIT, FetchRules, HttpsFetcher
from samotop.testing.zones import ZoneResolver
from samotop.tlspolicy.mtasts import Fetched, FetchStatus

pytestmark = pytest.mark.slow  # real connections

HOST = "mta-sts.example.org"
URL = f"https://{HOST}/.well-known/mta-sts.txt"
ZONES = {HOST: {"A": ["127.0.0.1"]}}
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@asynccontextmanager
async def web_server(answer: Answer | bytes, authority: trustme.CA, name: str = HOST) -> AsyncIterator[int]:
    """A TLS server on loopback that answers each request like that; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if isinstance(answer, bytes):
                request = await reader.readuntil(b"\r\n\r\n")
                assert request.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + HOST.encode())
                writer.write(answer)
                await writer.drain()
            else:
                await answer(reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def fetcher_for(port: int, authority: trustme.CA, **rules: float) -> HttpsFetcher:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    made = FetchRules(port=port, allows_private=True, **rules)  # type: ignore[arg-type]  # numbers alone
    return HttpsFetcher(ZoneResolver(ZONES), context=context, rules=made)


async def fetch(answer: Answer | bytes, authority: trustme.CA, **rules: float) -> Fetched:
    async with web_server(answer, authority) as port:
        return await fetcher_for(port, authority, **rules).fetch(URL)


@pytest.mark.parametrize(
    "response",
    [
        OK + b"Content-Length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 Fine\r\ncontent-type: TEXT/PLAIN; charset=utf-8\r\ncontent-length:5\r\n\r\nhelloXXXX",
        OK + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * INTERIM_LIMIT + OK + b"Content-Length: 5\r\n\r\nhello",
    ],
)
async def test_a_good_response_is_taken(authority: trustme.CA, response: bytes) -> None:
    assert await fetch(response, authority) == Fetched(FetchStatus.OK, b"hello")


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n", "answered 301"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "answered 404"),
        (b"HTTP/1.1 206 Part\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx", "answered 206"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello", "not text/plain"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "not text/plain"),
        (OK + b"Content-Length: 65537\r\n\r\n", "larger than"),
        (OK + b"\r\nhello", "how long"),
        (OK + b"Content-Length: +5\r\n\r\nhello", "how long"),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", "encoded"),
        (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "encoded"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n8000\r\n" + b"x" * 0x8000 + b"\r\n8001\r\n", "larger than"),
    ],
)
async def test_anything_else_is_refused(authority: trustme.CA, response: bytes, reason: str) -> None:
    """A redirect could lead to whoever may put files there; a body of unknown length can be cut short."""
    fetched = await fetch(response, authority)
    assert fetched.status is FetchStatus.REFUSED and reason in fetched.reason and not fetched.body


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        OK + b"Content-Length: 5\r\n\r\nhel",
        OK + b"Content-Length: 5\r\nContent-Length: 3\r\n\r\nhello",
        OK + b"Content-Length : 5\r\n\r\nhello",
        OK + b" folded\r\n\r\n",
        OK + b"X: " + b"x" * HEAD_LIMIT * 2,
        b"HTTP/1.1 100 Continue\r\n\r\n" * (INTERIM_LIMIT + 1),
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 300 + b"\r\nx\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nxxxx0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * (CHUNK_LIMIT + 1) + b"0\r\n\r\n",
    ],
)
async def test_nonsense_is_a_failure(authority: trustme.CA, response: bytes) -> None:
    fetched = await fetch(response, authority)
    if response.startswith(b"HTTP/1.1 100"):
        assert fetched.status is FetchStatus.REFUSED
    else:
        assert fetched.status is FetchStatus.FAILED
    assert not fetched.body


async def test_a_slow_server_costs_the_deadline_and_no_more(authority: trustme.CA) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with asyncio.timeout(20):
        fetched = await fetch(drip, authority, deadline=0.3)
    assert fetched.status is FetchStatus.FAILED and "too long" in fetched.reason


async def test_the_certificate_must_be_for_the_host(authority: trustme.CA) -> None:
    async with web_server(OK + b"Content-Length: 0\r\n\r\n", authority, name="www.example.org") as port:
        fetched = await fetcher_for(port, authority).fetch(URL)
    assert fetched.status is FetchStatus.UNTRUSTED


async def test_the_certificate_must_be_of_a_known_authority(authority: trustme.CA) -> None:
    async with web_server(OK + b"Content-Length: 0\r\n\r\n", trustme.CA()) as port:
        fetched = await fetcher_for(port, authority).fetch(URL)
    assert fetched.status is FetchStatus.UNTRUSTED


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1", "fd00::1"])
async def test_our_own_network_is_not_asked(address: str) -> None:
    """Any domain may say that its web server has an address of ours."""
    resolver = ZoneResolver({HOST: {"AAAA" if ":" in address else "A": [address]}})
    fetched = await HttpsFetcher(resolver, context=ssl.create_default_context()).fetch(URL)
    assert fetched == Fetched(FetchStatus.FAILED, b"", "the web server has no address that can be asked")


@pytest.mark.parametrize(
    "url",
    [
        "http://mta-sts.example.org/x",
        "https://user@mta-sts.example.org/x",
        "https://mta-sts.example.org:444/x",
        "https://mta-sts.example.org:4430/x",
        "https://mta-sts.example.org:/x",
        "https://mta-sts.example.org/a b",
        "https://mta-sts.example.org/\r\nX: y",
        "https://mta-sts.example.org",
        "https://a..b/x",
    ],
)
async def test_other_urls_are_not_fetched(url: str) -> None:
    assert (await HttpsFetcher(ZoneResolver({})).fetch(url)).status is FetchStatus.REFUSED


@pytest.mark.parametrize(
    "url",
    ["HTTPS://mta-sts.example.org/.well-known/mta-sts.txt", "Https://MTA-STS.example.org:443/.well-known/mta-sts.txt"],
)
async def test_the_usual_port_may_be_named_and_case_is_none(authority: trustme.CA, url: str) -> None:
    """Both are the same URL (RFC 3986 §6.2), and people write records by hand."""
    async with web_server(OK + b"Content-Length: 2\r\n\r\nok", authority) as port:
        assert (await fetcher_for(port, authority).fetch(url)).body == b"ok"


async def test_a_host_that_is_not_there_is_a_failure() -> None:
    assert (await HttpsFetcher(ZoneResolver({HOST: "TIMEOUT"})).fetch(URL)).status is FetchStatus.FAILED


async def test_the_next_address_is_tried(authority: trustme.CA) -> None:
    async with web_server(OK + b"Content-Length: 2\r\n\r\nok", authority) as port:
        fetcher = fetcher_for(port, authority)
        fetcher._resolver = ZoneResolver({HOST: {"AAAA": ["::1"], "A": ["127.0.0.1"]}})
        assert (await fetcher.fetch(URL)).body == b"ok"


REPORTS = f"https://{HOST}/v1/tlsrpt?x=1"


@pytest.mark.parametrize(
    ("code", "status"), [(b"200", FetchStatus.OK), (b"201", FetchStatus.OK), (b"302", FetchStatus.REFUSED),
                         (b"413", FetchStatus.REFUSED), (b"503", FetchStatus.REFUSED), (b"xyz", FetchStatus.FAILED)]
)  # fmt: skip
async def test_a_report_is_handed_in(authority: trustme.CA, code: bytes, status: FetchStatus) -> None:
    requests: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(6))
        writer.write(b"HTTP/1.1 " + code + b" So\r\nContent-Length: 3\r\n\r\n")  # and never the three
        await writer.drain()

    async with web_server(take, authority) as port:
        fetched = await fetcher_for(port, authority).post(REPORTS, b"report", "application/tlsrpt+gzip")
    assert fetched.status is status and not fetched.body
    assert requests == [
        b"POST /v1/tlsrpt?x=1 HTTP/1.1\r\nHost: mta-sts.example.org\r\nContent-Type: application/tlsrpt+gzip\r\n"
        b"Content-Length: 6\r\nConnection: close\r\n\r\nreport"
    ]


async def test_a_report_is_handed_in_whatever_the_certificate(authority: trustme.CA) -> None:
    """RFC 8460 §3 allows it: a report of a broken certificate is about this one, perhaps."""
    async with web_server(take_all, trustme.CA(), name="elsewhere.example") as port:
        rules = FetchRules(port=port, allows_private=True)
        strict = await HttpsFetcher(ZoneResolver(ZONES), rules=rules).post(REPORTS, b"report", "text/plain")
        lax = HttpsFetcher(ZoneResolver(ZONES), rules=rules, verifies=False)
        assert strict.status is FetchStatus.UNTRUSTED
        assert (await lax.post(REPORTS, b"report", "text/plain")).status is FetchStatus.OK


async def take_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 204 So\r\n\r\n")
    await writer.drain()
