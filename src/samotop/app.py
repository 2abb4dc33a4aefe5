"""One server process, put together from its parts: the only place that knows all of them.

``serve`` runs one process on one event loop until it is told to stop.
``workers`` starts several of them. Raises ``SetupError`` for whatever cannot
work, before anything is listening, and ``TryAgainLater`` for a full disk.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final
from zlib import crc32

import apsw
import uvloop

from samotop.address import Address
from samotop.config.shapes import Config, Listen
from samotop.content import Content
from samotop.delivery.compose import Relaying, RelayParts
from samotop.delivery.service import Delivery
from samotop.dns.resolver import OpenResolver, Resolver
from samotop.envelope import Recipient
from samotop.errors import TryAgainLater
from samotop.facts import ContentFacts, MailFacts, RecipientFacts
from samotop.msgauth import dkim
from samotop.msgauth.author import find_author
from samotop.net.clock import SystemClock
from samotop.net.descriptors import fitting_sessions, raise_limit
from samotop.net.endpoint import Stdio, Tcp
from samotop.net.fetch import HttpsFetcher
from samotop.net.listen import Listener as OpenListener
from samotop.net.listen import open_listener
from samotop.net.networks import in_networks
from samotop.net.tls import Reload, ServerTls, TlsFiles, ensure_self_signed
from samotop.observe.log import Level, Log, open_log, watch_loop
from samotop.parts import open_resolver_of
from samotop.places import Places
from samotop.policy.dmarc import check_dmarc
from samotop.policy.loops import check_loops
from samotop.policy.recipient import check_recipient
from samotop.policy.submission import SubmissionRules, check_author, check_sender, check_usage
from samotop.queue.entry import Entry, Pending
from samotop.reception.context import Context, Logins
from samotop.reception.gate import Gate
from samotop.reception.inquiry import InquiryRules, ResolverInquirer
from samotop.reception.login import LoginRules
from samotop.reception.service import Reception
from samotop.reception.stages import Stages
from samotop.reception.transcript import Transcript
from samotop.reception.usage import Usages
from samotop.reporting.dmarc import DmarcReporting, Reporter, ReportRules
from samotop.routing.destinations import Local
from samotop.routing.router import Router
from samotop.store.accounts import SqliteAccounts
from samotop.store.database import Database
from samotop.store.faults import explained
from samotop.store.keys import DkimKeys
from samotop.store.passwords import PasswordChecker
from samotop.store.policies import SqlitePolicies
from samotop.store.spool import SqliteSpool
from samotop.store.tallies import SqliteTallies
from samotop.terms import disclosure_rules, listener_terms, reception_rules, routing_rules
from samotop.verdict import ABSTAIN, Action, Verdict
from samotop.workers import supervise

MAIL_PROTOCOLS: Final = ("smtp", "submission", "lmtp")
"""What this release listens for; the configuration may name more."""

INQUIRED_PROTOCOLS: Final = ("smtp", "lmtp")
"""Of them those on which strangers write; who submits logs in."""

LOOK_SECONDS: Final = 1.0
"""How often a running server looks for what others changed: the queue, the certificate's files."""

FLUSH_SECONDS: Final = 60.0
"""How often it is written down what accounts have sent today."""

SILENCE_SECONDS: Final = 600.0
"""How often it is told, at most, that DNS does not answer."""

REPORT_HOURS: Final = 4
"""Hours after midnight UTC within which the reports of the day before go out."""

STOP_SECONDS: Final = 9.0
LEAST_PATIENCE: Final = 0.5
"""For the spool to write what waits, within the 10 s that we have to stop; the rest of them, and at least."""

SECRET_OCTETS: Final = 32
"""Octets of the secret behind decoy SCRAM salts."""


def run(config: Config, home: Path, *, notify: Callable[[Sequence[str]], None], level: Level = Level.INFO) -> int:
    """Serve until told to stop; the exit status. ``notify`` gets the addresses once every listener accepts."""
    log = open_log(sys.stderr.buffer, SystemClock(), level=level)
    if config.workers > 1:
        uvloop.run(supervise(config, home, log, notify))
    else:
        uvloop.run(serve(config, home, log, ready=notify))
    return 0


