"""One session: the transactions that its conversation brings, from MAIL to the durable entry.

The content goes to the spool as it arrives. What is accepted is committed,
and the client hears of it when it is durable.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from samotop.facts import ContentFacts, MailFacts, RecipientFacts
from samotop.net.networks import in_networks
from samotop.ports import NewEntry
from samotop.ports.inquiry import Early, MailInquiry, PeerInquiry
from samotop.ports.nexthop import Hop
from samotop.reception import answers
from samotop.reception.context import Context
from samotop.reception.listener import Listener
from samotop.reception.passing import Passing
from samotop.reception.storing import Storing
from samotop.reception.through import NOT_KEPT, Through
from samotop.reply import Reply
from samotop.smtp import replies
from samotop.smtp.events import (
    Auth,
    AuthCancelled,
    AuthResponse,
    Chunk,
    ChunkEnd,
    ContentEnd,
    ContentFailed,
    Data,
    Event,
    Hello,
    HungUp,
    Mail,
    Quit,
    Rcpt,
    Reset,
    StartTls,
    Verb,
)
from samotop.smtp.states import Phase
from samotop.verdict import ABSTAIN, Action, Verdict


class Session(Passing):
    """Serves one connection. Made by a listener's protocol factory."""

    __slots__ = ("_inquiry", "_mail", "_peer_inquiry")

    def __init__(self, context: Context, listener: Listener) -> None:
        super().__init__(context, listener)
        self._mail: MailFacts | None = None
        self._peer_inquiry: PeerInquiry | None = None
        self._inquiry: MailInquiry | None = None

    def _react(self, event: Event) -> None:
        _REACT[type(event)](self, event)

    def _on_lost(self) -> None:
        self._drop_content()
        self._end_peer_inquiry()

    def _drop_transaction(self) -> None:
        self._drop_content()
        self._mail = self._storing = None

    def _drop_content(self) -> None:
        self._is_congested = False
        if self._draft is not None:
            draft, self._draft = self._draft, None
            draft.discard()
        self._end_inquiry()
        self._end_through()

    def _end_inquiry(self) -> None:
        if self._inquiry is not None:
            self._inquiry.close()
            self._inquiry = None

    def _end_peer_inquiry(self) -> None:
        if self._peer_inquiry is not None:
            self._peer_inquiry.close()
            self._peer_inquiry = None

    def _on_hello(self, event: Hello) -> None:
        self._end_peer_inquiry()  # of a former hello, which may have been another peer's
        inquirer = self._context.inquirer
        if inquirer is not None and self._is_stranger():
            self._peer_inquiry = inquirer.greeted(self._peer, event.name)
        super()._on_hello(event)

    def _is_stranger(self) -> bool:
        """Is it worth asking who writes? Not of our own users, nor of those whom the operator exempts."""
        listener = self._listener
        return (
            listener.protocol != "submission"
            and self._peer.login is None
            and not in_networks(self._peer.address, self._context.exempt)
        )

    def _on_mail(self, event: Mail) -> None:
        assert self._hello is not None, "the engine allows MAIL after hello only"
        if not self._context.spool.room(event.parameters.size):
            self._served().send(answers.NO_ROOM)
            return
        is_hasty = not self._hello.is_extended and self._served().buffered > 0
        facts = MailFacts(self._hello, event.reverse_path, event.parameters, is_hasty=is_hasty)
        self._mail = facts
        self._storing = Storing()
        self._end_through()
        if self._context.next_hops is not None:
            self._through = Through(self._context.next_hops, facts, is_lmtp=self._listener.is_lmtp)
        self._begin_content()
        if self._peer_inquiry is not None and self._peer.login is None:
            self._inquiry = self._peer_inquiry.mail(event.reverse_path)
        self._decide(self._context.stages.mail, facts, self._answer_mail)

    def _answer_mail(self, verdict: Verdict) -> None:
        if self._storing is not None:
            self._storing.note(verdict)
        if verdict.is_refusal:
            self._end_inquiry()
        self._say(verdict, answers.answer(verdict, answers.MAIL_OK))

    def _on_rcpt(self, event: Rcpt) -> None:
        assert self._mail is not None, "the engine allows RCPT within a transaction only"
        decide = self._context.stages.recipient
        if decide is None:
            self._answer_rcpt(ABSTAIN)
            return
        needs_names = self._context.needs_names
        if self._inquiry is not None and self._mail.authentication is None:
            if needs_names is not None and needs_names(self._mail):
                self._spawn(self._await_names(self._inquiry.early, event))
                return
            if self._context.needs_sender:
                known = self._inquiry.known()
                if known is None:
                    self._spawn(self._await_names(self._inquiry.soon, event))
                    return
                self._mail = replace(self._mail, authentication=known.authentication)
        taken = tuple(self._served().recipients[:-1])
        self._decide(decide, RecipientFacts(self._mail, event.recipient, taken), self._answer_rcpt)

    async def _await_names(self, ask: Callable[[], Awaitable[Early]], event: Rcpt) -> None:
        """Somebody decides by what DNS says of the client, and cannot wait for the content."""
        found = await ask()
        if self._transport is not None and self._mail is not None:
            self._mail = replace(self._mail, authentication=found.authentication, listings=found.listings)
            self._on_rcpt(event)

    def _answer_rcpt(self, verdict: Verdict) -> None:
        if self._through is not None and not verdict.is_refusal:
            hop = self._through.find(self._served().recipients[-1])
            if isinstance(hop, Hop) and verdict.action is Action.HOLD:
                hop = NOT_KEPT
            if isinstance(hop, Reply):
                self._served().send(hop)
                return
            if hop is not None and verdict.action is not Action.DISCARD:
                self._spawn(self._ask_hop(self._through, hop, verdict))
                return
            self._through.hops.append(hop)
        if self._storing is not None and not verdict.is_refusal:
            self._storing.note_recipient(verdict, len(self._served().recipients) - 1)
        self._say(verdict, answers.answer(verdict, answers.RCPT_OK))

    def _on_data(self, event: Data) -> None:
        self._served().send(replies.START_CONTENT)
        self._begin_content()

    def _on_chunk(self, event: Chunk) -> None:
        draft = self._draft
        if draft is None:
            draft = self._draft = self._context.spool.begin(self._on_drained)
        if self._inquiry is not None:
            self._inquiry.feed(event.octets)
        if not draft.write(event.octets):
            self._is_congested = True
            self._pause_reading()

    def _on_drained(self) -> None:
        """The spool has caught up with what arrived."""
        self._is_congested = False
        self._resume_reading()

    def _on_chunk_end(self, event: ChunkEnd) -> None:
        self._served().send(answers.CHUNK_OK)

    def _on_content_end(self, event: ContentEnd) -> None:
        assert self._mail is not None, "content comes within a transaction only"
        assert self._storing is not None, "content comes within a transaction only"
        if self._draft is None:  # an empty content brings no chunk
            self._draft = self._context.spool.begin(self._on_drained)
        self._storing.begin(self._mail, self._served().recipients, self._draft.id)
        if self._inquiry is not None:
            self._spawn(self._await_inquiry(self._inquiry))
            return
        self._ask_content()

    async def _await_inquiry(self, inquiry: MailInquiry) -> None:
        found = await inquiry.finish()
        self._end_inquiry()
        if self._transport is not None and self._storing is not None:
            self._storing.inquired = found
            self._ask_content()

    def _ask_content(self) -> None:
        """Everything is known: what is to become of it?"""
        decide = self._context.stages.content
        if decide is None:
            self._answer_content(ABSTAIN)
            return
        assert self._mail is not None, "content comes within a transaction only"
        assert self._storing is not None, "content comes within a transaction only"
        assert self._draft is not None, "the content has come"
        storing, draft, inquired = self._storing, self._draft, self._storing.inquired
        found = None if inquired is None else inquired.authentication
        facts = ContentFacts(self._mail, storing.envelope, draft.content(), draft.id, found)
        self._decide(decide, facts, self._answer_content)

    def _answer_content(self, verdict: Verdict | Sequence[Verdict]) -> None:
        """Commit what is accepted; the client hears of it when it is durable."""
        storing, draft = self._storing, self._draft
        assert storing is not None, "asked at the end of a content"
        assert draft is not None, "asked at the end of a content"
        arrived, is_lmtp = self._trace_facts(), self._listener.is_lmtp
        elsewhere = self._through.numbers if self._through is not None else frozenset[int]()
        entry = storing.plan(verdict, arrived, is_lmtp=is_lmtp, elsewhere=elsewhere)
        if elsewhere and (passing := storing.passing()):
            if storing.is_held:  # to be looked at first: that would be here
                storing.answer(dict.fromkeys(passing, NOT_KEPT))
            else:
                self._spawn(self._hand_on(passing, entry))
                return
        self._settle(entry, verdict)

    def _settle(self, entry: NewEntry | None, verdict: Verdict | Sequence[Verdict]) -> None:
        storing, draft = self._storing, self._draft
        assert storing is not None, "asked at the end of a content"
        assert draft is not None, "asked at the end of a content"
        if entry is None:
            self._drop_content()
            self._served().send_each(storing.replies(None))
            if isinstance(verdict, Verdict):
                self._end_after(verdict)
            return
        self._end_through()
        self._draft = None
        self._is_congested = False
        self._is_committing = True
        draft.commit(entry, self._committed)

    def _committed(self, fault: Exception | None) -> None:
        """Called on the loop when the message is durable, or will never be."""
        self._is_committing = False
        storing = self._storing
        if self._transport is None or storing is None:
            return  # the client has gone; the message is ours all the same
        engine = self._served()
        if engine.phase is Phase.CLOSED:
            return
        engine.send_each(storing.replies(fault))
        if self._task is None and not self._is_writing_paused:
            self._pump()

    def _on_content_failed(self, event: ContentFailed) -> None:
        self._drop_content()

    def _on_reset(self, event: Reset) -> None:
        self._drop_transaction()


_REACT: Final[dict[type[Event], Callable[[Session, Any], None]]] = {
    Hello: Session._on_hello,
    Mail: Session._on_mail,
    Rcpt: Session._on_rcpt,
    Data: Session._on_data,
    Chunk: Session._on_chunk,
    ChunkEnd: Session._on_chunk_end,
    ContentEnd: Session._on_content_end,
    ContentFailed: Session._on_content_failed,
    StartTls: Session._on_starttls,
    Auth: Session._on_auth,
    AuthResponse: Session._on_auth_response,
    AuthCancelled: Session._on_auth_cancelled,
    Verb: Session._on_verb,
    Reset: Session._on_reset,
    Quit: Session._on_quit,
    HungUp: Session._on_hung_up,
}
