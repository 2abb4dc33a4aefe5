"""Asking name servers: one question, one answer as it came over the wire.

    exchange = Exchange([parse_name_server("127.0.0.1:5353")])
    message = await exchange.ask("example.org", "MX")

Servers are asked in their order, one after another, for some rounds; a server
that did not answer goes to the end of the order for a while. UDP, then TCP if
the answer is truncated or looks forged (RFC 7766 §5, RFC 5452); or TLS, and
then nothing else: whoever configured it does not want the question to be seen
(RFC 7858, RFC 8310 §5, the strict profile).

Does not cache, follow aliases or validate: see ``net.resolver`` and
``net.validating``. What it returns is the answer to the question asked, with
the code NOERROR or NXDOMAIN, as ``net.messages`` reads it (no additional section); nothing else of it has been
checked. Raises ``NoAnswer`` when there is none and ``ValueError`` for a name
or type that cannot be asked.

Bounds: one deadline for all tries, a limit on questions under way and on those
that wait for their turn; a message
that takes more than some milliseconds to read is not read to its end.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from samotop.dns.answer import Status
from samotop.errors import PeerError
from samotop.net.datagrams import Doubtful, ask_by_datagram
from samotop.net.messages import BadAnswer, parse_answer
from samotop.net.nameservers import NameServer
from samotop.net.once import Once
from samotop.net.pipeline import Broken, Pipeline, open_pipeline
from samotop.net.questions import Question, is_truncated

SHUN: Final = 30.0
"""Seconds for which a server that did not answer is asked last; it may just have been restarted."""

_NO_EDNS: Final = frozenset({dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS})
"""What servers that do not know EDNS say to it (RFC 6891 §7)."""


class NoAnswer(PeerError):
    """Nobody answered in time (``TIMEOUT``), or those who did could not or would not say (``SERVFAIL``)."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"no answer: {status.value}")
        self.status = status


@dataclass(frozen=True, slots=True)
class ExchangeRules:
    """Times are in seconds. ``try_timeout`` is for one try at one server, ``deadline`` for all tries together."""

    try_timeout: float = 2.0
    attempts: int = 2
    deadline: float = 8.0
    idle: float = 10.0
    """A connection without questions is kept for so long."""
    in_flight: int = 256
    """Questions under way at once; each one by UDP has a socket."""
    waiting: int = 8192
    """Questions that wait for their turn; one more is not asked at all."""
    mixes_case: bool = True
    """Over UDP, make answers harder to forge by letters in mixed case."""


class _Refused(Exception):
    """The server answered, and would not say: asking it again is no use."""


class _Place:
    """A server and what is known of it."""

    __slots__ = ("pipeline", "server", "shunned_until")

    def __init__(self, server: NameServer) -> None:
        self.server = server
        self.pipeline: Pipeline | None = None
        self.shunned_until = 0.0


