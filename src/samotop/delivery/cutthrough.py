"""Next hops that are asked while the sender waits: implements ``ports.nexthop`` over ``transport.smtp``.

For recipients of routes with ``cut_through``. A session is opened when the first
recipient of a transaction is asked for, with the TLS that the route's URL
demands (``hopsessions``).

What the next hop says becomes the sender's reply, cleaned and bounded. What is
wrong between us and the next hop is nobody's fault who writes: unreachable, no
TLS, no login, commands that it does not know are 451, and the operator's log
has the status. Whatever ended without an answer is 451 as well, also where the
whole content had been sent: the sender tries again, and the next hop may then
get it twice (RFC 5321 §6.1 prefers that to a loss).

Wishes about notifications, sizes and the like go as far as the next hop's
capabilities allow; without DSN they are dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from samotop.address import Address
from samotop.content import Content
from samotop.delivery.hopsessions import BUSY, MISFIT, Key, Sessions
from samotop.delivery.outgoing import Outgoing, prepend
from samotop.envelope import MailParameters, Recipient
from samotop.facts import MailFacts
from samotop.ports.nexthop import Hop
from samotop.ports.spool import NewEntry
from samotop.queue.entry import Entry, Pending
from samotop.reply import Reply
from samotop.routing.destinations import Reached, Via
from samotop.routing.nexthop import find_next_hop
from samotop.routing.router import Router
from samotop.smtp.client import DeliverBy, Stage, Wishes
from samotop.status import EnhancedStatus
from samotop.transport.sending import RecipientOutcome
from samotop.transport.smtp.courier import Courier
from samotop.transport.smtp.held import Held
from samotop.transport.smtp.opening import NoSession

LINES_LIMIT: Final = 5
"""Lines of a next hop's reply that its sender gets."""
LINE_LIMIT: Final = 400
"""Characters of one of them."""

_UNREACHABLE: Final = Reply.of(451, "4.4.1", "The next hop cannot be reached right now, try again later")
_BROKEN: Final = Reply.of(451, "4.4.2", "The next hop did not answer, try again later")
_MISFIT: Final = Reply.of(451, "4.3.5", "The next hop does not take mail from us as it should, try again later")
_BUSY: Final = Reply.of(451, "4.3.2", "Too many messages on their way to the next hop, try again later")

_TOO_LARGE: Final = EnhancedStatus(5, 3, 4)
_OUR_FAULT: Final = frozenset((500, 501, 502, 503, 504, 530, 534, 535, 538, 555))
"""Codes that speak of our commands or our login, not of the sender's message: unless the status says that an address or
a mailbox is meant."""
_THEIRS: Final = (1, 2)
"""Subjects of a status (RFC 3463 §3.2, §3.3): address, mailbox."""


class Log(Protocol):
    def info(self, event: str, **fields: Any) -> None: ...


class CutThrough:
    """Implements ``ports.nexthop.NextHops``. ``outgoing`` writes what the next hop gets of us.

    ``resolve`` says where a recipient leads, as RCPT was told; else the router does.
    """

    def __init__(
        self,
        router: Router,
        outgoing: Outgoing,
        sessions: Sessions,
        log: Log,
        *,
        resolve: Callable[[Address], Reached] | None = None,
    ) -> None:
        self._router = router
        self._resolve = resolve or router.resolve
        self.outgoing = outgoing
        self.sessions = sessions
        self.log = log

    def find(self, recipient: Recipient) -> Hop | None:
        destination = self._resolve(recipient.address)
        if not isinstance(destination, Via) or not destination.route.is_cut_through:
            return None
        hop = find_next_hop(destination, recipient.address)
        return None if hop is None else Hop(hop.name, hop.is_lmtp)

    def begin(self, hop: Hop, mail: MailFacts) -> Transaction:
        return Transaction(self, hop, mail)

    def rewrite(self, recipient: Recipient) -> Recipient:
        """The recipient under the address that the next hop knows."""
        address = self._router.rewrite(recipient.address)
        return recipient if address == recipient.address else replace(recipient, address=address)

    async def close(self) -> None:
        """End the sessions that are kept."""
        await self.sessions.close()


