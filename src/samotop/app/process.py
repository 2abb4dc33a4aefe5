"""The parts of one server process, and the order in which they begin and end.

What is decided is in ``deciders``, how the relay is made in ``relaying``.
Raises ``SetupError`` and ``TryAgainLater`` as ``samotop.app`` says.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import apsw

from samotop.address import Address
from samotop.app.checking import Checkers
from samotop.app.companions import open_companions
from samotop.app.consent import Consenting
from samotop.app.deciders import Deciders
from samotop.app.expansions import open_expansions
from samotop.app.nexthops import open_cut_through
from samotop.app.policing import Policing
from samotop.app.relaying import relay_parts
from samotop.app.reminder import Reminder
from samotop.app.reporters import Reportings
from samotop.app.tls import MAIL_PROTOCOLS, WEB, load_tls, wants_tls
from samotop.app.web import OwnWeb
from samotop.config.shapes import CHECKING_PROTOCOLS, Config
from samotop.delivery.compose import Relaying
from samotop.delivery.cutthrough import CutThrough
from samotop.delivery.service import Delivery
from samotop.dns.resolver import OpenResolver, Resolver
from samotop.envelope import Recipient
from samotop.errors import TryAgainLater
from samotop.net.clock import SystemClock
from samotop.net.descriptors import fitting_sessions, raise_limit
from samotop.net.endpoint import Stdio, Tcp
from samotop.net.listen import Listener as OpenListener
from samotop.net.listen import ProtocolFactory, open_listener
from samotop.net.tls import Reload
from samotop.observe.log import Log
from samotop.parts import open_resolver_of
from samotop.places import Places
from samotop.ports import Spool
from samotop.queue.entry import Pending
from samotop.reception.context import Context, Logins
from samotop.reception.gate import Gate
from samotop.reception.inquiry import InquiryRules, ResolverInquirer
from samotop.reception.login import LoginRules
from samotop.reception.service import Reception
from samotop.reception.transcript import Transcript
from samotop.reception.usage import Usages
from samotop.routing.destinations import Local
from samotop.routing.router import Router
from samotop.store.accounts import SqliteAccounts
from samotop.store.database import Database
from samotop.store.passwords import PasswordChecker
from samotop.store.secrets import keep_secret
from samotop.store.spool import SqliteSpool
from samotop.store.tallies import SqliteTallies
from samotop.terms import listener_terms, reception_rules, routing_rules

INQUIRED_PROTOCOLS: Final = ("smtp", "lmtp", *CHECKING_PROTOCOLS)
"""Of them those on which strangers write; who submits logs in."""

LOOK_SECONDS: Final = 1.0
"""How often a running server looks for what others changed: the queue, the certificate's files."""

FLUSH_SECONDS: Final = 60.0
"""How often it is written down what accounts have sent today, and who was asked to come back."""

SILENCE_SECONDS: Final = 600.0
"""How often it is told, at most, that DNS does not answer, or that there is no room for mail."""

STOP_SECONDS: Final = 9.0
LEAST_PATIENCE: Final = 0.5
"""For the spool to write what waits, within the 10 s that we have to stop; the rest of them, and at least."""