class Exchange:
    """Asks ``servers``. For one event loop.

    ``tls`` is the context for DNS over TLS; without one, certificates are
    verified against the system's roots.
    """

    def __init__(
        self,
        servers: Sequence[NameServer],
        *,
        rules: ExchangeRules = ExchangeRules(),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if not servers:
            raise ValueError("there is no server to ask")
        self._rules = rules
        self._places = [_Place(server) for server in servers]
        self._tls = tls
        if tls is None and any(server.is_tls for server in servers):
            self._tls = make_tls_context()
        self._room = asyncio.Semaphore(rules.in_flight)
        self._waiting = 0
        self._opening: Once[NameServer, Pipeline] = Once()
        self._is_closed = False

    async def ask(self, name: str, type: str, *, wants_signatures: bool = False) -> dns.message.Message:
        """The answer to one question. Raises ``NoAnswer``, ``ValueError`` for what cannot be asked.

        ``wants_signatures`` asks with DO and CD: signatures come along, and a
        server that validates does not judge (RFC 4035 §3.2). Without it AD is
        asked for, and says what the server thinks (RFC 6840 §5.7).
        """
        question = Question.ask(name, type, wants_signatures=wants_signatures)
        if self._waiting >= self._rules.waiting:
            raise NoAnswer(Status.SERVFAIL)
        ends_at = asyncio.get_running_loop().time() + self._rules.deadline
        await self._enter()
        try:
            return await self._ask_servers(question, ends_at)
        finally:
            self._room.release()

    async def close(self) -> None:
        """End all connections. What is under way fails at its next step, what comes is refused."""
        self._is_closed = True
        for place in self._places:
            if place.pipeline is not None:
                place.pipeline.close()
        await asyncio.sleep(0)  # transports end in the loop's next round

    async def _enter(self) -> None:
        if not self._room.locked():
            await self._room.acquire()  # at once
            return
        self._waiting += 1
        try:
            async with asyncio.timeout(self._rules.deadline):
                await self._room.acquire()
        except TimeoutError:
            raise NoAnswer(Status.TIMEOUT) from None
        finally:
            self._waiting -= 1

    async def _ask_servers(self, question: Question, ends_at: float) -> dns.message.Message:
        loop = asyncio.get_running_loop()
        failure = Status.TIMEOUT
        refusing: set[NameServer] = set()
        for _ in range(self._rules.attempts):
            for place in sorted(self._places, key=lambda place: place.shunned_until > loop.time()):
                left = ends_at - loop.time()
                if left <= 0 or self._is_closed:
                    raise NoAnswer(failure)
                if place.server in refusing:
                    continue
                try:
                    message = await self._ask_place(place, question, min(left, self._rules.try_timeout))
                except (_Refused, BadAnswer):
                    failure = Status.SERVFAIL
                    refusing.add(place.server)
                except (OSError, TimeoutError):
                    place.shunned_until = loop.time() + SHUN
                else:
                    place.shunned_until = 0.0
                    return message
        raise NoAnswer(failure)

    async def _ask_place(self, place: _Place, question: Question, timeout: float) -> dns.message.Message:
        """One try at one server. Raises ``OSError``, ``TimeoutError``, ``BadAnswer`` and ``_Refused``."""
        message = parse_answer(await self._fetch(place, question, timeout))
        code = message.rcode()
        if code in _NO_EDNS and question.has_edns and not question.wants_signatures:
            message = parse_answer(await self._fetch(place, replace(question, has_edns=False), timeout))
            code = message.rcode()
        if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) or _is_referral(message):
            raise _Refused
        return message

    async def _fetch(self, place: _Place, question: Question, timeout: float) -> bytes:
        """The octets of an answer that matches, not truncated."""
        if not place.server.is_tls:
            asked = question.mix_case() if self._rules.mixes_case else question
            try:
                octets = await ask_by_datagram(place.server, asked, timeout)
            except Doubtful:
                pass
            else:
                if not is_truncated(octets):
                    return question.restore_case(octets)
        octets = await self._ask_by_stream(place, question, timeout)
        if is_truncated(octets):
            raise BadAnswer("an answer is truncated over TCP")
        return octets

    async def _ask_by_stream(self, place: _Place, question: Question, timeout: float) -> bytes:
        pipeline = place.pipeline
        if pipeline is not None and pipeline.is_open:
            try:
                return await pipeline.ask(question, timeout)
            except Broken:
                pass  # a server may end an idle connection just when we use it again: that is no failure of its
        pipeline = await self._opening.run(place.server, lambda: self._open(place, timeout))
        return await pipeline.ask(question, timeout)

    async def _open(self, place: _Place, timeout: float) -> Pipeline:
        if place.pipeline is not None and place.pipeline.is_open:
            return place.pipeline  # somebody else has just opened it
        tls = self._tls if place.server.is_tls else None
        place.pipeline = await open_pipeline(place.server, tls, timeout=timeout, idle=self._rules.idle)
        if self._is_closed:
            place.pipeline.close()
        return place.pipeline


def make_tls_context() -> ssl.SSLContext:
    """For DNS over TLS: TLS 1.2 at least, the system's roots, the name or address checked.

    Reads files, and so blocks shortly.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["dot"])  # what IANA has for RFC 7858
    return context


def _is_referral(message: dns.message.Message) -> bool:
    """A server that does not answer for others sends us on instead (RFC 1034 §4.3.1); a stub does not go there."""
    return (
        not message.answer
        and not message.flags & (dns.flags.AA | dns.flags.RA)
        and any(rrset.rdtype == dns.rdatatype.NS for rrset in message.authority)
        and not any(rrset.rdtype == dns.rdatatype.SOA for rrset in message.authority)
    )