async def serve(
    config: Config, home: Path, log: Log, *, slot: int = 0, workers: int = 1, ready: Callable[[Sequence[str]], None]
) -> None:
    """Run one process of the server until SIGTERM or SIGINT; ``ready`` gets the addresses once all accept.

    One that has only standard input and output to listen to ends with that session, as inetd expects.

    ``slot`` of ``workers`` says which of several processes this is: slot 0 adopts
    what others left and alone has the sockets that cannot be shared.
    """
    loop = asyncio.get_running_loop()
    watch_loop(loop, log)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a start looks at everything anyway
    with explained(home):
        process = await asyncio.to_thread(Process, config, home, log, loop, slot, workers)
        try:
            await process.start()
        except BaseException:
            await process.stop()
            raise
    loop.add_signal_handler(signal.SIGHUP, process.look)
    try:
        ready(process.addresses)
        if process.serves_stdio_alone:
            over = loop.create_task(process.until_over())
            over.add_done_callback(lambda _: stop.set())
        await stop.wait()
    finally:
        await process.stop()


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
        places = Places(config, home, accounts, self._clock)
        self._relaying = Relaying(
            relay_parts(config, home, self._database, self._router), self._spool, self._spool, self._clock, loop, log
        )
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
        self._tls = _load_tls(config, home, self._clock) if any(_wants_tls(one) for one in config.listeners) else None
        secret = _keep_secret(home)
        self._submission = SubmissionRules(config.limits.messages_per_day, config.limits.recipients_per_day)
        self._usages = Usages(SqliteTallies(self._database, "submission"), secret)
        self._flush: asyncio.Task[None] | None = None
        self._flushed_at = 0.0
        rules = reception_rules(config, workers, fitting_sessions(raise_limit()))
        self._context = Context(
            hostname=config.hostname,
            loop=loop,
            clock=self._clock,
            spool=self._spool,
            stages=Stages(mail=self._check_mail, recipient=self._check_recipient, content=self._check_content),
            rules=rules,
            gate=Gate(rules.sessions, rules.sessions_per_address),
            tls=self._tls,
            logins=Logins(accounts, self._passwords, LoginRules(secret, frozenset(config.domains))),
            log=log,
            exempt=config.policy.exempt,
            transcript=Transcript(sys.stdout) if any(r.via.kind == "console" for r in config.routes) else None,
        )
        self._reception = Reception(self._context)
        self._resolver: OpenResolver | None = None
        self._inquirer: ResolverInquirer | None = None
        self._reporting: DmarcReporting | None = None
        self._home = home
        self._places = places
        self._listeners: list[OpenListener] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_blind = False
        self._silence_told_at = float("-inf")

    @property
    def addresses(self) -> list[str]:
        return [address for listener in self._listeners for address in listener.addresses]

    @property
    def serves_stdio_alone(self) -> bool:
        """Is there nobody to wait for once the session on standard input and output is over?"""
        return all(isinstance(one.address, Stdio) for one in self._config.listeners if one.protocol in MAIL_PROTOCOLS)

    async def until_over(self) -> None:
        """Until the last session has ended."""
        await self._context.emptied.wait()

    async def start(self) -> None:
        """Recover the queue, deliver what waits, listen."""
        await asyncio.to_thread(self._spool.start)
        self._resolver = open_resolver_of(self._config.dns, self._home, on_blind=lambda: self._log.info("dns_unsigned"))
        self._relaying.begin(self._delivery, self._resolver)
        await self._delivery.start()
        self._inquire(self._resolver)
        self._reception.start()
        for listen in self._config.listeners:
            if listen.protocol not in MAIL_PROTOCOLS:
                continue
            if self._slot > 0 and not isinstance(listen.address, Tcp):
                continue
            factory = self._reception.factory(listener_terms(listen, self._config))
            opened = await open_listener(listen.address, factory, reuse_port=self._workers > 1)
            self._listeners.append(opened)
        self._timer = self._loop.call_later(LOOK_SECONDS, self._tick)

    def _inquire(self, resolver: Resolver) -> None:
        """From now on find out who writes, where somebody could."""
        if not any(one.protocol in INQUIRED_PROTOCOLS for one in self._config.listeners):
            return
        policy = self._config.policy
        rules = InquiryRules(policy.authentication_wait, frozenset(policy.trusted_sealers))
        hostname = self._config.hostname
        self._inquirer = ResolverInquirer(
            resolver, self._loop, self._clock, hostname, rules, on_silence=self._tell_silence
        )
        self._context.inquirer = self._inquirer
        if self._config.reports.dmarc:
            self._reporting = self._make_reporting(resolver)
            self._reporting.start()

    def _tell_silence(self) -> None:
        """DNS answers nothing: mail is accepted meanwhile, and nobody knows who wrote it."""
        now = self._clock.monotonic()
        if now - self._silence_told_at >= SILENCE_SECONDS:
            self._silence_told_at = now
            self._log.error("dns_silent")

    def _make_reporting(self, resolver: Resolver) -> DmarcReporting:
        config, domain = self._config, self._config.domains[0]
        keys = DkimKeys(self._home)

        def may_send(address: Address) -> bool:
            destination = self._router.resolve(address)
            hop = self._relaying.find_hop(destination, Pending(Recipient(address)))
            return hop is not None or self._places.find(destination) is not None

        # Not all servers of the world at midnight: each at its own moment of the hours after it.
        delay = REPORT_HOURS * 3600 * crc32(config.hostname.encode()) / 2**32
        return DmarcReporting(
            SqliteTallies(self._database, "dmarc"),
            self._spool,
            resolver,
            Reporter(config.hostname, Address("postmaster", domain), partial(sign_mail, keys, domain), may_send),
            self._clock,
            self._loop,
            self._log,
            sends=self._slot == 0,
            rules=ReportRules(delay=delay),
        )

    async def stop(self) -> None:
        """Finish what is under way; what is queued stays queued."""
        began = self._loop.time()
        if self._timer is not None:
            self._timer.cancel()
        for listener in self._listeners:
            listener.close()
        # At the same time: each may take most of the 10 s that we have. What is accepted meanwhile stays queued.
        await asyncio.gather(self._reception.stop(), self._delivery.stop())
        if self._flush is not None:
            await self._flush
        await self._flush_usages()
        if self._reporting is not None:
            await self._reporting.stop()
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
        self.look()

    async def _flush_usages(self) -> None:
        """Write down how much accounts have sent today; what the store does not take is kept for the next time."""
        with suppress(TryAgainLater):
            await asyncio.to_thread(self._usages.flush, self._clock.time())

    def look(self) -> None:
        """Take up what somebody else has changed: entries of the queue, the certificate's files."""
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
        if self._tls is not None:
            found = self._tls.reload_if_changed()
            if found is not Reload.UNCHANGED:
                self._log.info("certificate_" + found.value)

    def _owns(self, login: str, address: Address) -> bool:
        return self._router.resolve(address) == Local(login)

    def _check_mail(self, facts: MailFacts) -> Verdict:
        return check_sender(facts, self._owns)

    def _check_content(self, facts: ContentFacts) -> Verdict:
        verdict = check_loops(facts)
        if verdict.action is Action.ABSTAIN:
            verdict = check_author(facts, self._owns, self._config.domains)
        if verdict.is_refusal:
            return verdict
        if facts.peer.login is not None:
            recipients = [one.address for one in facts.envelope.recipients]
            self._usages.note(facts.peer.login, recipients, self._clock.time())
        verdict = check_dmarc(facts) if self._config.policy.dmarc == "enforce" else ABSTAIN
        if self._reporting is not None:
            self._reporting.note(facts, verdict)
        return verdict

    def _check_recipient(self, facts: RecipientFacts) -> Verdict:
        peer = facts.peer
        if peer.login is not None:
            usage = self._usages.usage(peer.login, self._clock.time())
            digest = self._usages.digest(facts.recipient.address)
            verdict = check_usage(facts, usage, digest, self._submission)
            if verdict.is_refusal:
                return verdict
        may_relay = peer.login is not None or in_networks(peer.address, self._config.relay.trusted)
        return check_recipient(facts, self._router.resolve(facts.recipient.address), may_relay)


