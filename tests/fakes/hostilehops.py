"""Next hops that mean no good, or are broken: the table "A hostile next hop" of docs/relay.md.

Each row is a way to behave. ``evaluate_hostile`` puts each behind a relay of its
own, with three messages for it and one for an honest server, over real
sockets and with short deadlines, and says what became of them.
``tools/relay_page.py`` writes the table, tests hold it; ``serve_hostile`` serves
rows to a whole server.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from tests.fakes.certificates import make_certificate

FLOOD_LIMIT: Final = 16 * 1024 * 1024
"""Octets that a flood writes at most: far more than sockets and our own bounds take."""
PIECE: Final = 16 * 1024
HELLO: Final = b"250-bad.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"


class Gone(Exception):
    """The client has gone, or this side has hung up."""


class Talk:
    """One session as the server: what it says and hears. ``sent`` counts octets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: Record) -> None:
        self._reader = reader
        self._writer = writer
        self.record = record

    async def say(self, octets: bytes) -> None:
        self._writer.write(octets)
        try:
            await self._writer.drain()
        except OSError:
            raise Gone from None
        self.record.sent += len(octets)

    async def line(self) -> bytes:
        """The next command."""
        try:
            line = await self._reader.readline()
        except (OSError, ValueError):
            raise Gone from None
        if not line:
            raise Gone
        return line

    async def until(self, verb: bytes, *, hello: bytes = HELLO) -> None:
        """An honest server up to and with the command ``verb``, which is left without an answer."""
        if verb == b"greeting":
            return
        await self.say(b"220 bad.example ESMTP\r\n")
        await self.serve(verb, hello)

    async def serve(self, verb: bytes = b"", hello: bytes = HELLO) -> None:
        """Answer honestly; return at ``verb``, at ``content`` within the content and at ``end`` after it."""
        while True:
            line = await self.line()
            word = line.split()[0].upper() if line.split() else b""
            if word == verb:
                return
            if word == b"EHLO":
                await self.say(hello)
            elif word == b"DATA":
                await self.say(b"354 go on\r\n")
                await self.line()
                if verb == b"content":
                    return
                while await self.line() != b".\r\n":
                    pass
                if verb == b"end":
                    return
                self.record.kept += 1
                await self.say(b"250 2.0.0 ok\r\n")
            elif word == b"QUIT":
                await self.say(b"221 bye\r\n")
                raise Gone
            else:
                await self.say(b"250 2.1.0 ok\r\n")

    async def flood(self, octets: bytes) -> None:
        """The same without end, as far as the client takes it."""
        many = octets * (PIECE // len(octets) + 1)
        while self.record.sent < FLOOD_LIMIT:
            await self.say(many)

    async def hang(self) -> None:
        """Say nothing, and keep the line."""
        while await self.line():
            pass

    async def first_octet(self) -> None:
        """Of the client's handshake."""
        if not await self._reader.read(1):
            raise Gone

    async def start_tls(self) -> None:
        try:
            await self._writer.start_tls(make_context())
        except (OSError, ssl.SSLError):
            raise Gone from None


@dataclass
class Record:
    """What a row saw of its client. ``kept`` are messages that it has acknowledged."""

    sent: int = 0
    kept: int = 0
    sessions: int = 0


Behaviour = Callable[[Talk], Awaitable[None]]


@dataclass(frozen=True)
class Row:
    """``demands_tls``: the domain has had verified TLS before. ``is_long``: its mail is more than sockets hold."""

    title: str
    behave: Behaviour
    demands_tls: bool = False
    is_long: bool = False
    record: Record = field(default_factory=Record, compare=False)


@cache
def make_context() -> ssl.SSLContext:
    import tempfile

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        context.load_cert_chain(*make_certificate("mx.bad.example").write(Path(folder)))
    return context


def hangs_up(verb: bytes) -> Behaviour:
    async def behave(talk: Talk) -> None:
        await talk.until(verb)

    return behave


def says(verb: bytes, octets: bytes, *, hello: bytes = HELLO) -> Behaviour:
    """Honest up to ``verb``; then this, and honest again."""

    async def behave(talk: Talk) -> None:
        await talk.until(verb, hello=hello)
        await talk.say(octets)
        await talk.serve()

    return behave


def floods(verb: bytes, octets: bytes) -> Behaviour:
    async def behave(talk: Talk) -> None:
        await talk.until(verb)
        await talk.flood(octets)

    return behave


def hangs(verb: bytes) -> Behaviour:
    async def behave(talk: Talk) -> None:
        await talk.until(verb)
        await talk.hang()

    return behave


def drips(verb: bytes) -> Behaviour:
    """An octet at a time, so that something always comes and nothing is ever said."""

    async def behave(talk: Talk) -> None:
        await talk.until(verb)
        await talk.say(b"250-")
        while True:
            await talk.say(b"x")
            await asyncio.sleep(0.05)

    return behave


def starts_tls(octets: bytes, then: str) -> Behaviour:
    """Offers STARTTLS and answers it so; ``then`` the handshake, or what is none."""

    async def behave(talk: Talk) -> None:
        offer = b"250-bad.example\r\n250 STARTTLS\r\n"
        await talk.until(b"STARTTLS", hello=offer)
        await talk.say(octets)
        if then == "handshake":
            await talk.start_tls()
        elif then == "garbage":
            await talk.first_octet()
            await talk.say(b"this is no TLS\r\n" * 20)
        elif then == "hang":
            await talk.hang()
        elif then == "close":
            return
        await talk.serve(hello=offer)

    return behave


async def accepts_early(talk: Talk) -> None:
    """The reply to the content together with the leave to send it."""
    await talk.until(b"DATA")
    await talk.say(b"354 go on\r\n250 2.0.0 ok\r\n")
    await talk.hang()


async def never_reads(talk: Talk) -> None:
    await talk.until(b"DATA")
    await talk.say(b"354 go on\r\n")
    await asyncio.sleep(3600)


async def answers_each_twice(talk: Talk) -> None:
    await talk.say(b"220 bad.example\r\n")
    await talk.line()
    await talk.say(HELLO)
    while True:
        await talk.line()
        await talk.say(b"250 ok\r\n250 ok\r\n")


def make_rows() -> dict[str, Row]:
    """The table."""
    size = b"250-bad.example\r\n250 SIZE %b\r\n"
    return {
        "drop-greeting": Row("hangs up before its greeting", hangs_up(b"greeting")),
        "drop-ehlo": Row("hangs up at EHLO", hangs_up(b"EHLO")),
        "drop-mail": Row("hangs up at MAIL", hangs_up(b"MAIL")),
        "drop-rcpt": Row("hangs up at RCPT", hangs_up(b"RCPT")),
        "drop-data": Row("hangs up at DATA", hangs_up(b"DATA")),
        "drop-content": Row("hangs up within the content", hangs_up(b"content")),
        "drop-end": Row("hangs up after the content, with no answer", hangs_up(b"end")),
        "drop-quit": Row("hangs up at QUIT", hangs_up(b"QUIT")),
        "hang-greeting": Row("accepts, and says nothing", hangs(b"greeting")),
        "hang-mail": Row("says nothing to MAIL", hangs(b"MAIL")),
        "hang-end": Row("says nothing to the content", hangs(b"end")),
        "never-reads": Row("asks for the content, and does not read it", never_reads, is_long=True),
        "drip-greeting": Row("greets an octet at a time, without an end", drips(b"greeting")),
        "drip-end": Row("answers the content an octet at a time, without an end", drips(b"end")),
        "nonsense-greeting": Row("greets with nonsense", says(b"greeting", b"hello, I am no mail server\r\n")),
        "nonsense-mail": Row("answers MAIL with nonsense", says(b"MAIL", b"what?\r\n")),
        "nonsense-end": Row("answers the content with nonsense", says(b"end", b"\x00\x01\x02\r\n")),
        "lines-ehlo": Row("answers EHLO in 10,000 lines", says(b"EHLO", b"250-X\r\n" * 9999 + b"250 X\r\n")),
        "endless-ehlo": Row("answers EHLO without end", floods(b"EHLO", b"250-X\r\n")),
        "endless-end": Row("answers the content without end", floods(b"end", b"250-X\r\n")),
        "endless-line": Row("answers MAIL in a line without end", floods(b"MAIL", b"2")),
        "mixed-codes": Row("changes the code within a reply", says(b"MAIL", b"250-ok\r\n550 no\r\n")),
        "nul": Row("puts NUL into a reply that accepts", says(b"MAIL", b"250 o\x00k\r\n")),
        "eight-bit": Row("puts eight-bit text into a reply that accepts", says(b"MAIL", b"250 \xe4\xff ok\r\n")),
        "eight-bit-no": Row("puts eight-bit text into a refusal", says(b"MAIL", b"550 5.7.1 \xe4\xff\x1b[2J\r\n")),
        "wrong-status": Row("refuses with the status of a success", says(b"MAIL", b"550 2.0.0 fine\r\n")),
        "354-mail": Row("says 354 to MAIL", says(b"MAIL", b"354 go on\r\n")),
        "250-data": Row("says 250 to DATA", says(b"DATA", b"250 ok\r\n")),
        "early": Row("says 250 to the content before it is there", accepts_early),
        "twice": Row("answers every command twice", answers_each_twice),
        "unasked": Row("says something unasked with the greeting", says(b"greeting", b"220 hi\r\n250 ok\r\n")),
        "421-mail": Row("says 421 to MAIL", says(b"MAIL", b"421 4.3.2 going down\r\n")),
        "554-greeting": Row("sends everybody away: 554 for a greeting", says(b"greeting", b"554 5.7.1 go away\r\n")),
        "small": Row("offers a SIZE of ten octets", says(b"EHLO", size % b"10")),
        "huge": Row("offers a SIZE of fifty digits", says(b"EHLO", size % (b"9" * 50))),
        "size-lie": Row("offers every SIZE, and refuses the content", says(b"end", b"552 5.3.4 too big\r\n")),
        "no-pipelining": Row("offers PIPELINING, and knows no MAIL", says(b"MAIL", b"500 5.5.1 what is MAIL?\r\n")),
        "stripped": Row("offers no STARTTLS where it has always had TLS", says(b"MAIL", b"250 ok\r\n"), True),
        "refused-tls": Row("offers STARTTLS, and refuses it", starts_tls(b"454 4.7.0 not now\r\n", "refused")),
        "refused-tls-known": Row(
            "the same, where it has always had TLS", starts_tls(b"454 4.7.0 not now\r\n", "refused"), True
        ),
        "garbage-tls": Row("says garbage for a handshake", starts_tls(b"220 go\r\n", "garbage")),
        "garbage-tls-known": Row("the same, where it has always had TLS", starts_tls(b"220 go\r\n", "garbage"), True),
        "hang-tls": Row("says nothing in the handshake", starts_tls(b"220 go\r\n", "hang"), True),
        "injected": Row(
            "adds a reply in the clear to that for STARTTLS (CVE-2011-0411)",
            starts_tls(b"220 go\r\n250-bad.example\r\n250 AUTH PLAIN\r\n", "handshake"),
            True,
        ),
        "other-certificate": Row(
            "shows a certificate of nobody's where it had a good one", starts_tls(b"220 go\r\n", "handshake"), True
        ),
    }


async def serve_row(row: Row) -> asyncio.Server:
    """A server on a free port of 127.0.0.1 that behaves so."""

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        row.record.sessions += 1
        with suppress(Gone, OSError, asyncio.CancelledError):
            await row.behave(Talk(reader, writer, row.record))
        with suppress(OSError):
            writer.close()

    return await asyncio.start_server(session, "127.0.0.1", 0)


async def cancel_all() -> None:
    """End what runs on this loop."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def serve_hostile(rows: Mapping[str, Row]) -> Iterator[dict[str, int]]:
    """All of them at once, in a thread of their own; their ports."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> dict[str, int]:
        servers = {name: await serve_row(row) for name, row in rows.items()}
        return {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}

    try:
        yield asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    finally:
        asyncio.run_coroutine_threadsafe(cancel_all(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()
