"""The face of the client's engine. See the package's page for the way of calling.

``next_event`` raises ``BadReply`` and its kinds, after all events; the other
calls raise ``RuntimeError`` out of order. A call that comes when the session
has just ended does nothing: the events say why.
"""

from __future__ import annotations

from samotop.envelope import Envelope, Recipient
from samotop.sasl.mechanism import ClientMechanism
from samotop.smtp.client.dialogue import ClientDialogue
from samotop.smtp.client.events import Event
from samotop.smtp.client.exchange import add_recipient, begin_transaction, finish_content, go_on, send_piece, send_whole
from samotop.smtp.client.login import say_auth
from samotop.smtp.client.opening import GREETING, NOOP, QUIT, RESET, STARTTLS, after_handshake
from samotop.smtp.client.plan import plan_recipient, plan_transaction
from samotop.smtp.client.planned import Plan, TransactionPlan
from samotop.smtp.client.replies import BadReply, InjectedReply
from samotop.smtp.client.rules import ClientRules, Stage
from samotop.smtp.client.sending import ChunkSending
from samotop.smtp.client.shape import ContentShape
from samotop.smtp.client.transaction import OpenTransaction
from samotop.smtp.client.wishes import NO_WISHES, Wishes
from samotop.smtp.events import Pause
from samotop.smtp.lines import BareLineEnding