def sign_mail(keys: DkimKeys, domain: str, mail: bytes | Content) -> bytes:
    """The signature fields for mail by an author of ``domain``; none where it has no keys. Reads files."""
    pair = keys.signing(domain)
    if pair is None:
        return b""
    found = tuple(dkim.SigningKey(key.selector, dkim.parse_private_key(key.pem)) for key in pair.keys)
    try:
        return dkim.sign(mail, dkim.Signer(domain, found))
    except dkim.UnsignableContent:  # its header is none: what nobody can read needs no signature
        return b""


def relay_parts(config: Config, home: Path, database: Database, router: Router) -> RelayParts:
    """What the relay is made of, from the configuration, the keys and the store."""
    keys, domain = DkimKeys(home), config.domains[0]

    def sign(entry: Entry, content: Content) -> bytes:
        path = entry.envelope.reverse_path
        own = find_author(content.header).domain or (path.domain if isinstance(path, Address) else "")
        return sign_mail(keys, own, content) if own in config.domains else b""

    return RelayParts(
        hostname=config.hostname,
        author=Address("postmaster", domain),
        sign=sign,
        sign_own=partial(sign_mail, keys, domain),
        disclosure=disclosure_rules(config),
        rewrite=router.rewrite,
        smarthost=config.relay.smarthost,
        port=config.relay.port,
        policies=SqlitePolicies(database),
        fetcher=HttpsFetcher,
        roots=home / config.relay.roots if config.relay.roots else None,
    )


def _wants_tls(listen: Listen) -> bool:
    return listen.protocol in MAIL_PROTOCOLS and listen.tls != "none"


def _load_tls(config: Config, home: Path, clock: SystemClock) -> ServerTls:
    files = TlsFiles(home / config.tls.certificate, home / config.tls.key)
    if config.tls == type(config.tls)():
        files = ensure_self_signed(home / "tls", config.hostname, config.domains, clock)
    return ServerTls(files, clock)


def _keep_secret(home: Path) -> bytes:
    """The secret that makes unknown accounts look like known ones: made once, the same for all workers."""
    path = home / "keys" / "login.secret"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        found = path.read_bytes()
        if len(found) == SECRET_OCTETS:
            return found
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)  # cut short by a crash
    secret = secrets.token_bytes(SECRET_OCTETS)
    with os.fdopen(fd, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    return secret