class Process:
    """The parts of one server process. Made in a thread (it opens files), started and stopped on the loop."""

    def __init__(
        self, config: Config, home: Path, log: Log, loop: asyncio.AbstractEventLoop, slot: int, workers: int
    ) -> None:
        self._config = config
        self._log = log
        self._loop = loop
        self._slot = slot
        self._workers = workers
        self._clock = SystemClock()
        self._database = Database(str(home / "state.db"))
        self._spool = SqliteSpool(
            self._database,
            str(home / "spool"),
            self._clock,
            loop.call_soon_threadsafe,
            slot=slot,
            on_stored=lambda entries: self._delivery.submit(entries),
        )
        if slot == 0:
            self._spool.adopt(workers)
        accounts = SqliteAccounts(self._database, self._clock)
        self._router = Router(routing_rules(config), accounts)
        self._expansions = open_expansions(config, home, self._router, self._spool, self._clock, loop, log)
        self._door: Spool = self._spool if self._expansions is None else self._expansions.spool
        places = Places(config, home, accounts, self._clock)
        self._parts = relay_parts(config, home, self._database, self._router)
        self._relaying = Relaying(self._parts, self._door, self._spool, self._clock, loop, log)
        self._cut_through: CutThrough | None = None
        self._delivery = Delivery(
            self._spool,
            self._router,
            places.find,
            self._clock,
            loop,
            log,
            notifier=self._relaying.notifier,
            find_hop=self._relaying.find_hop,
            complete=self._relaying.complete,
        )
        self._passwords = PasswordChecker(self._clock)
        self._tls = load_tls(config, home, self._clock) if any(map(wants_tls, config.listeners)) else None
        secret = keep_secret(home / "keys" / "login.secret")  # makes unknown accounts look like known ones
        self._usages = Usages(SqliteTallies(self._database, "submission"), secret)
        book = None if self._expansions is None else self._expansions.book
        self._consenting = Consenting(config, home, self._database, self._router, self._clock, loop, log, book)
        self._policing = Policing(config, home, self._router, self._clock, loop, log)
        self._deciders = Deciders(
            config, self._router, self._usages, self._clock, self._policing, self._expansions, self._consenting
        )
        self._flush: asyncio.Task[None] | None = None
        self._flushed_at = 0.0
        rules = reception_rules(config, workers, fitting_sessions(raise_limit()))
        companions = open_companions(config, self._door, loop, log)
        self._context = Context(
            hostname=config.hostname,
            loop=loop,
            clock=self._clock,
            spool=companions.spool,
            stages=companions.join(self._deciders.stages),
            rules=rules,
            gate=Gate(rules.sessions, rules.sessions_per_address),
            tls=self._tls,
            logins=Logins(accounts, self._passwords, LoginRules(secret, frozenset(config.domains))),
            log=log,
            exempt=config.policy.exempt,
            needs_names=self._policing.checks.needs_names,
            needs_sender=True,
            transcript=Transcript(sys.stdout) if any(r.via.kind == "console" for r in config.routes) else None,
        )
        self._reception = Reception(self._context)
        self._checkers = Checkers(
            config,
            self._deciders.stages,
            self._door,
            self._is_ours,
            self._policing.checks.needs_names,
            self._clock,
            loop,
            log,
        )
        self._web = OwnWeb(config, home, self._clock, loop, log, self._tls)
        self._resolver: OpenResolver | None = None
        self._inquirer: ResolverInquirer | None = None
        self._reportings = Reportings(
            config, home, self._database, self._door, self._may_send, self._clock, loop, log, sends=slot == 0
        )
        self._reminder = Reminder(self._database, self._clock, log) if slot == 0 else None
        self._home = home
        self._places = places
        self._listeners: list[OpenListener] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_blind = False
        self._silence_told_at = float("-inf")
        self._fullness_told_at = float("-inf")

    @property
    def addresses(self) -> list[str]:
        return [address for listener in self._listeners for address in listener.addresses]

    @property
    def serves_stdio_alone(self) -> bool:
        """Is there nobody to wait for once the session on standard input and output is over?"""
        served = [one for one in self._config.listeners if one.protocol in (*MAIL_PROTOCOLS, WEB, *CHECKING_PROTOCOLS)]
        return all(isinstance(one.address, Stdio) for one in served)

    async def until_over(self) -> None:
        """Until the last session has ended."""
        await self._context.emptied.wait()

    async def start(self) -> None:
        """Recover the queue, deliver what waits, listen."""
        await asyncio.to_thread(self._spool.start)
        self._resolver = open_resolver_of(self._config.dns, self._home, on_blind=lambda: self._log.info("dns_unsigned"))
        self._relaying.begin(
            self._delivery, self._resolver, observer=self._reportings.begin_tls(self._resolver), renews=self._slot == 0
        )
        await self._delivery.start()
        self._inquire(self._resolver)
        self._cut_through = open_cut_through(
            self._config, self._parts, self._router, self._expansions, self._resolver, self._loop, self._log
        )
        self._context.next_hops = self._cut_through
        self._reception.start()
        await self._web.start()
        for listen in self._config.listeners:
            if self._slot > 0 and not isinstance(listen.address, Tcp):
                continue
            factory: ProtocolFactory
            if listen.protocol in MAIL_PROTOCOLS:
                factory = self._reception.factory(listener_terms(listen, self._config))
            elif listen.protocol == WEB:
                factory = self._web.factory(listen)
            elif listen.protocol in CHECKING_PROTOCOLS:
                factory = self._checkers.factory(listen)
            else:
                continue
            opened = await open_listener(listen.address, factory, reuse_port=self._workers > 1)
            self._listeners.append(opened)
        self._timer = self._loop.call_later(LOOK_SECONDS, self._tick)

    def _inquire(self, resolver: Resolver) -> None:
        """From now on find out who writes, where somebody could."""
        if not any(one.protocol in INQUIRED_PROTOCOLS for one in self._config.listeners):
            return
        policy = self._config.policy
        rules = InquiryRules(policy.authentication_wait, frozenset(policy.trusted_sealers), policy.dnsbl)
        hostname = self._config.hostname
        self._inquirer = ResolverInquirer(
            resolver, self._loop, self._clock, hostname, rules, on_silence=self._tell_silence
        )
        self._context.inquirer = self._inquirer
        self._checkers.inquire(self._inquirer)
        reporting = self._reportings.begin_dmarc(resolver)
        if reporting is not None:
            self._deciders.observers.append(reporting.note)

    def _is_ours(self, address: Address) -> bool:
        """Has it a mailbox here, or stands for addresses?"""
        if self._expansions is not None and self._expansions.book.expands(address):
            return True
        return isinstance(self._router.resolve(address), Local)

    def _may_send(self, address: Address) -> bool:
        """Can mail be delivered there at all?"""
        if self._expansions is not None and self._expansions.book.expands(address):
            return True
        destination = self._router.resolve(address)
        hop = self._relaying.find_hop(destination, Pending(Recipient(address)))
        return hop is not None or self._places.find(destination) is not None

    def _tell_silence(self) -> None:
        """DNS answers nothing: mail is accepted meanwhile, and nobody knows who wrote it."""
        now = self._clock.monotonic()
        if now - self._silence_told_at >= SILENCE_SECONDS:
            self._silence_told_at = now
            self._log.error("dns_silent")

    def _tell_fullness(self) -> None:
        """Every message is deferred for want of room on the disk, and only their senders know."""
        now = self._clock.monotonic()
        if self._slot == 0 and now - self._fullness_told_at >= SILENCE_SECONDS and not self._spool.room(0):
            self._fullness_told_at = now
            self._log.warning("no_room")

    async def stop(self) -> None:
        """Finish what is under way; what is queued stays queued."""
        began = self._loop.time()
        if self._timer is not None:
            self._timer.cancel()
        for listener in self._listeners:
            listener.close()
        # At the same time: each may take most of the 10 s that we have. What is accepted meanwhile stays queued.
        await asyncio.gather(self._reception.stop(), self._delivery.stop(), self._web.stop(), self._checkers.stop())
        if self._cut_through is not None:
            await self._cut_through.close()
        if self._flush is not None:
            await self._flush
        await self._consenting.stop()
        await self._policing.stop()
        await self._flush_usages()
        await self._reportings.stop()
        if self._inquirer is not None:
            self._inquirer.close()
        self._relaying.close()
        if self._resolver is not None:
            await self._resolver.close()
        self._spool.begin_close()
        patience = max(LEAST_PATIENCE, STOP_SECONDS - (self._loop.time() - began))
        has_ended = await asyncio.to_thread(self._spool.close, patience)
        await asyncio.sleep(0)  # the last callbacks of the spool
        if self._context.transcript is not None:
            await asyncio.to_thread(self._context.transcript.close)
        self._passwords.close()
        if has_ended:
            self._database.close()
        else:  # it may be in use: the disk hangs. What was not written was never acknowledged.
            self._log.error("spool_not_closed")

    def _tick(self) -> None:
        self._timer = self._loop.call_later(LOOK_SECONDS, self._tick)
        if self._clock.monotonic() - self._flushed_at >= FLUSH_SECONDS and (self._flush is None or self._flush.done()):
            self._flushed_at = self._clock.monotonic()
            self._flush = self._loop.create_task(self._flush_usages())
        self._tell_fullness()
        self.look()

    async def _flush_usages(self) -> None:
        """Write down what is counted and remembered; what the store does not take is kept for the next time."""
        with suppress(TryAgainLater):
            await asyncio.to_thread(self._usages.flush, self._clock.time())
        with suppress(TryAgainLater):
            await asyncio.to_thread(self._consenting.flush)
        if self._reminder is not None:
            await asyncio.to_thread(self._reminder.look)

    def look(self) -> None:
        """Take up what somebody else has changed: entries of the queue, decisions, the certificate's files."""
        self._consenting.look()
        self._policing.look()
        try:
            has_changed = self._spool.changed()
        except (OSError, apsw.Error) as error:  # what the server knows already still goes on
            if not self._is_blind:
                self._log.error("state_unreadable", error=error)
            self._is_blind = True
        else:
            if self._is_blind:
                self._log.info("state_readable")
                has_changed = True
            self._is_blind = False
            if has_changed:
                self._delivery.poke()
        if self._expansions is not None:
            self._expansions.look()
        found = Reload.UNCHANGED if self._tls is None else self._tls.reload_if_changed()
        if found is not Reload.UNCHANGED:
            self._log.info("certificate_" + found.value)
        self._web.look(is_renewed=found is Reload.RELOADED)