class ClientConnection(ClientDialogue):
    """One session. ``ClientDialogue`` says what it is made with."""

    __slots__ = ()

    def __init__(
        self, hello: str, rules: ClientRules = ClientRules(), *, is_lmtp: bool = False, is_encrypted: bool = False
    ) -> None:
        super().__init__(hello, rules, is_lmtp=is_lmtp, is_encrypted=is_encrypted)
        self.expected.append(GREETING)

    # --- octets -----------------------------------------------------------------------------------

    def receive_data(self, octets: bytes) -> None:
        """Take what came from the server. Once the session is over it is dropped."""
        if self.is_closed or not octets:
            return
        if self.is_handshaking:
            self.fail(InjectedReply("octets in the clear after STARTTLS was accepted"))
        elif len(self.buffer) + len(octets) > self.rules.buffered:
            self.fail(BadReply("more octets than any reply has"))
        else:
            self.buffer += octets

    def receive_end(self) -> None:
        """No more octets will come: the server closed, the connection broke, or the caller gives it up.

        What came before still counts; then the transaction, if there is one,
        ends with what is known of it.
        """
        self.is_over = True

    def next_event(self) -> Event | Pause:
        """The next thing that happened, or why there is none. Raises ``BadReply``: hang up."""
        while True:
            if self.events:
                return self.events.popleft()
            if self.failure is not None:
                failure, self.failure = self.failure, None
                raise failure
            if self.is_closed:
                return Pause.CLOSED
            if self.buffer:
                try:
                    reply = self.reader.take(self.buffer)
                except BadReply as error:
                    self.fail(error)
                    continue
                if reply is not None:
                    self.hear(reply)
                    continue
            if self.is_over:
                self.hang_up(self.stage, None)
            else:
                return Pause.NEED_DATA if self.expected else Pause.WAITING

    def data_to_send(self) -> bytes:
        """Give what is to be written. What was given counts as sent."""
        out = self.out
        if not out:
            return b""
        octets = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        self.unsent = 0
        if self.transaction is not None and self.transaction.is_whole:
            self.transaction.is_sent = True
        if self.finishing is not None:
            self.finishing.is_sent = True
        return octets

    # --- where it stands --------------------------------------------------------------------------

    @property
    def timeout(self) -> float | None:
        """Seconds that the rules give this stage; ``None`` where nothing is waited for."""
        return self.rules.timeouts.get(self.stage)

    @property
    def can_begin(self) -> bool:
        """May ``begin`` be called? Not while anything is asked, nor after MAILMAX transactions (RFC 9422 §4)."""
        mails = self.capabilities.mails
        return self.is_idle and self.is_ready and (mails is None or self.transactions < mails)

    @property
    def can_overlap(self) -> bool:
        """May ``begin`` be called although the reply to the last content has not come?

        The end of a content may be followed by the next MAIL without waiting (RFC 2920 §3.1). Not in LMTP, which has
        several such replies, nor where a chunk of it was refused, nor for two messages ahead.
        """
        transaction = self.transaction
        return (
            transaction is not None
            and transaction.is_whole
            and transaction.refusal is None
            and self.finishing is None
            and len(self.expected) == 1
            and not self.is_lmtp
            and self.capabilities.can_pipeline
            and self.rules.overlaps
            and (self.capabilities.mails is None or self.transactions < self.capabilities.mails)
        )

    @property
    def wants_content(self) -> bool:
        """Is ``send_content`` of use now? Where it is not, look at the events."""
        transaction = self.transaction
        if transaction is None or not transaction.takes_content:
            return False
        sending = transaction.sending
        return not (isinstance(sending, ChunkSending) and sending.is_full)

    # --- before mail ------------------------------------------------------------------------------

    def start_tls(self) -> None:
        """Say STARTTLS: ``TlsAccepted`` or ``Refused`` follows. Whether it was offered is the caller's to look at."""
        if self.is_encrypted:
            raise RuntimeError("TLS is there already")
        self._take_turn()
        if not self.is_closed:
            self.say(b"STARTTLS\r\n", STARTTLS)

    def tls_started(self) -> None:
        """The handshake is done: all that was known is forgotten and EHLO is said again. ``Ready`` follows."""
        if self.is_closed:
            return
        if not self.is_handshaking:
            raise RuntimeError("no handshake was begun")
        after_handshake(self)

    def authenticate(self, mechanism: ClientMechanism) -> None:
        """Say AUTH: ``Authenticated`` or ``Refused`` follows.

        SCRAM computes within ``next_event`` for as long as the server's
        iteration count demands, half a second at most.
        """
        if not self.is_encrypted and not self.rules.allows_plaintext_login:
            raise RuntimeError("no login in the clear unless the rules allow it")
        if self.is_authenticated:
            raise RuntimeError("one login is enough (RFC 4954 §4)")
        self._take_turn()
        if not self.is_closed:
            say_auth(self, mechanism)

    # --- mail -------------------------------------------------------------------------------------

    def plan(
        self, envelope: Envelope, shape: ContentShape, *, wishes: Wishes = NO_WISHES, can_convert: bool = True
    ) -> Plan:
        """``plan_transaction`` with what is known of this server."""
        return plan_transaction(
            envelope,
            shape,
            self.capabilities,
            self.rules,
            wishes=wishes,
            is_lmtp=self.is_lmtp,
            is_authenticated=self.is_authenticated,
            can_convert=can_convert,
        )

    def begin(self, plan: TransactionPlan, *, holds_content: bool = False) -> None:
        """Begin a transaction: ``ContentWanted`` or ``TransactionEnded`` follows.

        Where ``can_overlap`` allowed it, the ``TransactionEnded`` of the one before comes first.
        With ``holds_content`` each recipient's reply is told by
        ``RecipientAnswered``, more recipients may be added, and content is
        asked for by ``proceed`` alone.
        """
        if not (self.can_begin if self.transaction is None else self.can_overlap):
            raise RuntimeError("no transaction can begin now: see can_begin and can_overlap")
        begin_transaction(self, plan, holds_content=holds_content)

    def add_recipient(self, recipient: Recipient) -> None:
        """Say RCPT for one more, in a transaction that holds its content. Raises ``BadPath``, then nothing was said."""
        transaction = self._held()
        transaction.rcpts.append(plan_recipient(recipient, self.capabilities.keywords))
        transaction.recipients.append(recipient)
        add_recipient(self, transaction)

    def proceed(self) -> None:
        """The recipients are complete: go on with the content once they are answered."""
        self._held().holds_content = False
        if not self.expected:
            self.check_turn()
        go_on(self)

    def send_content(self, chunk: bytes) -> None:
        """Send a piece of content, of any length; memory holds it until ``data_to_send``.

        Nothing happens where the transaction has ended meanwhile. Raises
        ``BareLineEnding`` for what must not be sent: then the session is over,
        for DATA cannot be taken back.
        """
        transaction = self._content()
        if transaction is not None:
            try:
                send_piece(self, transaction, chunk)
            except BareLineEnding:
                self.hang_up(Stage.CONTENT, None)
                raise

    def end_content(self) -> None:
        """The content is complete: ``TransactionEnded`` follows. Raises as ``send_content`` does."""
        transaction = self._content()
        if transaction is not None:
            try:
                finish_content(self, transaction)
            except BareLineEnding:
                self.hang_up(Stage.CONTENT, None)
                raise

    def send_whole(self, octets: bytes, shape: ContentShape) -> None:
        """``send_content`` and ``end_content`` of a content that is in memory; ``measure_whole(octets)`` is its shape,
        and its line ends are not looked at a second time."""
        transaction = self._content()
        if transaction is not None:
            try:
                send_whole(self, transaction, octets, shape)
            except BareLineEnding:
                self.hang_up(Stage.CONTENT, None)
                raise

    # --- after mail -------------------------------------------------------------------------------

    def reset(self) -> None:
        """Say RSET: ``Answered`` or ``Refused`` follows. A transaction that holds its content ends here, unsent.

        There is no need of it between transactions: ``begin`` says it where
        the last one was left open.
        """
        self._abandon()
        self._take_turn()
        if not self.is_closed:
            self.say(b"RSET\r\n", RESET)

    def noop(self) -> None:
        """Say NOOP, to learn whether anybody is there: ``Answered`` or ``Refused`` follows."""
        self._take_turn()
        if not self.is_closed:
            self.say(b"NOOP\r\n", NOOP)

    def quit(self) -> None:
        """Say QUIT: ``HungUp`` follows. Nothing happens where the session is over already."""
        if self.is_closed:
            return
        self._abandon()
        if not self.is_idle:
            raise RuntimeError("something is asked that has no answer yet")
        self.check_turn()
        if not self.is_closed:
            self.say(b"QUIT\r\n", QUIT)

    # --- in order ---------------------------------------------------------------------------------

    def _take_turn(self) -> None:
        if not self.is_idle or not self.is_ready:
            raise RuntimeError("something is asked that has no answer yet, or hello was not answered well")
        self.check_turn()

    def _held(self) -> OpenTransaction:
        transaction = self.transaction
        if transaction is None or not transaction.holds_content:
            raise RuntimeError("no transaction holds its content")
        return transaction

    def _content(self) -> OpenTransaction | None:
        """The transaction that takes content; ``None`` if it took some and is over, or refused the rest."""
        if not self.has_wanted_content:
            raise RuntimeError("no content was asked for")
        transaction = self.transaction
        return transaction if transaction is not None and transaction.takes_content else None

    def _abandon(self) -> None:
        """End a transaction that holds its content and waits for nothing."""
        transaction = self.transaction
        if transaction is not None and transaction.holds_content and not self.expected:
            self.end_transaction(None, Stage.RESET)
