"""From an envelope to those that go into the queue: aliases and lists expanded, forwarded senders rewritten.

``plan_expansion`` is pure. Recipients who stand for nobody else stay as they
are. The others become whom they stand for, each person once in a message, and
who was named himself not again:

* **Aliases** (RFC 5321 §3.9.1): the reverse-path stays. What leaves for a domain
  that is not ours, from one that is not ours either, would fail SPF: there it
  is rewritten (``srs``). Such copies say ``Delivered-To:`` the alias, by which
  we know them when they come back.
* **Lists** (§3.9.2): the reverse-path becomes the list's -bounces address, all
  members are in one envelope, whose content gets the list's fields.
* **Rewritten senders** of ours (``srs``) become who they were.

Wishes about notifications follow RFC 3461 §5.2.7: an alias for one address
passes them on; one for several keeps SUCCESS for itself, which an "expanded"
notification answers; a list passes on none, and its "delivered" is the end of
it. What we wrote for a recipient who has none is an ORCPT with the alias's
address (§5.2.1): by it ``samotop queue show`` and notifications tell where a recipient came
from.

What owners said of their copies (``Recipient.copies``) goes with these.

A recipient of whom nothing is left, because an account went away since RCPT,
stays: delivery will say so to the sender.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from samotop.address import NULL_PATH, Address, NullPath, ReversePath
from samotop.envelope import Envelope, MailParameters, Notify, Recipient
from samotop.routing.addressbook import AddressBook, Leaf
from samotop.routing.aliases import MailingList
from samotop.routing.destinations import Returning
from samotop.routing.patterns import fold_domain, fold_local
from samotop.routing.srs import rewrite_sender

DAY_SECONDS: Final = 86400


@dataclass(frozen=True, slots=True)
class Planned:
    """One envelope for the queue. ``marks`` are the aliases and lists that its content must name, ``list`` the list
    whose fields it gets; without either the content is what arrived."""

    envelope: Envelope
    marks: tuple[str, ...] = ()
    list: MailingList | None = None

    @property
    def is_unchanged(self) -> bool:
        return not self.marks and self.list is None


@dataclass(frozen=True, slots=True)
class Expansion:
    """What becomes of one message, the unchanged content first.

    Its sender asked to hear of success for ``expanded``, which are several now, and for ``posted``, which are lists.
    """

    planned: tuple[Planned, ...]
    expanded: tuple[Recipient, ...] = ()
    posted: tuple[Recipient, ...] = ()


@dataclass(slots=True)
class _Plan:
    """What is gathered on the way. ``seen`` has whoever gets a copy already."""

    envelope: Envelope
    seen: set[str] = field(default_factory=set)
    groups: dict[tuple[ReversePath, tuple[str, ...], MailingList | None], list[Recipient]] = field(default_factory=dict)
    expanded: list[Recipient] = field(default_factory=list)
    posted: list[Recipient] = field(default_factory=list)

    def add(
        self,
        recipient: Recipient,
        path: ReversePath,
        marks: tuple[str, ...] = (),
        through: MailingList | None = None,
    ) -> None:
        self.groups.setdefault((path, marks, through), []).append(recipient)


def plan_expansion(envelope: Envelope, book: AddressBook, day: int) -> Expansion:
    """Plan what goes into the queue. ``day`` since 1970, UTC. Raises ``TooManyAddresses``."""
    recipients = envelope.recipients
    restored = [book.restore(one.address, day) for one in recipients]
    expands = [known is None and book.expands(one.address) for one, known in zip(recipients, restored, strict=True)]
    if not any(expands) and not any(isinstance(known, Returning) for known in restored):
        return Expansion((Planned(envelope),))
    plan = _Plan(envelope)
    for one, known, is_expanding in zip(recipients, restored, expands, strict=True):
        if isinstance(known, Returning):
            address = known.original
            plan.add(
                replace(one, address=address, original=one.original or _original(one.address)), envelope.reverse_path
            )
            plan.seen.add(_fold(address))
        elif not is_expanding:
            plan.add(one, envelope.reverse_path)
            plan.seen.add(_fold(one.address))
    is_notification = isinstance(envelope.reverse_path, NullPath)
    walked: dict[str, list[Leaf]] = {}  # one who is named again costs nobody another walk
    for one, is_expanding in zip(recipients, expands, strict=True):
        if is_expanding:
            key = book.key(one.address)
            if key not in walked:
                walked[key] = list(book.walk(one.address, is_notification=is_notification))
            _expand(plan, one, walked[key], book, day)
    planned = [
        Planned(Envelope(path, tuple(group), _parameters(envelope, path, group, through)), marks, through)
        for (path, marks, through), group in plan.groups.items()
    ]
    planned.sort(key=lambda one: not one.is_unchanged)
    return Expansion(tuple(planned), tuple(plan.expanded), tuple(plan.posted))


def _expand(plan: _Plan, recipient: Recipient, leaves: Sequence[Leaf], book: AddressBook, day: int) -> None:
    """Put whom one alias or list stands for into the groups."""
    path = plan.envelope.reverse_path
    if not leaves:
        plan.add(recipient, path)
        return
    wants_success = recipient.notify is not None and Notify.SUCCESS in recipient.notify
    by_alias = [leaf for leaf in leaves if leaf.through is None]
    notify, original = recipient.notify, recipient.original or _original(recipient.address)
    if len(leaves) > 1 and notify is not None:
        notify &= ~Notify.SUCCESS
        if wants_success and by_alias:
            plan.expanded.append(recipient)
    if wants_success and not by_alias:
        plan.posted.append(recipient)
    # One mark for each alias that leads elsewhere, on all of these copies: one entry for them.
    marks = tuple(dict.fromkeys(key for leaf in by_alias if leaf.leaves for key in leaf.way))
    copies = {_fold(one.address): one for one in recipient.copies}
    for leaf in _new(leaves, plan.seen):
        through = leaf.through
        placed = copies.get(_fold(leaf.address), recipient)
        folder, verdict = ("", "") if leaf.leaves else (placed.folder, placed.verdict)
        if through is not None:
            member = Recipient(leaf.address, Notify.FAILURE, folder=folder, verdict=verdict)
            plan.add(member, through.bounces_address, (through.key,), through)
        elif leaf.leaves:
            plan.add(Recipient(leaf.address, notify, original), _forwarded(path, book, day), marks)
        else:
            plan.add(Recipient(leaf.address, notify, original, folder, verdict), path)


def _new(leaves: Iterable[Leaf], seen: set[str]) -> Iterator[Leaf]:
    for leaf in leaves:
        key = _fold(leaf.address)
        if key not in seen:
            seen.add(key)
            yield leaf


def _forwarded(path: ReversePath, book: AddressBook, day: int) -> ReversePath:
    """Under which sender we forward. What cannot be rewritten goes without one: better no notification than no mail."""
    if not isinstance(path, Address) or book.srs is None or book.router.is_ours(path.domain):
        return path
    return rewrite_sender(path, book.srs, day) or NULL_PATH


def _parameters(
    envelope: Envelope, path: ReversePath, group: Sequence[Recipient], through: MailingList | None
) -> MailParameters:
    """The parameters of MAIL for one of the envelopes: a list's are its own (RFC 3461 §5.2.7), but for what the content
    needs and what its author demands of the way (RFC 8689 §5). An address beyond ASCII needs SMTPUTF8."""
    parameters = envelope.parameters
    if not parameters.is_utf8 and not all(one.address.is_ascii for one in group):
        parameters = replace(parameters, is_utf8=True)
    if through is not None:
        return replace(parameters, size=0, ret=None, envelope_id=None, submitter=None, deliver_by=None)
    if path != envelope.reverse_path:
        return replace(parameters, size=0, submitter=None)
    return parameters


def _original(address: Address) -> str:
    """ORCPT for a recipient that had none (RFC 3461 §5.2.1; RFC 6533 §3)."""
    return f"{'rfc822' if address.is_ascii else 'utf-8'};{address}"


def _fold(address: Address) -> str:
    return f"{fold_local(address.local)}@{fold_domain(address.domain) or address.domain.lower()}"
