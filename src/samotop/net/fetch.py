"""Fetch an MTA-STS policy over HTTPS, hand in a TLS report, and nothing else (RFC 8461 §3.3, RFC 8460, RFC 9112).

    fetcher = HttpsFetcher(resolver)
    fetched = await fetcher.fetch("https://mta-sts.example.org/.well-known/mta-sts.txt")

One request over a connection of its own. The certificate must verify for the host
(but where a report is handed in), the status must be 200 (redirects are not followed), the type text/plain, and
the length known, so that nobody on the way can cut a policy short. What the
server says is bounded in octets and in time. Addresses that are not of the
public Internet are not asked: any domain may point its name at our neighbours.

Implements ``tlspolicy.Fetcher``: raises nothing but ``asyncio.CancelledError``.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from samotop.dns.names import normalize_name
from samotop.dns.resolver import Resolver
from samotop.tlspolicy.mtasts import POLICY_LIMIT, Fetched, FetchStatus

HEAD_LIMIT: Final = 16 * 1024
"""Octets of a response's header section; web servers refuse longer ones themselves."""
INTERIM_LIMIT: Final = 5
"""Responses of the kind "more to come" (1xx) before the real one (RFC 9110 §15.2)."""
CHUNK_LINE_LIMIT: Final = 256
"""Octets of the line before a chunk: its size, and extensions that nobody uses."""
CHUNK_LIMIT: Final = 4096
"""Chunks of a policy: of sixteen octets each at worst."""

_URL: Final = re.compile(r"(?i:https)://([A-Za-z0-9._-]{1,253})(?::443)?(/[!-~]{0,500})")
"""Any case, and the port that https has anyhow (RFC 3986 §6.2.3); no other port: a stranger names this URL."""
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: [^\r\n]*)?")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")
_LENGTH: Final = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class FetchRules:
    """Times are in seconds."""

    deadline: float = 60.0
    """For all of it (RFC 8461 §3.3 suggests a minute)."""
    connecting: float = 15.0
    """For each address, handshake included."""
    addresses: int = 4
    """Addresses of a host that are tried."""
    limit: int = POLICY_LIMIT
    """Octets of a body."""
    port: int = 443
    allows_private: bool = False
    """Ask addresses that are not of the public Internet too: for a network of one's own, and for tests."""