class Transaction:
    """Implements ``ports.nexthop.Asked``."""

    def __init__(self, hops: CutThrough, hop: Hop, mail: MailFacts) -> None:
        self._hops = hops
        self._mail = mail
        self._key = Key(hop, mail.parameters.requires_tls)
        self._courier: Courier | None = None
        self._held: Held | None = None
        self._is_reused = False
        self._silence: Reply | None = None

    async def recipient(self, recipient: Recipient, within: float) -> Reply:
        if self._silence is not None:  # a sender of a hundred recipients waits for it once
            return self._silence
        until = asyncio.get_running_loop().time() + within
        recipient = self._hops.rewrite(recipient)
        outcome = await self._ask(recipient, until)
        if isinstance(outcome, RecipientOutcome) and self._is_reused and _is_stale(outcome):
            self.close()  # it had ended while nobody used it: nobody has seen anything of this
            outcome = await self._ask(recipient, until, fresh=True)
        self._is_reused = False
        if isinstance(outcome, Reply):
            self._silence = outcome
            return outcome
        if not outcome.is_accepted:
            self._tell(outcome)
            if outcome.is_undecided and outcome.stage is not Stage.IDLE:
                self._silence = _BROKEN
            if self._held is None or not self._held.is_open:
                self.close()  # the next recipient begins anew
        return read_reply(outcome)

    async def _ask(self, recipient: Recipient, until: float, *, fresh: bool = False) -> RecipientOutcome | Reply:
        if self._held is None:
            refusal = await self._call(until, fresh=fresh)
            if refusal is not None:
                return refusal
        assert self._held is not None, "there is a session"
        return await self._held.ask(recipient, until)

    async def content(self, id: str, entry: NewEntry, content: Content, within: float) -> Sequence[Reply]:
        until = asyncio.get_running_loop().time() + within
        recipients = tuple(map(self._hops.rewrite, entry.envelope.recipients))
        if self._held is None:
            return [_BROKEN] * len(recipients)
        pending = tuple(map(Pending, entry.envelope.recipients))
        whole = Entry(id, entry.envelope, pending, entry.trace, content.size)
        outgoing = self._hops.outgoing
        prepared = await asyncio.to_thread(outgoing.prepare, whole, content)
        if entry.trace.results:
            prepared = prepend(entry.trace.results.encode(), prepared)
        may_convert = not outgoing.needs_signature(whole)
        outcomes = await self._held.send(recipients, prepared, until, may_convert=may_convert)
        for one in outcomes:
            if not one.is_accepted:
                self._tell(one)
        return [read_reply(one) for one in outcomes]

    def close(self) -> None:
        if self._courier is not None and self._held is not None:
            courier, held = self._courier, self._held
            self._courier = self._held = None
            self._hops.sessions.give_back(self._key, courier, held)

    async def _call(self, until: float, *, fresh: bool) -> Reply | None:
        """Have a session; the reply that says why there is none."""
        found = await self._hops.sessions.take(self._key, until, fresh=fresh)
        if isinstance(found, NoSession):
            code = 0 if found.reply is None else found.reply.code
            self._hops.log.info("next_hop_unreachable", status=str(found.status), stage=found.stage.value, code=code)
            return _BUSY if found is BUSY else _MISFIT if found is MISFIT else _UNREACHABLE
        self._is_reused = found.is_reused
        self._use(found.courier)
        return None

    def _use(self, courier: Courier) -> None:
        parameters = self._mail.parameters
        self._courier = courier
        self._held = Held(courier, self._mail.reverse_path, parameters, wishes_of(parameters))

    def _tell(self, outcome: RecipientOutcome) -> None:
        code = 0 if outcome.reply is None else outcome.reply.code
        self._hops.log.info("next_hop_refused", status=str(outcome.status), stage=outcome.stage.value, code=code)


def _is_stale(outcome: RecipientOutcome) -> bool:
    """Did the session end without a word of this transaction? 421 is the word for that."""
    return outcome.is_undecided if outcome.reply is None else outcome.reply.code == 421


def wishes_of(parameters: MailParameters) -> Wishes:
    """When the sender wants it delivered: no time has gone by since it said so."""
    by, until = parameters.deliver_by, parameters.hold_until
    return Wishes(
        parameters.hold_for,
        None if until is None else datetime.fromtimestamp(until, UTC),
        None if by is None else DeliverBy(by.seconds, by.returns, by.traces),
    )


def read_reply(outcome: RecipientOutcome) -> Reply:
    """What the sender is told: the next hop's own words where it spoke of the message, else that it comes back."""
    reply = outcome.reply
    if reply is None:
        if outcome.status.is_permanent:  # nobody was asked: this next hop cannot take it as it is
            return Reply(552 if outcome.status == _TOO_LARGE else 554, outcome.status, (clean(outcome.text),))
        return _BROKEN if outcome.stage is not Stage.IDLE else Reply(451, outcome.status, (clean(outcome.text),))
    if reply.code in _OUR_FAULT and (reply.status is None or reply.status.subject not in _THEIRS):
        return _MISFIT
    klass = reply.code // 100
    code = 250 if klass == 2 else reply.code
    if code in (421, 521):  # it hangs up on us, and we do not on the sender
        code = 451 if klass == 4 else 554
    status = reply.status if reply.status is not None and reply.status.klass == klass else EnhancedStatus(klass, 0, 0)
    return Reply(code, status, tuple(map(clean, reply.lines[:LINES_LIMIT])) or ("",))


def clean(text: str) -> str:
    """A line of somebody else's words, bounded."""
    return "".join(c if c.isprintable() else " " for c in text[:LINE_LIMIT]).strip()
