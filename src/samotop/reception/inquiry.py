"""Finding out who writes, while the message still arrives.

Each method begins as soon as what it needs is known: the peer's names at
hello (who only connects is not worth a question), SPF at MAIL, keys and the
author's policy once the header section is complete. Signatures are computed over the
content as it passes. What is left at the end of the content is waiting for
DNS, for ``InquiryRules.patience`` seconds in all; what has not come by then
is a ``temperror``.

Everything here lives on the event loop. Raises nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any, Final, TypeVar

from samotop.address import Address, ReversePath
from samotop.dns.answer import Answer
from samotop.dns.resolver import Resolver
from samotop.msgauth import arc, dkim, dmarc, hello, iprev, listing, spf
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.author import Author, find_author
from samotop.msgauth.explanation import find_explanation, is_explanation_open
from samotop.msgauth.field import format_authentication
from samotop.msgauth.results import Result
from samotop.msgauth.signature.body import BodyHashes
from samotop.msgauth.signature.fields import HeaderTaker, SignedHeader
from samotop.msgauth.signature.keys import trim_answer
from samotop.net.threads import DaemonPool
from samotop.peer import Peer
from samotop.ports.clock import Clock
from samotop.ports.inquiry import Early, Inquired
from samotop.reception.patience import PatientResolver

FEW_KEYS: Final = 4
"""Signatures that are verified on the loop: each takes some 50 us. More go to a thread."""

SOON: Final = 1.0
"""Seconds that the first recipient of a message waits for SPF: most answers take a tenth of that."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class InquiryRules:
    """``patience``: seconds that the end of a content waits for DNS. ``trusted_sealers``: domains whose ARC counts.

    ``blocklists`` are asked about each peer (RFC 5782).
    """

    patience: float = 5.0
    trusted_sealers: frozenset[str] = frozenset()
    blocklists: tuple[str, ...] = ()


class ResolverInquirer:
    """Implements ``ports.Inquirer`` over a ``Resolver``, for one event loop. ``close`` ends its thread.

    ``on_silence`` is called for a message about which DNS has answered nothing.
    """

    def __init__(
        self,
        resolver: Resolver,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        hostname: str,
        rules: InquiryRules = InquiryRules(),
        *,
        on_silence: Callable[[], None] = lambda: None,
    ) -> None:
        self.resolver = resolver
        self.on_silence = on_silence
        self.loop = loop
        self.clock = clock
        self.hostname = hostname
        self.rules = rules
        self.pool = DaemonPool(1, "samotop-verify")

    def greeted(self, peer: Peer, name: str) -> _PeerInquiry | None:
        """Ask about a peer that calls itself ``name``; ``None`` where it has no IP address to ask about."""
        try:
            ip_address(peer.address)
        except ValueError:
            return None
        return _PeerInquiry(self, peer.address, name)

    def close(self) -> None:
        self.pool.close(cancels=True)


class _PeerInquiry:
    """What DNS says of a peer, and of the name it gives itself."""

    __slots__ = ("_hello", "_inquirer", "_iprev", "_listings", "_resolver", "address", "name")

    def __init__(self, inquirer: ResolverInquirer, address: str, name: str) -> None:
        self.address = address
        self.name = name
        self._inquirer = inquirer
        self._resolver = PatientResolver(inquirer.resolver)
        self._iprev = inquirer.loop.create_task(iprev.verify(address, self._resolver))
        self._hello = inquirer.loop.create_task(hello.evaluate(name, address, self._resolver))
        self._listings = [
            inquirer.loop.create_task(listing.lookup(address, zone, self._resolver))
            for zone in inquirer.rules.blocklists
        ]

    def mail(self, reverse_path: ReversePath) -> _MailInquiry:
        """A transaction begins."""
        return _MailInquiry(self._inquirer, self, reverse_path)

    async def finish(self, patience: float) -> tuple[iprev.IprevResult | None, hello.HelloResult | None]:
        """The results; waits ``patience`` seconds at most."""
        await self._resolver.wait((self._iprev, self._hello), patience)
        return _result_of(self._iprev), _result_of(self._hello)

    async def listings(self, patience: float) -> tuple[listing.Listing, ...]:
        """What block lists say; one that is not back after ``patience`` seconds has no opinion."""
        await self._resolver.wait(self._listings, patience)
        return tuple(found for task in self._listings if (found := _result_of(task)) is not None)

    def close(self) -> None:
        """Nobody wants to know any more."""
        for task in (self._iprev, self._hello, *self._listings):
            task.cancel()


