"""One message of somebody else's, from its sender to what we think of it.

    check = Check(service, peer, hello)
    check.begin(reverse_path, parameters, on_drained)
    verdict = await check.ask_recipient(recipient)     # of ours alone; ABSTAIN for others
    check.feed(octets)                                 # False: wait for on_drained
    found = await check.finish()
    check.close()                                      # in any case

The content goes into a draft of the spool, which bounds the memory that it
takes, and is discarded. Checks at the connection, hello and MAIL are asked
too; what they refuse is told for each recipient and at the end.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Protocol

from samotop.address import Address, ReversePath
from samotop.envelope import Envelope, MailParameters, Recipient
from samotop.facts import ConnectionFacts, ContentFacts, Decision, HelloFacts, MailFacts, RecipientFacts
from samotop.net.networks import in_networks
from samotop.peer import Peer
from samotop.ports import Clock, Draft, Spool
from samotop.ports.inquiry import Inquired, Inquirer, MailInquiry, PeerInquiry
from samotop.verdict import ABSTAIN, Action, Verdict

UNDECIDED = Verdict.defer("checking", "could not decide in time", status="4.3.0")
INTERNAL = Verdict.defer("checking", "something went wrong here", status="4.3.0")
DISAGREED = "its recipients are answered differently"


class Log(Protocol):
    def debug(self, event: str, **fields: Any) -> None: ...

    def info(self, event: str, **fields: Any) -> None: ...

    def error(self, event: str, **fields: Any) -> None: ...


class Deciders(Protocol):
    """The deciders of the stages, as reception has them (``reception.stages.Stages``)."""

    @property
    def connection(self) -> Callable[[ConnectionFacts], Any] | None: ...
    @property
    def hello(self) -> Callable[[HelloFacts], Any] | None: ...
    @property
    def mail(self) -> Callable[[MailFacts], Any] | None: ...
    @property
    def recipient(self) -> Callable[[RecipientFacts], Any] | None: ...
    @property
    def content(self) -> Callable[[ContentFacts], Any] | None: ...


@dataclass(frozen=True, slots=True)
class CheckingRules:
    """Times in seconds."""

    decision: float = 60.0
    idle: float = 3600.0
    """Between two commands of a mail server that asks: it keeps the connection while its own client does nothing."""
    visits: int = 200
    """Connections at the same time: each holds a descriptor, and at most a draft."""
    size: int = 50 * 1024 * 1024
    recipients: int = 1000


@dataclass(slots=True)
class Service:
    """What all checks of a process share. ``is_ours``: has this address a mailbox here?"""

    hostname: str
    loop: asyncio.AbstractEventLoop
    clock: Clock
    spool: Spool
    deciders: Deciders
    is_ours: Callable[[Address], bool]
    log: Log
    exempt: tuple[IPv4Network | IPv6Network, ...] = ()
    rules: CheckingRules = CheckingRules()
    inquirer: Inquirer | None = None
    needs_names: Callable[[MailFacts], bool] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """``verdict`` is one for all recipients; ``inquired`` what was found out about who writes."""

    verdict: Verdict
    inquired: Inquired | None = None


class Check:
    """One message. Lives on the event loop."""

    def __init__(self, service: Service, peer: Peer, hello: str, *, is_extended: bool = True) -> None:
        self._service = service
        connection = ConnectionFacts(peer, service.hostname)
        self._hello = HelloFacts(connection, hello, is_extended)
        self._peer_inquiry: PeerInquiry | None = None
        self._inquiry: MailInquiry | None = None
        self._mail: MailFacts | None = None
        self._draft: Draft | None = None
        self._refusal: Verdict = ABSTAIN
        self.recipients: list[Recipient] = []
        """Those that are ours and were not refused."""
        self.refused: list[Verdict] = []
        """What was said of the others that are ours."""
        self.size = 0

    async def begin(self, reverse_path: ReversePath, parameters: MailParameters, resume: Callable[[], None]) -> None:
        """The sender is known."""
        service, peer = self._service, self._hello.peer
        self._mail = MailFacts(self._hello, reverse_path, parameters)
        self._draft = service.spool.begin(resume)
        if service.inquirer is not None and not in_networks(peer.address, service.exempt):
            self._peer_inquiry = service.inquirer.greeted(peer, self._hello.hello)
            if self._peer_inquiry is not None:
                self._inquiry = self._peer_inquiry.mail(reverse_path)
        deciders = service.deciders
        for decide, facts in (
            (deciders.connection, self._hello.connection),
            (deciders.hello, self._hello),
            (deciders.mail, self._mail),
        ):
            if not self._refusal.is_refusal:
                found = await self._decide(decide, facts)
                self._refusal = found if isinstance(found, Verdict) else ABSTAIN

    async def ask_recipient(self, recipient: Recipient) -> Verdict:
        """May it be told to this recipient? ABSTAIN for one that is not ours."""
        assert self._mail is not None, "begun"
        service = self._service
        if not service.is_ours(recipient.address):
            return ABSTAIN
        verdict = self._refusal
        if not verdict.is_refusal:
            if self._inquiry is not None and self._mail.authentication is None:
                waits_longer = service.needs_names is not None and service.needs_names(self._mail)
                early = await (self._inquiry.early() if waits_longer else self._inquiry.soon())
                self._mail = replace(self._mail, authentication=early.authentication, listings=early.listings)
            facts = RecipientFacts(self._mail, recipient, tuple(self.recipients))
            found = await self._decide(service.deciders.recipient, facts)
            verdict = found if isinstance(found, Verdict) else INTERNAL
        if verdict.is_refusal:
            self.refused.append(verdict)
        else:
            self.recipients.append(recipient)
        return verdict

    def feed(self, octets: bytes) -> bool:
        """More of the content. ``False``: enough is in flight."""
        assert self._draft is not None, "begun"
        self.size += len(octets)
        if self._inquiry is not None:
            self._inquiry.feed(octets)
        return self._draft.write(octets)

    async def finish(self) -> Found:
        """What we think of it, now that it is complete."""
        assert self._mail is not None, "begun"
        assert self._draft is not None, "begun"
        inquired = None if self._inquiry is None else await self._inquiry.finish()
        if self._refusal.is_refusal:
            return Found(self._refusal, inquired)
        if not self.recipients:
            return Found(merge(self.refused), inquired)
        envelope = Envelope(self._mail.reverse_path, tuple(self.recipients), self._mail.parameters)
        authentication = None if inquired is None else inquired.authentication
        facts = ContentFacts(self._mail, envelope, self._draft.content(), self._draft.id, authentication)
        decision = await self._decide(self._service.deciders.content, facts)
        each = [decision] if isinstance(decision, Verdict) else list(decision)
        return Found(merge(each), inquired)

    async def _decide(self, decide: Callable[[Any], Any] | None, facts: object) -> Decision:
        """A decider's answer. One that fails, or takes too long, is told as a reason to come back."""
        if decide is None:
            return ABSTAIN
        try:
            async with asyncio.timeout(self._service.rules.decision):
                found = decide(facts)
                if inspect.isawaitable(found):
                    found = await found
        except TimeoutError:
            return UNDECIDED
        except Exception as error:  # noqa: BLE001 - a bug of a decider must not end the mail server's connection
            self._service.log.error("check_failed", error=error)
            return INTERNAL
        return ABSTAIN if found is None else found

    def close(self) -> None:
        """Nobody wants to know any more."""
        for one in (self._inquiry, self._peer_inquiry):
            if one is not None:
                one.close()
        self._inquiry = self._peer_inquiry = None
        if self._draft is not None:
            self._draft.discard()
            self._draft = None


def merge(verdicts: list[Verdict]) -> Verdict:
    """One verdict for all recipients, as reception has it: refused only by all of them, and not for good if one waits.

    Where some refuse it, it is held for all: so it is when we receive it ourselves.
    """
    if not verdicts:
        return ABSTAIN
    refusals = [one for one in verdicts if one.is_refusal]
    if len(refusals) == len(verdicts):
        return next((one for one in refusals if one.action is Action.DEFER), refusals[0])
    if refusals:
        return Verdict.hold("checking", DISAGREED)
    for action in (Action.HOLD, Action.DISCARD):
        for one in verdicts:
            if one.action is action:
                return one
    return verdicts[0]