class _NoAnswer(Exception):
    """What to tell, instead of a body."""

    def __init__(self, status: FetchStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class HttpsFetcher:
    """Implements ``tlspolicy.Fetcher``. ``context`` has the roots to believe; by default the system's.

    One that does not verify (``verifies``) is for handing in reports alone: a report of a broken certificate has to
    get through, and tells a stranger nothing but what our mail servers saw (RFC 8460 §3).
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        context: ssl.SSLContext | None = None,
        rules: FetchRules = FetchRules(),
        verifies: bool = True,
    ) -> None:
        self._resolver = resolver
        self._context = context
        self._rules = rules
        self._verifies = verifies

    async def fetch(self, url: str) -> Fetched:
        """Get ``url``: https, a host name, no port but 443."""
        return await self._ask(url, b"GET", b"Accept: text/plain\r\n", b"")

    async def post(self, url: str, body: bytes, media_type: str) -> Fetched:
        """Hand a TLS report to a destination that wants it over HTTPS (RFC 8460 §5.4); OK where it was taken.

        ``media_type`` is ours to choose. What the server says besides its status is not read.
        """
        fields = f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n".encode("ascii")
        return await self._ask(url, b"POST", fields, body)

    async def _ask(self, url: str, method: bytes, fields: bytes, body: bytes) -> Fetched:
        parts = _URL.fullmatch(url)
        if parts is None:
            return Fetched(FetchStatus.REFUSED, reason="this URL is not asked")
        try:
            host = normalize_name(parts[1])
            head = b"%b %b HTTP/1.1\r\nHost: %b\r\n%bConnection: close\r\n\r\n"
            request = head % (method, parts[2].encode("ascii"), host.encode("ascii"), fields) + body
            async with asyncio.timeout(self._rules.deadline):
                return Fetched(FetchStatus.OK, await self._exchange(host, request, reads_body=method == b"GET"))
        except TimeoutError:
            return Fetched(FetchStatus.FAILED, reason="the web server took too long")
        except _NoAnswer as failure:
            return Fetched(failure.status, reason=str(failure))
        except ValueError:
            return Fetched(FetchStatus.REFUSED, reason="this URL is not asked")

    async def _exchange(self, host: str, request: bytes, *, reads_body: bool) -> bytes:
        async with self._connect(host) as (reader, writer):
            try:
                writer.write(request)
                await writer.drain()
                if reads_body:
                    return await _read_response(reader, self._rules.limit)
                code, _ = await _read_head(reader)
            except (OSError, EOFError, asyncio.LimitOverrunError) as error:  # EOFError: IncompleteReadError
                raise _NoAnswer(FetchStatus.FAILED, "the web server broke off or spoke nonsense") from error
            if not code.startswith(b"2"):
                raise _NoAnswer(FetchStatus.REFUSED, f"the web server answered {code.decode()}")
            return b""

    @asynccontextmanager
    async def _connect(self, host: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        if self._context is None:
            self._context = ssl.create_default_context()
            self._context.minimum_version = ssl.TLSVersion.TLSv1_2
            if not self._verifies:
                self._context.check_hostname = False
                self._context.verify_mode = ssl.CERT_NONE
        reason = "the web server cannot be reached"
        for address in await self._find_addresses(host):
            try:
                async with asyncio.timeout(self._rules.connecting):
                    reader, writer = await asyncio.open_connection(
                        address, self._rules.port, ssl=self._context, server_hostname=host, limit=HEAD_LIMIT
                    )
            except ssl.SSLCertVerificationError as error:
                raise _NoAnswer(FetchStatus.UNTRUSTED, "the web server has no valid certificate") from error
            except (OSError, TimeoutError):  # an SSLError is an OSError
                continue
            try:
                yield reader, writer
            finally:
                writer.transport.abort()
            return
        raise _NoAnswer(FetchStatus.FAILED, reason)

    async def _find_addresses(self, host: str) -> list[str]:
        found: list[str] = []
        for kind in ("AAAA", "A"):
            answer = await self._resolver.lookup(host, kind)
            names = [name for name in answer.names if self._rules.allows_private or ip_address(name).is_global]
            found += names[: self._rules.addresses // 2]
        if not found:
            raise _NoAnswer(FetchStatus.FAILED, "the web server has no address that can be asked")
        return found


async def _read_response(reader: asyncio.StreamReader, limit: int) -> bytes:
    """The body of a good response. Raises ``_NoAnswer``, and what a stream raises."""
    code, lines = await _read_head(reader)
    if code != b"200":
        raise _NoAnswer(FetchStatus.REFUSED, f"the web server answered {code.decode()}")
    fields = _read_fields(lines)
    if fields.get("content-type", "").partition(";")[0].strip().lower() != "text/plain":
        raise _NoAnswer(FetchStatus.REFUSED, "the policy is not text/plain")
    if fields.get("content-encoding", "identity").lower() != "identity":
        raise _NoAnswer(FetchStatus.REFUSED, "the policy is encoded")
    coding, length = fields.get("transfer-encoding"), fields.get("content-length", "")
    if coding is not None:
        if coding.lower() != "chunked":
            raise _NoAnswer(FetchStatus.REFUSED, "the policy is encoded")
        return await _read_chunks(reader, limit)
    if not _LENGTH.fullmatch(length):
        raise _NoAnswer(FetchStatus.REFUSED, "the web server does not say how long it is")
    if int(length) > limit:
        raise _NoAnswer(FetchStatus.REFUSED, f"the policy is larger than {limit} octets")
    return await reader.readexactly(int(length))


async def _read_head(reader: asyncio.StreamReader) -> tuple[bytes, list[bytes]]:
    """The code and the field lines of the first response that is not interim."""
    code, lines = b"", list[bytes]()
    for _ in range(INTERIM_LIMIT + 1):
        status_line, *lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
        status = _STATUS.fullmatch(status_line)
        if status is None:
            raise _NoAnswer(FetchStatus.FAILED, "the web server broke off or spoke nonsense")
        code = status[1]
        if not code.startswith(b"1"):
            break
    return code, lines


def _read_fields(lines: list[bytes]) -> dict[str, str]:
    """The fields of a response by name; raises ``_NoAnswer`` where one that matters stands twice, or is none."""
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        key = name.lower()
        is_twice = key in fields and key in ("content-type", "content-encoding", "content-length", "transfer-encoding")
        if not colon or not name or name != name.strip() or is_twice:
            raise _NoAnswer(FetchStatus.FAILED, "the web server broke off or spoke nonsense")
        fields[key] = value.strip(" \t")
    return fields


async def _read_chunks(reader: asyncio.StreamReader, limit: int) -> bytes:
    """A body in chunks (RFC 9112 §7.1). What comes after the last one is not read."""
    body = bytearray()
    for _ in range(CHUNK_LIMIT):
        line = await reader.readuntil(b"\r\n")
        size = _CHUNK.fullmatch(line[:-2]) if len(line) <= CHUNK_LINE_LIMIT else None
        if size is None:
            break
        count = int(size[1], 16)
        if count == 0:
            return bytes(body)
        if len(body) + count > limit:
            raise _NoAnswer(FetchStatus.REFUSED, f"the policy is larger than {limit} octets")
        body += await reader.readexactly(count)
        if await reader.readexactly(2) != b"\r\n":
            break
    raise _NoAnswer(FetchStatus.FAILED, "the web server broke off or spoke nonsense")
