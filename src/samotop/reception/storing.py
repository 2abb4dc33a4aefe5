"""From verdicts to an entry: what is kept of a transaction, and what the client hears of it.

Pure but for its own state: made at MAIL, filled as verdicts come, asked once
at the end of the content. A HOLD for one recipient holds the entry, and so the
message for all of them, unless it names a folder of the recipient's mailbox:
then the copy for this recipient goes there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from samotop.envelope import Envelope, Recipient
from samotop.facts import HelloFacts, MailFacts
from samotop.ports import NewEntry, SpoolFault
from samotop.ports.inquiry import Inquired
from samotop.queue.entry import State, Trace
from samotop.reception import answers
from samotop.reply import Reply
from samotop.status import EnhancedStatus
from samotop.verdict import Action, Verdict

TOLD: Final = frozenset(("consent", "policy", "junk"))
"""Checks whose reasons an accepted message tells its recipient."""
_STORED = EnhancedStatus(2, 0, 0)
_DISAGREED = "its recipients were answered differently, which one reply cannot say"


class Storing:
    """The fate of one transaction."""

    __slots__ = (
        "_answers",
        "_dropped",
        "_elsewhere",
        "_hold",
        "_id",
        "_mail",
        "_said",
        "_told",
        "envelope",
        "inquired",
    )

    envelope: Envelope

    def __init__(self) -> None:
        self._hold = ""
        self._dropped: set[int] | None = None
        self._elsewhere: frozenset[int] = frozenset()
        self._answers: list[Reply | None] = []  # per recipient; None: stored, so the fault or its absence answers
        self._said = ""
        self._told: dict[int, Verdict] = {}  # what the recipient's copy says of itself
        self._id = ""
        self._mail: MailFacts | None = None
        self.inquired: Inquired | None = None

    def note(self, verdict: Verdict) -> None:
        """A verdict about the whole transaction."""
        if verdict.action is Action.HOLD:
            self._hold = verdict.reason or "held"
        elif verdict.action is Action.DISCARD:
            self._dropped = set(range(len(self.envelope.recipients))) if self._mail else {-1}

    def note_recipient(self, verdict: Verdict, index: int) -> None:
        """A verdict about the recipient with this place in their order."""
        if verdict.folder or verdict.check in TOLD:
            self._told[index] = verdict
        if verdict.action is Action.HOLD and not verdict.folder:
            self._hold = verdict.reason or "held"
        elif verdict.action is Action.DISCARD:
            self._dropped = (self._dropped or set()) | {index}

    def begin(self, mail: MailFacts, recipients: Sequence[Recipient], id: str) -> None:
        """The content is complete: this is the envelope."""
        self._mail = mail
        self._id = id
        self.envelope = Envelope(mail.reverse_path, tuple(recipients), mail.parameters)

    def plan(
        self,
        verdict: Verdict | Sequence[Verdict],
        arrived: tuple[HelloFacts, float],
        *,
        is_lmtp: bool,
        elsewhere: frozenset[int] = frozenset(),
    ) -> NewEntry | None:
        """What to commit, or ``None`` if nothing is to be kept. Afterwards ``replies`` knows the answers.

        ``elsewhere`` are the recipients, by their places, whose next hops are asked instead: ``passing`` says which
        of them are to get it.
        """
        count = len(self.envelope.recipients)
        self._elsewhere = elsewhere
        if isinstance(verdict, Verdict):
            self._said = verdict.said if verdict.action is Action.ACCEPT else ""
            self.note(verdict)
            refusal = answers.answer(verdict, answers.RCPT_OK) if verdict.is_refusal else None
            self._answers = [refusal] * (count if is_lmtp else 1)
            if refusal is not None:
                return None
            kept = self._kept(set())
        elif len(verdict) != count or not all(isinstance(one, Verdict) for one in verdict):
            raise ValueError(f"{len(verdict)} verdicts for {count} recipients: one for each, or one for all")
        else:
            kept = self._plan_each(verdict, is_lmtp=is_lmtp)
        return self._entry(kept, arrived) if kept else None

    def _entry(self, kept: tuple[Recipient, ...], arrived: tuple[HelloFacts, float]) -> NewEntry:
        envelope = self.envelope
        if len(kept) < len(envelope.recipients):
            envelope = Envelope(envelope.reverse_path, kept, envelope.parameters)
        hello, time = arrived
        state = State.HELD if self._hold else State.QUEUED
        return NewEntry(envelope, format_trace_facts(hello, envelope, time, self.inquired), state, self._hold)

    def passing(self) -> list[int]:
        """Recipients, by their places, whose next hops get the content: after ``plan``."""
        dropped = self._dropped or set()
        if -1 in dropped or not self._elsewhere:
            return []
        return [
            number
            for number in sorted(self._elsewhere - dropped)
            if self._answers[number if len(self._answers) > 1 else 0] is None
        ]

    def part(self, numbers: Sequence[int], arrived: tuple[HelloFacts, float]) -> NewEntry:
        """What is told of the message to the next hop of these recipients."""
        return self._entry(tuple(self.envelope.recipients[number] for number in numbers), arrived)

    def answer(self, replies: Mapping[int, Reply]) -> None:
        """What next hops said, for recipients by their places."""
        for number, reply in replies.items():
            self._answers[number if len(self._answers) > 1 else 0] = reply

    @property
    def is_held(self) -> bool:
        return bool(self._hold)

    def _plan_each(self, verdicts: Sequence[Verdict], *, is_lmtp: bool) -> tuple[Recipient, ...]:
        refused = {n for n, verdict in enumerate(verdicts) if verdict.is_refusal}
        for number, verdict in enumerate(verdicts):
            self.note_recipient(verdict, number)
        self._tell()
        if is_lmtp:
            self._answers = [answers.answer(v, answers.RCPT_OK) if v.is_refusal else None for v in verdicts]
            return self._kept(refused)
        if len(refused) == len(verdicts) or (refused and self._elsewhere):
            # One that may come back later must not be told "never" for another's sake.
            told = next((v for v in verdicts if v.action is Action.DEFER), verdicts[min(refused)])
            self._answers = [answers.answer(told, answers.RCPT_OK)]
            return ()
        self._answers = [None]
        if refused:
            self._hold = _DISAGREED
        return self._kept(set())

    def _kept(self, refused: set[int]) -> tuple[Recipient, ...]:
        recipients = self.envelope.recipients
        dropped = self._dropped
        if dropped is None and not refused and not self._elsewhere:
            return recipients
        if dropped is not None and -1 in dropped:
            return ()
        gone = refused | (dropped or set()) | self._elsewhere
        return tuple(r for n, r in enumerate(recipients) if n not in gone)

    def _tell(self) -> None:
        """Write into the envelope what each recipient's copy says of itself."""
        if self._told:
            recipients = list(self.envelope.recipients)
            for number, verdict in self._told.items():
                recipients[number] = replace(
                    recipients[number], folder=verdict.folder, verdict=verdict.reason, copies=verdict.copies
                )
            self.envelope = replace(self.envelope, recipients=tuple(recipients))

    def replies(self, fault: Exception | None) -> list[Reply]:
        """The answers to the content: one per recipient with LMTP, else one."""
        if fault is None:
            stored = Reply(250, _STORED, (self._said or f"Ok: queued as {self._id}",))
        else:
            stored = answers.fault_reply(fault) if isinstance(fault, SpoolFault) else answers.NOT_STORED
        return [stored if given is None else given for given in self._answers]


def format_trace_facts(hello: HelloFacts, envelope: Envelope, time: float, inquired: Inquired | None = None) -> Trace:
    """What our trace fields will tell; the word after "with" is that of RFC 3848 and RFC 6531."""
    peer = hello.peer
    word = "LMTP" if hello.connection.protocol == "lmtp" else "ESMTP" if hello.is_extended else "SMTP"
    if envelope.parameters.is_utf8:
        word = f"UTF8{word.removeprefix('E')}"
    if hello.is_extended:
        word += ("S" if peer.tls is not None else "") + ("A" if peer.login is not None else "")
    tls = f"{peer.tls.version} {peer.tls.cipher}" if peer.tls is not None else ""
    name = peer.name if inquired is None else inquired.peer_name or peer.name
    results = "" if inquired is None else inquired.results
    return Trace(hello.hello, peer.address, word, time, tls, peer.login or "", name, results)
