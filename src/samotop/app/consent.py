"""The ledger of one server process: who asks it, what teaches it, and what follows a decision.

Made in a thread, because it reads files and makes keys.
"""

from __future__ import annotations

import asyncio
import os
from itertools import islice
from pathlib import Path
from typing import Final

from samotop.address import Address
from samotop.app.lessons import Lessons, read_lesson
from samotop.config.home import MAIL_NAME
from samotop.config.shapes import Config
from samotop.consent.tags import split_local
from samotop.consent.wishes import Bounces, Unknown, Wishes
from samotop.errors import TryAgainLater
from samotop.facts import ContentFacts, RecipientFacts
from samotop.net.networks import in_networks
from samotop.observe.log import Log
from samotop.ports.clock import Clock
from samotop.reception.consenting import Consent
from samotop.reception.ledger import Ledger, Owned, Shared
from samotop.routing.addressbook import AddressBook
from samotop.routing.destinations import Local
from samotop.routing.router import Router
from samotop.store.attempts import SqliteAttempts
from samotop.store.database import Database, read_serial
from samotop.store.filters import OwnerFilters
from samotop.store.ledger.opening import open_ledger
from samotop.store.secrets import keep_secret
from samotop.transport.releasing import release_approved

SWEEP_SECONDS: Final = (5.0, 60.0)
"""When it is looked again after a decision: a message may have been on its way into Requests."""
EXPIRE_SECONDS: Final = 3600.0


class Consenting:
    """``consent`` decides; the rest is done beside it. Lives on the event loop."""

    def __init__(
        self,
        config: Config,
        home: Path,
        database: Database,
        router: Router,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        book: AddressBook | None = None,
    ) -> None:
        self._config = config
        self._mail = home / MAIL_NAME
        self._database = database
        self._router = router
        self._book = book
        self._clock = clock
        self._loop = loop
        self._log = log
        self.contacts, self._allowances = open_ledger(database, home, os.environ)
        self._attempts = SqliteAttempts(database, keep_secret(home / "keys" / "attempts.secret"))
        self.lessons = Lessons(self.contacts, self._allowances, clock.time, loop, log)
        self._wishes = wishes_of(config)
        ledger = Ledger(
            self.contacts, self._allowances, self._attempts, self.find_owner, self._find_wishes, self.find_shares
        )
        self.consent = Consent(ledger, clock, asyncio.to_thread, self.is_exempt, guesser=OwnerFilters(home))
        self._serial = -1
        self._expired_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def find_owner(self, address: Address) -> Owned | None:
        """Whose mailbox this is; also that of the one account for which an alias stands alone."""
        book = self._book
        if book is not None and book.expands(address):
            leaves = list(islice(book.walk(address), 2))
            if len(leaves) != 1 or leaves[0].through is not None:
                return None
            address = leaves[0].address
        return self._find_account(address)

    def find_shares(self, address: Address, is_notification: bool) -> list[Shared]:
        """The mailboxes here of those whom an alias or list stands for."""
        book = self._book
        if book is None or not book.expands(address):
            return []
        leaves = book.walk(address, is_notification=is_notification)
        found = [(leaf, self._find_account(leaf.address)) for leaf in leaves]
        return [
            Shared(leaf.address, owned, "" if leaf.through is None else leaf.through.id)
            for leaf, owned in found
            if owned is not None
        ]

    def _find_account(self, address: Address) -> Owned | None:
        destination = self._router.resolve(address)
        if not isinstance(destination, Local):
            return None
        _, tag = split_local(address.local)
        return Owned(destination.account, tag)

    def _find_wishes(self, owner: str) -> Wishes:
        return self._wishes.get(owner) or self._wishes[""]

    def is_exempt(self, facts: RecipientFacts | ContentFacts) -> bool:
        """Our own users, who is on this machine without an address, and whom the operator exempts."""
        peer = facts.peer
        return peer.login is not None or not peer.address or in_networks(peer.address, self._config.policy.exempt)

    def learn(self, facts: ContentFacts) -> None:
        """What a user of ours has written to whom. No message is refused, or waits, because of it."""
        lesson = read_lesson(facts, self._config.hostname)
        if lesson is not None:
            self.lessons.add(lesson)

    def look(self) -> None:
        """Somebody may have decided in another process: move what they have approved."""
        try:
            serial = read_serial(self._database.reader(), "contacts")
        except Exception as error:  # noqa: BLE001 - apsw's, which only the store names: it is looked again soon
            self._log.debug("ledger_unreadable", error=error)
            return
        if serial == self._serial:
            return
        self._serial = serial
        self._sweep()
        for seconds in SWEEP_SECONDS:
            self._loop.call_later(seconds, self._sweep)

    def _sweep(self) -> None:
        task = self._loop.create_task(self._sweep_all())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sweep_all(self) -> None:
        try:
            count = await asyncio.to_thread(self._release_approved)
        except (TryAgainLater, OSError) as error:
            self._log.error("requests_not_moved", error=error)
        else:
            if count:
                self._log.info("requests_moved", count=count)

    def _release_approved(self) -> int:
        now = self._clock.time()
        return sum(release_approved(self.contacts, owner, self._mail / owner, now) for owner in self.contacts.askers())

    def flush(self) -> None:
        """Write down who was asked to come back, and forget what is over. Called in a thread."""
        now = self._clock.time()
        self._attempts.flush(now)
        if now - self._expired_at >= EXPIRE_SECONDS:
            self._expired_at = now
            self.contacts.expire(now)
            self._allowances.expire(now)

    async def stop(self) -> None:
        await self.lessons.stop()
        if self._tasks:
            await asyncio.wait(set(self._tasks))


def wishes_of(config: Config) -> dict[str, Wishes]:
    """Each owner's wishes by account; those of everybody else are under the empty name."""
    general = Wishes(
        Unknown(config.consent.unknown), config.consent.defer_for, Bounces(config.consent.bounces), greylists=True
    )
    found = {"": general}
    for mailbox in config.mailboxes:
        if mailbox.unknown:
            owner = mailbox.owner or mailbox.name
            found[owner] = Wishes(
                Unknown(mailbox.unknown), config.consent.defer_for, Bounces(config.consent.bounces), greylists=True
            )
    return found