class _MailInquiry:
    """What is found out about one message: ``feed`` its content, then ``finish``; ``close`` in any case."""

    __slots__ = (
        "_arc",
        "_author",
        "_bodies",
        "_dkim",
        "_header",
        "_inquirer",
        "_keys",
        "_peer",
        "_policy",
        "_resolver",
        "_spf",
        "_walks",
    )

    def __init__(self, inquirer: ResolverInquirer, peer: _PeerInquiry, reverse_path: ReversePath) -> None:
        self._inquirer = inquirer
        self._peer = peer
        self._resolver = PatientResolver(inquirer.resolver)
        path = f"{reverse_path.local}@{reverse_path.domain}" if isinstance(reverse_path, Address) else ""
        now = inquirer.clock.time()
        receiver = inquirer.hostname
        self._spf = self._begin(spf.evaluate(peer.address, peer.name, path, self._resolver, receiver=receiver, now=now))
        self._header = HeaderTaker()
        self._bodies = BodyHashes()  # for both: most signatures want the same
        self._dkim = dkim.Verifier(dkim.WHOLE_BODY, self._bodies)
        self._arc = arc.Verifier(bodies=self._bodies)
        self._keys: dict[str, asyncio.Task[Answer]] = {}
        self._author: Author | None = None
        self._policy: asyncio.Task[dmarc.DmarcResult] | None = None
        self._walks: dict[str, dmarc.Walk] = {}

    def feed(self, chunk: bytes) -> None:
        """The next octets of the content."""
        is_known = self._header.section is not None
        body = self._header.feed(chunk)
        if not is_known and self._header.section is not None:
            self._ask(self._header.section)
        if body:
            self._bodies.feed(body)

    def _ask(self, section: bytes) -> None:
        """The header section is complete: ask for keys, and for what the author's domain wishes."""
        header = SignedHeader(section, is_too_long=self._header.is_too_long)
        for verifier in (self._dkim, self._arc):
            verifier.begin(header)
        for name in dict.fromkeys((*self._dkim.queries, *self._arc.queries)):
            self._keys[name] = self._begin(self._lookup_key(name))
        self._author = find_author(section)
        if self._author.domains or self._author.claimed:
            # For its questions alone: they take the time that the body takes to come.
            self._policy = self._begin(dmarc.evaluate_author(self._author, None, (), self._resolver, self._walks))

    async def _lookup_key(self, name: str) -> Answer:
        return trim_answer(await self._resolver.lookup(name, "TXT"))

    async def early(self) -> Early:
        """What is known before the content comes."""
        monotonic = self._inquirer.clock.monotonic
        ends_at = monotonic() + self._inquirer.rules.patience
        found = await self._peer.finish(ends_at - monotonic())
        listings = await self._peer.listings(ends_at - monotonic())
        await self._resolver.wait((self._spf,), ends_at - monotonic())
        return Early(Authentication(*found, _result_of(self._spf)), listings)

    def known(self) -> Early | None:
        """What SPF says, if that is known by now: nearly always, where DNS was asked before."""
        return Early(Authentication(spf=_result_of(self._spf))) if self._spf.done() else None

    async def soon(self) -> Early:
        """What SPF says, if it does so soon. What has not come by then is still waited for at the content's end."""
        await asyncio.wait((self._spf,), timeout=SOON)
        return Early(Authentication(spf=_result_of(self._spf) if self._spf.done() else None))

    async def finish(self) -> Inquired:
        """All results, once the whole content was fed."""
        found = await self._finish()
        if found.iprev is not None and found.spf is not None:
            if found.iprev.result is found.spf.result is Result.TEMPERROR:
                self._inquirer.on_silence()
        results = format_authentication(found, self._inquirer.hostname, self._peer.address)
        return Inquired(found, results, found.iprev.name if found.iprev is not None else "")

    async def _finish(self) -> Authentication:
        monotonic = self._inquirer.clock.monotonic
        ends_at = monotonic() + self._inquirer.rules.patience
        if self._header.section is None:
            self._ask(self._header.finish())
        self._bodies.finish()
        asked: list[asyncio.Task[Any]] = [self._spf, *self._keys.values()]
        if self._policy is not None:
            asked.append(self._policy)
        peer_results = await self._peer.finish(ends_at - monotonic())
        await self._resolver.wait(asked, ends_at - monotonic())
        dkim_results, arc_result = await self._verify()
        spf_result, signatures = _result_of(self._spf), tuple(dkim_results)
        assert self._author is not None, "the header section is complete"
        evaluation = dmarc.evaluate_author(self._author, spf_result, signatures, self._resolver, self._walks)
        policy = await self._resolver.run(evaluation, ends_at - monotonic())
        found = Authentication(*peer_results, spf_result, signatures, arc_result, self._author, policy)
        if policy.result is not Result.FAIL:
            return found  # there is nothing to explain
        sealers = self._inquirer.rules.trusted_sealers
        return replace(
            found,
            explained_by=find_explanation(found, sealers),
            might_be_explained=is_explanation_open(found, sealers),
        )

    async def _verify(self) -> tuple[list[dkim.DkimResult], arc.ArcResult]:
        answers = {name: answer for name, task in self._keys.items() if (answer := _result_of(task)) is not None}
        now = self._inquirer.clock.time()

        def verify() -> tuple[list[dkim.DkimResult], arc.ArcResult]:
            return self._dkim.finish(answers, now), self._arc.finish(answers, now)

        if len(self._keys) <= FEW_KEYS:
            return verify()
        return await asyncio.wrap_future(self._inquirer.pool.submit(verify), loop=self._inquirer.loop)

    def _begin(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return self._inquirer.loop.create_task(coroutine)

    def close(self) -> None:
        """The transaction is over, or will bring no message."""
        tasks: list[asyncio.Task[Any] | None] = [self._spf, self._policy, *self._keys.values()]
        for task in tasks:
            if task is not None:
                task.cancel()


def _result_of(task: asyncio.Task[T] | None) -> T | None:
    """What a finished task has found; ``None`` for one that was cancelled, or was never begun."""
    return task.result() if task is not None and task.done() and not task.cancelled() else None
