"""Aliases and lists of one server process: the address book, the door to the queue, who may write to a list.

``open_expansions`` gives none where nothing is configured and no sender was
ever rewritten: then reception and delivery work on the spool itself. Files of
members are read at the start and again when they have changed, once they have
been the same for two looks, as somebody may be writing.

Everything but ``open_expansions`` is called on the event loop and waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, cast

from samotop.address import Address, NullPath
from samotop.app.relaying import sender_proof, sign_mail
from samotop.app.watching import WatchedFiles
from samotop.config.aliases import alias_rules, read_members
from samotop.config.shapes import Config
from samotop.content import Content
from samotop.delivery.notifier import DsnNotifier
from samotop.facts import ContentFacts, Decision, RecipientFacts
from samotop.msgauth.author import find_author
from samotop.net.networks import in_networks
from samotop.policy.lists import NOTIFICATION, check_post, check_return
from samotop.ports import Clock, NewEntry, Queue, Spool
from samotop.queue.entry import Entry
from samotop.queue.outcome import Notice
from samotop.reception.context import Log
from samotop.reception.expanding import ExpandingSpool
from samotop.routing.addressbook import AddressBook, Leaf, TooManyAddresses
from samotop.routing.aliases import AliasRules
from samotop.routing.destinations import Local, Reached
from samotop.routing.expansion import DAY_SECONDS, Expansion, plan_expansion
from samotop.routing.router import Router
from samotop.routing.srs import SrsRules
from samotop.store.keys import DkimKeys
from samotop.store.secrets import keep_secret
from samotop.verdict import ABSTAIN, Verdict

SECRET_NAME: Final = "srs.secret"

_TOO_MANY: Final = Verdict.defer(
    "list",
    "it has too many members",
    status="4.3.5",
    said="This list is larger than it may be; its owner must see to it",
)


def open_expansions(
    config: Config,
    home: Path,
    router: Router,
    spool: Spool,
    clock: Clock,
    loop: asyncio.AbstractEventLoop,
    log: Log,
) -> Expansions | None:
    """The expansions of a process, where it has any. Reads files; called in a thread."""
    secret = home / "keys" / SECRET_NAME
    if not config.aliases and not config.lists and not secret.exists():
        return None
    return Expansions(config, home, router, spool, clock, loop, log, keep_secret(secret))


class Expansions:
    """``spool`` is the door to the queue: all mail goes in by it."""

    def __init__(
        self,
        config: Config,
        home: Path,
        router: Router,
        spool: Spool,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        secret: bytes,
    ) -> None:
        self._config = config
        self._home = home
        self._clock = clock
        self._loop = loop
        self._log = log
        names = dict.fromkeys(one.members_file for one in config.lists if one.members_file)
        self._files = {name: MembersFile(home / name) for name in names}
        self._look: asyncio.Task[None] | None = None
        domain = config.domains[0]
        self.book = AddressBook(self._rules(), router, SrsRules(domain, (secret,)))
        self.spool = ExpandingSpool(spool, self._plan, loop, log, self._tell, hostname=config.hostname)
        self._proof = sender_proof(config, router)
        self._sign = partial(sign_mail, DkimKeys(home), domain)

    def _rules(self) -> AliasRules:
        config = self._config
        return alias_rules(config.domains, config.aliases, config.lists, lambda name: self._files[name].targets)

    def _day(self) -> int:
        return int(self._clock.time() // DAY_SECONDS)

    def _plan(self, entry: NewEntry) -> Expansion:
        return plan_expansion(entry.envelope, self.book, int(entry.trace.received_at // DAY_SECONDS))

    async def _tell(self, entry: Entry, header: Content, notices: Sequence[Notice]) -> None:
        if not self._proof.proves(entry):
            return  # it may be somebody else who would hear of a message that he has never sent
        config = self._config
        author = Address("postmaster", config.domains[0])
        queue = cast("Queue", _OneHeader(header))  # a notifier asks it for the message, and nothing else
        notifier = DsnNotifier(self.spool, queue, self._clock, config.hostname, author, self._sign, asyncio.to_thread)
        await notifier.notify(entry, notices)

    def resolve(self, address: Address) -> Reached:
        """Where mail for a recipient goes."""
        return self.book.resolve(address, self._day())

    def may_write_as(self, account: str, address: Address) -> bool:
        return self.book.may_write_as(account, address)

    def check_recipient(self, facts: RecipientFacts) -> Verdict:
        """Lists take no notifications; no opinion on anybody else."""
        if not isinstance(facts.mail.reverse_path, NullPath) or not self.book.lists(facts.recipient.address):
            return ABSTAIN
        return NOTIFICATION

    def check_content(self, facts: ContentFacts) -> Decision:
        """Who may write to the lists among the recipients, and what comes round again. One reply stands for all
        recipients, but with LMTP."""
        keys = [self.book.key(one.address) for one in facts.envelope.recipients]
        named = {key: one.address for key, one in zip(keys, facts.envelope.recipients, strict=True)}
        try:  # each once, however often it is named: a list may have a thousand members
            found = {key: self._check(facts, address) for key, address in named.items()}
        except TooManyAddresses:
            return _TOO_MANY
        verdicts = [found[key] for key in keys]
        refused = next((one for one in verdicts if one.is_refusal), None)
        if refused is None:
            return ABSTAIN
        return verdicts if facts.mail.connection.protocol == "lmtp" else refused

    def _check(self, facts: ContentFacts, address: Address) -> Verdict:
        book = self.book
        if not book.expands(address):
            return ABSTAIN
        lists = book.lists(address)
        verdict = check_return(facts, book.way(address), [one.id for one in lists])
        if verdict.is_refusal or not lists:
            return verdict
        writers = self._writers(facts)
        for one in lists:
            is_owner = bool(writers) and writers <= self._reached(book.owner(one))
            is_member = bool(writers) and writers <= self._reached(book.members(one))
            verdict = check_post(facts, one.post, is_owner=is_owner, is_member=is_member)
            if verdict.is_refusal:
                return verdict
        return ABSTAIN

    def _writers(self, facts: ContentFacts) -> frozenset[str]:
        """Who writes this, where that is proven: by a login, by DMARC's alignment, by a machine that we trust."""
        peer, found = facts.peer, facts.authentication
        if peer.login is not None:
            return frozenset((f"account {peer.login}",))
        is_aligned = found is not None and (bool(found.explained_by) or bool(found.dmarc and found.dmarc.aligned))
        if not is_aligned and not in_networks(peer.address, self._config.relay.trusted):
            return frozenset()
        return frozenset([self._person(address) for address in find_author(facts.content.header).addresses])

    def _reached(self, leaves: Iterable[Leaf]) -> frozenset[str]:
        return frozenset([self._person(leaf.address) for leaf in leaves])

    def _person(self, address: Address) -> str:
        """One word for all addresses of an account; of others, the address as it is compared."""
        destination = self.book.router.resolve(address)
        return f"account {destination.account}" if isinstance(destination, Local) else self.book.key(address)

    # Files of members.

    def look(self) -> None:
        """Take up files of members that have changed."""
        if self._files and (self._look is None or self._look.done()):
            self._look = self._loop.create_task(self._take_up())

    async def _take_up(self) -> None:
        changed = await asyncio.to_thread(lambda: [one for one in self._files.values() if one.has_changed()])
        for one in changed:
            bad = await asyncio.to_thread(one.read)
            if bad:
                self._log.error("members_unreadable", count=bad)
            else:
                self._log.info("members_read", count=len(one.targets))
        if changed:
            self.book.replace(self._rules())


class MembersFile(WatchedFiles[tuple[str, ...]]):
    """One file of members. What cannot be read as a whole changes nothing."""

    def __init__(self, path: Path) -> None:
        def load() -> tuple[tuple[str, ...], int]:
            members = read_members(path)
            return members.targets, len(members.faults)

        super().__init__((path,), load)

    @property
    def targets(self) -> tuple[str, ...]:
        return self.value


class _OneHeader:
    """As much of ``ports.Queue`` as a notifier needs: the header of the message that it tells of."""

    def __init__(self, header: Content) -> None:
        self._header = header

    def open(self, entry: Entry) -> Content:
        return self._header
