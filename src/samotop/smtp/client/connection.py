"""The client's side of one session. See the package's page for the way of calling."""

from __future__ import annotations

from samotop.envelope import Envelope, Recipient
from samotop.reply import Reply
from samotop.sasl.mechanism import ClientMechanism
from samotop.smtp.client.capabilities import Capabilities
from samotop.smtp.client.events import Event
from samotop.smtp.client.plan import Plan, TransactionPlan
from samotop.smtp.client.rules import ClientRules, Stage
from samotop.smtp.client.shape import ContentShape
from samotop.smtp.client.wishes import NO_WISHES, Wishes
from samotop.smtp.events import Pause


class ClientConnection:
    """One session."""

    def __init__(
        self, hello: str, rules: ClientRules = ClientRules(), *, is_lmtp: bool = False, is_encrypted: bool = False
    ) -> None:
        """``hello`` is what we call ourselves. Raises ``ValueError`` if it cannot be said.

        ``is_encrypted``: TLS from the start, or a way that nobody else reads:
        a UNIX socket, a child process.
        """
        self.greeting: Reply | None = None
        self.capabilities: Capabilities
        self.is_encrypted = is_encrypted
        self.is_authenticated = False
        raise NotImplementedError

    # --- octets -----------------------------------------------------------------------------------

    def receive_data(self, octets: bytes) -> None:
        """Take what came from the server."""

    def receive_end(self) -> None:
        """There will be no more octets: the server closed, the connection broke, or the caller gives up (a deadline)."""

    def next_event(self) -> Event | Pause:
        """The next thing that happened, or why there is none. Raises ``BadReply``."""
        raise NotImplementedError

    def data_to_send(self) -> bytes:
        """Give what is to be written."""
        raise NotImplementedError

    # --- where it stands --------------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        """What is waited for."""
        raise NotImplementedError

    @property
    def timeout(self) -> float | None:
        """Seconds that the rules allow for this stage; ``None`` where nothing is waited for."""
        raise NotImplementedError

    @property
    def can_begin(self) -> bool:
        """May ``begin`` be called now? No while something is asked, nor after MAILMAX transactions (RFC 9422)."""
        raise NotImplementedError

    @property
    def wants_content(self) -> bool:
        raise NotImplementedError

    # --- what to do next --------------------------------------------------------------------------

    def start_tls(self) -> None:
        """Say STARTTLS."""

    def tls_started(self) -> None:
        """The handshake is done: all that was known is forgotten, EHLO is said again."""

    def authenticate(self, mechanism: ClientMechanism) -> None:
        """Say AUTH."""

    def plan(
        self, envelope: Envelope, shape: ContentShape, *, wishes: Wishes = NO_WISHES, can_convert: bool = True
    ) -> Plan:
        """``plan_transaction`` with what is known of this server."""
        raise NotImplementedError

    def begin(self, plan: TransactionPlan, *, holds_content: bool = False) -> None:
        """Begin a transaction."""

    def add_recipient(self, recipient: Recipient) -> None:
        """Say RCPT for one more, in a transaction that holds its content."""

    def proceed(self) -> None:
        """The recipients are complete: ask for the content, in a transaction that holds it."""

    def send_content(self, chunk: bytes) -> None:
        """Send a piece of content."""

    def end_content(self) -> None:
        """The content is complete."""

    def reset(self) -> None:
        """Say RSET: also the end of a transaction that holds its content."""

    def noop(self) -> None:
        """Say NOOP: is anybody there?"""

    def quit(self) -> None:
        """Say QUIT."""
