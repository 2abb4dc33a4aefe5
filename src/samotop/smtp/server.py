"""The server's side of SMTP and LMTP, with no I/O: octets in, events out, replies as values.

    engine = ServerConnection("mx.example.org")
    engine.send(Reply.of(220, None, "mx.example.org ESMTP"))
    engine.receive_data(octets)
    while (event := engine.next_event()) not in Pause: ...; engine.send(reply)
    transport.write(engine.data_to_send())

What it does: framing, grammar, order of commands, limits, the replies that
need no decision. What it does not: decide about mail, check passwords, run
TLS, know time. Syntax and order errors are answered here and never become
events. Nothing here raises for what a peer sends; a ``RuntimeError`` means
that the caller answered when nothing was asked.

RFC 5321 (SMTP), RFC 2033 (LMTP), RFC 2920 (PIPELINING), RFC 1870 (SIZE),
RFC 6152 (8BITMIME), RFC 3030 (CHUNKING, BINARYMIME), RFC 3207 (STARTTLS),
RFC 4954 (AUTH), RFC 3461 (DSN), RFC 6531 (SMTPUTF8), RFC 2034 (enhanced
status codes), RFC 8689 (REQUIRETLS), RFC 9422 (LIMITS).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from samotop.envelope import Recipient
from samotop.errors import PeerError
from samotop.reply import Reply
from samotop.smtp import replies
from samotop.smtp.commands import CommandRefused, parse_auth, parse_bdat, parse_hello, parse_mail, parse_rcpt
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
    Pause,
    Quit,
    Rcpt,
    Reset,
    StartTls,
    Verb,
)
from samotop.smtp.extensions import keywords_of, plan_extensions
from samotop.smtp.framing import ChunkReader
from samotop.smtp.lines import BareLineEnding, LineTooLong, skip_line, take_line
from samotop.smtp.rules import Rules
from samotop.smtp.states import ALLOWED, BEFORE_TLS, FOREIGN, JUNK, KNOWN, Phase, order_text
from samotop.smtp.transaction import Transaction
from samotop.smtp.xtext import parse_base64

_SKIP_LIMIT: Final = 64 * 1024
"""Octets of an over-long line that we swallow before we hang up: no mistake is longer."""

_VERB_LIMIT: Final = 32
"""Octets of a verb: the longest known one has 8."""

_NOTHING: Final = frozenset[str]()


class ServerConnection:
    """One session. See the module's page for the way of calling."""

    __slots__ = (
        "_asked",
        "_auth_failures",
        "_buffer",
        "_commands",
        "_errors",
        "_extensions",
        "_junk",
        "_mechanisms",
        "_out",
        "_pending",
        "_phase",
        "_skipped",
        "_stray",
        "_transactions",
        "_verbs",
        "hello",
        "hostname",
        "is_authenticated",
        "is_encrypted",
        "is_extended",
        "is_lmtp",
        "offers_starttls",
        "requires_auth",
        "requires_tls",
        "rules",
        "transaction",
    )

    def __init__(
        self,
        hostname: str,
        rules: Rules = Rules(),
        *,
        is_lmtp: bool = False,
        offers_starttls: bool = False,
        is_encrypted: bool = False,
        requires_tls: bool = False,
        requires_auth: bool = False,
        mechanisms: Callable[[bool], Sequence[str]] | None = None,
        verbs: Mapping[str, str] | None = None,
    ) -> None:
        """Begin a session; the greeting is awaited as the first ``send``.

        ``mechanisms(is_encrypted)`` names what AUTH offers. ``verbs`` maps
        verbs added from outside to the line that EHLO shows for them, which
        may be empty.
        """
        self.hostname = hostname
        self.rules = rules
        self.is_lmtp = is_lmtp
        self.offers_starttls = offers_starttls
        self.is_encrypted = is_encrypted
        self.requires_tls = requires_tls
        self.requires_auth = requires_auth
        self.is_authenticated = False
        self.hello = ""
        self.is_extended = False
        self.transaction: Transaction | None = None
        self._mechanisms = mechanisms
        self._verbs = verbs
        self._buffer = bytearray()
        self._out: list[bytes] = []
        self._phase = Phase.GREETING
        self._asked: type[Event] | str | None = "greeting"
        self._pending: Event | None = None  # comes before the next line is read
        self._stray: tuple[ChunkReader, Phase, Reply] | None = None  # a BDAT out of order, and what follows it
        self._errors = self._junk = self._commands = self._transactions = self._auth_failures = 0
        self._skipped = 0
        self._extensions = _NOTHING

    # --- what the caller does -------------------------------------------------------------------

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def is_waiting(self) -> bool:
        """Does an event wait for its answer?"""
        return self._asked is not None

    @property
    def buffered(self) -> int:
        """Octets received and not looked at yet: a caller stops reading when they are many."""
        return len(self._buffer)

    @property
    def recipients(self) -> Sequence[Recipient]:
        """The recipients of the transaction that is open."""
        return self.transaction.recipients if self.transaction is not None else ()

    def receive_data(self, octets: bytes) -> None:
        """Take what came from the wire."""
        if self._phase is not Phase.CLOSED:
            self._buffer += octets

    def data_to_send(self) -> bytes:
        """Give what is to be written, all replies of a pipelined batch in one."""
        out = self._out
        if not out:
            return b""
        octets = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        return octets

    def next_event(self) -> Event | Pause:
        """The next thing that happened, or why there is none."""
        while True:
            if self._pending is not None:
                event, self._pending = self._pending, None
                return event
            phase = self._phase
            if phase is Phase.CLOSED:
                return Pause.CLOSED
            if self._asked is not None or phase is Phase.HANDSHAKE:
                return Pause.WAITING
            try:
                if phase is Phase.DATA:
                    found = self._next_data()
                elif phase is Phase.CHUNK:
                    found = self._next_stray() if self._stray is not None else self._next_chunk()
                else:
                    found = self._next_command()
            except BareLineEnding:
                found = self._break_off(replies.BARE_LINE_ENDING)
            if found is not None:
                return found

    def send(self, reply: Reply) -> None:
        """Answer what was asked. Raises ``RuntimeError`` if nothing was."""
        asked = self._asked
        if asked is None:
            raise RuntimeError("nothing waits for a reply")
        self._asked = None
        if asked is ContentEnd:
            self._out.append(reply.wire * self._replies_to_content())
            self._finish_content()
        else:
            self._out.append(reply.wire)
            if isinstance(asked, str):
                self._after_greeting(reply)
            else:
                _AFTER[asked](self, reply)
        if reply.code == 421 or reply.code == 521:
            self._close()

    def send_each(self, answers: Sequence[Reply]) -> None:
        """Answer ``ContentEnd`` of LMTP: one reply per recipient, in their order (RFC 2033 §4.2)."""
        if self._asked is not ContentEnd or len(answers) != self._replies_to_content():
            raise RuntimeError("LMTP takes one reply per recipient after the content, SMTP one in all")
        self._asked = None
        self._out.extend(reply.wire for reply in answers)
        self._finish_content()

    def challenge(self, octets: bytes) -> None:
        """Answer ``Auth`` or ``AuthResponse`` with a 334 challenge (RFC 4954 §4)."""
        if self._asked is not Auth and self._asked is not AuthResponse:
            raise RuntimeError("no AUTH exchange waits for a challenge")
        self._asked = None
        self._phase = Phase.AUTH
        self._out.append(b"334 " + base64.b64encode(octets) + b"\r\n")

    def fail_content(self, reply: Reply) -> None:
        """Refuse the content that is arriving: the rest is swallowed, then ``reply`` is said."""
        if self.transaction is not None and self.transaction.refusal is None:
            self.transaction.refusal = reply

    def tls_started(self) -> None:
        """The handshake is done; the client must say EHLO again (RFC 3207 §4.2)."""
        if self._phase is not Phase.HANDSHAKE:
            raise RuntimeError("no handshake was begun")
        self._buffer.clear()
        self.is_encrypted = True
        self._forget_hello(Phase.START)

    def hang_up(self, reply: Reply) -> None:
        """End the session from our side, whatever is going on: a time-out, a stop (RFC 5321 §3.8)."""
        if self._phase is not Phase.CLOSED:
            self._out.append(reply.wire)
            self._close()

    def restart(self) -> None:
        """Begin anew as after a fresh connection, greeting awaited (XCLIENT). Answers the event that waits."""
        self._end_transaction()
        self._forget_hello(Phase.GREETING)
        self._asked = "greeting"

    def hello_reply(self) -> Reply:
        """The usual positive answer to ``Hello``: our name, and the extensions unless it was HELO."""
        if not self.is_extended:
            self._extensions = _NOTHING
            return Reply(250, None, (self.hostname,))
        lines = plan_extensions(
            self.rules,
            offers_starttls=self.offers_starttls,
            is_encrypted=self.is_encrypted,
            mechanisms=self._offered_mechanisms(),
            keywords=[line for line in self._verbs.values() if line] if self._verbs else (),
        )
        self._extensions = keywords_of(lines)
        return Reply(250, None, (self.hostname, *lines))

    # --- command lines --------------------------------------------------------------------------

    def _next_command(self) -> Event | Pause | None:
        buffer = self._buffer
        if not buffer:
            return Pause.NEED_DATA
        if self._skipped:
            return self._skip()
        try:
            line = take_line(buffer, self._line_limit())
        except LineTooLong:
            self._skipped = 1
            return None
        if line is None:
            return Pause.NEED_DATA
        if self._phase is Phase.AUTH:
            return self._auth_response(line)
        verb, _, argument = line.partition(b" ")
        verb = verb.upper()
        self._commands += 1
        if verb in JUNK:
            self._junk += 1
        if self._commands > self.rules.commands or self._junk > self.rules.junk_commands:
            return self._break_off(replies.TOO_MANY_COMMANDS)
        if verb not in KNOWN:
            return self._other_verb(verb, argument)
        is_allowed = verb in ALLOWED[self._phase]
        if verb == b"BDAT" and not is_allowed:
            return self._begin_stray(argument)
        if self.requires_tls and not self.is_encrypted and verb not in BEFORE_TLS:
            return self._error(replies.TLS_FIRST)
        if not is_allowed:
            return self._error(Reply.of(503, "5.5.1", order_text(self._phase, verb)))
        try:
            return _COMMANDS[verb](self, argument)
        except CommandRefused as refused:
            return self._error(refused.reply)

    def _line_limit(self) -> int:
        """AUTH with an initial response may be as long as a line of its exchange (RFC 4954 §4)."""
        if self._phase is Phase.AUTH or self._buffer[:5].upper() == b"AUTH ":
            return self.rules.auth_line
        return self.rules.command_line

    def _skip(self) -> Event | Pause | None:
        """Swallow an over-long line, bounded, and answer it when it has ended."""
        ended = b"\n" in self._buffer
        self._skipped += skip_line(self._buffer)
        if not ended:
            if self._skipped <= _SKIP_LIMIT:
                return Pause.NEED_DATA
            return self._break_off(replies.LINE_TOO_LONG)
        self._skipped = 0
        if self._phase is Phase.AUTH:
            return self._cancel_auth(replies.AUTH_LINE_TOO_LONG)
        return self._error(replies.LINE_TOO_LONG)

    def _error(self, reply: Reply) -> Event | None:
        """Answer a command that was wrong, and count it."""
        self._errors += 1
        if self._errors >= self.rules.errors:
            return self._break_off(replies.TOO_MANY_ERRORS)
        self._out.append(reply.wire)
        return None

    def _break_off(self, reply: Reply) -> HungUp:
        self._out.append(reply.wire)
        self._close()
        return HungUp(reply)

    def _close(self) -> None:
        self._phase = Phase.CLOSED
        self._asked = None
        self._buffer.clear()

    def _ask(self, event: Event) -> Event:
        self._asked = type(event)
        return event

    def _other_verb(self, verb: bytes, argument: bytes) -> Event | None:
        if verb in FOREIGN or verb.startswith(b"\x16\x03"):
            return self._break_off(replies.WRONG_PROTOCOL)
        if not verb.isalnum() or not verb.isascii() or len(verb) > _VERB_LIMIT:
            return self._error(replies.BAD_LINE)
        name = verb.decode("ascii")
        if self._verbs is None or name not in self._verbs:
            return self._error(replies.UNKNOWN_VERB)
        return self._ask(Verb(name, argument))

    def _on_helo(self, argument: bytes) -> Event | None:
        return self._hello(argument, is_extended=False)

    def _on_ehlo(self, argument: bytes) -> Event | None:
        return self._hello(argument, is_extended=True)

    def _hello(self, argument: bytes, *, is_extended: bool) -> Event | None:
        if self.is_lmtp:
            raise CommandRefused(replies.NEEDS_LHLO)
        return self._greet_back(argument, is_extended=is_extended)

    def _on_lhlo(self, argument: bytes) -> Event | None:
        if not self.is_lmtp:
            raise CommandRefused(replies.NEEDS_EHLO)
        return self._greet_back(argument, is_extended=True)

    def _greet_back(self, argument: bytes, *, is_extended: bool) -> Event:
        self.hello = parse_hello(argument)
        self.is_extended = is_extended
        hello = self._ask(Hello(self.hello, is_extended))
        if self.transaction is None:
            return hello
        self._end_transaction()
        self._pending = hello
        return Reset()

    def _on_mail(self, argument: bytes) -> Event | None:
        if self.requires_auth and not self.is_authenticated:
            raise CommandRefused(replies.AUTH_FIRST)
        if self._transactions >= self.rules.transactions:
            return self._break_off(replies.TOO_MANY_TRANSACTIONS)
        mail = parse_mail(argument, self._extensions, self.rules)
        self.transaction = Transaction(mail.reverse_path, mail.parameters, self.rules)
        return self._ask(mail)

    def _on_rcpt(self, argument: bytes) -> Event | None:
        transaction = self.transaction
        assert transaction is not None, "the table of states allows RCPT within a transaction only"
        recipient = parse_rcpt(argument, self._extensions, self.rules, is_utf8=transaction.parameters.is_utf8)
        if len(transaction.recipients) >= self.rules.recipients:
            self._out.append(replies.TOO_MANY_RECIPIENTS.wire)
            return None
        transaction.recipients.append(recipient)  # taken off again if the answer is no
        return self._ask(Rcpt(recipient))

    def _on_data(self, argument: bytes) -> Event | None:
        _no_argument(argument)
        if self.transaction is not None and self.transaction.is_binary:
            raise CommandRefused(replies.NO_BINARY_DATA)
        return self._ask(Data())

    def _on_rset(self, argument: bytes) -> Event | None:
        _no_argument(argument)
        self._out.append(replies.RESET.wire)
        if self.transaction is None:
            return None
        self._end_transaction()
        return Reset()

    def _on_noop(self, argument: bytes) -> Event | None:
        self._out.append(replies.OK.wire)
        return None

    def _on_quit(self, argument: bytes) -> Event | None:
        _no_argument(argument)
        self._out.append(replies.BYE.wire)
        self._close()
        return Quit()

    def _on_verify(self, argument: bytes) -> Event | None:
        if not argument:
            raise CommandRefused(replies.NEEDS_ARGUMENT)
        self._out.append(replies.VERIFY.wire)  # neither confirms nor denies: RFC 5321 §7.3
        return None

    def _on_help(self, argument: bytes) -> Event | None:
        verbs = ["LHLO" if self.is_lmtp else "HELO EHLO", "MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY EXPN HELP"]
        if self.offers_starttls and not self.is_encrypted:
            verbs.append("STARTTLS")
        if self._offered_mechanisms():
            verbs.append("AUTH")
        if self._verbs:
            verbs.extend(self._verbs)
        self._out.append(Reply.of(214, "2.0.0", "Commands: " + " ".join(verbs), replies.HELP_TAIL).wire)
        return None

    def _on_starttls(self, argument: bytes) -> Event | None:
        _no_argument(argument)
        if self.is_encrypted:
            raise CommandRefused(replies.TLS_TWICE)
        if not self.offers_starttls:
            raise CommandRefused(replies.TLS_NONE)
        return self._ask(StartTls())

    # --- AUTH -----------------------------------------------------------------------------------

    def _offered_mechanisms(self) -> Sequence[str]:
        if self._mechanisms is None or self.is_authenticated:
            return ()
        return self._mechanisms(self.is_encrypted)

    def _on_auth(self, argument: bytes) -> Event | None:
        if self.is_authenticated:
            raise CommandRefused(replies.AUTH_TWICE)
        offered = self._offered_mechanisms()
        if not offered:
            would_be = self._mechanisms(True) if self._mechanisms is not None else ()
            raise CommandRefused(replies.AUTH_TLS_FIRST if would_be else replies.AUTH_NONE)
        try:
            auth = parse_auth(argument)
        except CommandRefused as refused:
            return self._auth_error(refused.reply)
        if auth.mechanism not in offered:
            raise CommandRefused(replies.AUTH_UNKNOWN)
        return self._ask(auth)

    def _auth_response(self, line: bytes) -> Event | None:
        if line == b"*":
            return self._cancel_auth(replies.AUTH_CANCELLED)
        try:
            octets = parse_base64(line)
        except PeerError:
            return self._cancel_auth(replies.BAD_BASE64)
        self._phase = Phase.READY
        return self._ask(AuthResponse(octets))

    def _cancel_auth(self, reply: Reply) -> Event:
        self._phase = Phase.READY
        self._pending = self._auth_error(reply)
        return AuthCancelled()

    def _auth_error(self, reply: Reply) -> Event | None:
        self._auth_failures += 1
        if self._auth_failures >= self.rules.auth_failures:
            return self._break_off(replies.TOO_MANY_ERRORS)
        return self._error(reply)

    # --- content --------------------------------------------------------------------------------

    def _next_data(self) -> Event | Pause | None:
        transaction = self.transaction
        assert transaction is not None and transaction.reader is not None, "DATA was accepted"
        piece, ended = transaction.reader.take(self._buffer)
        if not ended:
            return self._piece(transaction, piece) if piece else Pause.NEED_DATA
        first = self._piece(transaction, piece) if piece else None
        if isinstance(first, HungUp):
            return first
        last = self._content_ended(transaction)
        if first is None:
            return last
        self._pending = last
        return first

    def _next_chunk(self) -> Event | Pause | None:
        transaction = self.transaction
        assert transaction is not None and transaction.chunks is not None, "BDAT was accepted"
        chunks = transaction.chunks
        if chunks.remaining:
            if not self._buffer:
                return Pause.NEED_DATA
            event = self._piece(transaction, chunks.take(self._buffer))
            if event is not None or chunks.remaining:
                return event
        if transaction.is_last:
            chunks.finish()
            return self._content_ended(transaction)
        if transaction.refusal is not None:
            self._out.append(transaction.refusal.wire)
            self._phase = Phase.SPOILED
            return None
        self._phase = Phase.CHUNKS
        return self._ask(ChunkEnd(transaction.measure.size))

    def _piece(self, transaction: Transaction, piece: bytes) -> Event | None:
        had_failed = transaction.refusal is not None
        if transaction.add(piece):
            return Chunk(piece)
        assert transaction.refusal is not None, "what is not wanted has its reason"
        if transaction.swallowed > self.rules.size:
            return self._break_off(transaction.refusal)
        return None if had_failed else ContentFailed(transaction.refusal)

    def _content_ended(self, transaction: Transaction) -> Event | None:
        if transaction.refusal is None:
            return self._ask(ContentEnd(transaction.measure.size))
        self._out.append(transaction.refusal.wire * self._replies_to_content())
        self._finish_content()
        return None

    def _replies_to_content(self) -> int:
        return len(self.recipients) if self.is_lmtp else 1

    def _finish_content(self) -> None:
        self._transactions += 1
        self._junk = 0
        self._end_transaction()

    def _on_bdat(self, argument: bytes) -> Event | None:
        size_and_last = parse_bdat(argument)
        if size_and_last is None:
            return self._break_off(replies.BDAT_SYNTAX)
        assert self.transaction is not None, "the table of states allows BDAT within a transaction only"
        self.transaction.begin_chunk(size_and_last[0], is_last=size_and_last[1])
        self._phase = Phase.CHUNK
        return None

    def _begin_stray(self, argument: bytes) -> Event | None:
        """BDAT out of order: its octets are no commands, so they are swallowed (RFC 3030 §2)."""
        size_and_last = parse_bdat(argument)
        self._errors += 1
        if size_and_last is None or size_and_last[0] > self.rules.size:
            return self._break_off(replies.BDAT_SYNTAX)
        if self._errors >= self.rules.errors:
            return self._break_off(replies.TOO_MANY_ERRORS)
        reader = ChunkReader(is_binary=True)
        reader.expect(size_and_last[0])
        self._stray = (reader, self._phase, Reply.of(503, "5.5.1", order_text(self._phase, b"BDAT")))
        self._phase = Phase.CHUNK
        return None

    def _next_stray(self) -> Pause | None:
        assert self._stray is not None, "only called for a BDAT out of order"
        reader, phase, reply = self._stray
        reader.take(self._buffer)
        if reader.remaining:
            return Pause.NEED_DATA
        self._stray = None
        self._phase = phase
        self._out.append(reply.wire)
        return None

    # --- what an answer changes -----------------------------------------------------------------

    def _after_greeting(self, reply: Reply) -> None:
        self._phase = Phase.START
        if not reply.is_positive:
            self._close()

    def _after_hello(self, reply: Reply) -> None:
        self._phase = Phase.READY if reply.is_positive else Phase.START

    def _after_mail(self, reply: Reply) -> None:
        if reply.is_positive:
            self._phase = Phase.MAIL
            self._junk = 0
        else:
            self.transaction = None

    def _after_rcpt(self, reply: Reply) -> None:
        if reply.is_positive:
            self._phase = Phase.RECIPIENTS
        elif self.transaction is not None:
            self.transaction.recipients.pop()

    def _after_data(self, reply: Reply) -> None:
        if reply.code == 354 and self.transaction is not None:
            self.transaction.begin_data()
            self._phase = Phase.DATA

    def _after_chunk(self, reply: Reply) -> None:
        if not reply.is_positive:
            self._phase = Phase.SPOILED

    def _after_starttls(self, reply: Reply) -> None:
        if reply.code == 220:
            self._buffer.clear()  # what came with STARTTLS was not protected: RFC 3207 §4.2
            self._phase = Phase.HANDSHAKE

    def _after_auth(self, reply: Reply) -> None:
        self._phase = Phase.READY
        if reply.code == 235:
            self.is_authenticated = True
            return
        self._auth_failures += 1
        if self._auth_failures >= self.rules.auth_failures:
            self._pending = self._break_off(replies.TOO_MANY_ERRORS)

    def _after_verb(self, reply: Reply) -> None:
        self._errors += reply.is_permanent

    def _end_transaction(self) -> None:
        self.transaction = None
        if self._phase is not Phase.START:
            self._phase = Phase.READY

    def _forget_hello(self, phase: Phase) -> None:
        self.hello = ""
        self.is_extended = self.is_authenticated = False
        self._extensions = _NOTHING
        self._phase = phase


def _no_argument(argument: bytes) -> None:
    if argument.strip(b" "):
        raise CommandRefused(replies.NO_ARGUMENT)


_COMMANDS: Final[dict[bytes, Callable[[ServerConnection, bytes], Event | None]]] = {
    b"HELO": ServerConnection._on_helo,
    b"EHLO": ServerConnection._on_ehlo,
    b"LHLO": ServerConnection._on_lhlo,
    b"MAIL": ServerConnection._on_mail,
    b"RCPT": ServerConnection._on_rcpt,
    b"DATA": ServerConnection._on_data,
    b"BDAT": ServerConnection._on_bdat,
    b"RSET": ServerConnection._on_rset,
    b"NOOP": ServerConnection._on_noop,
    b"QUIT": ServerConnection._on_quit,
    b"VRFY": ServerConnection._on_verify,
    b"EXPN": ServerConnection._on_verify,
    b"HELP": ServerConnection._on_help,
    b"STARTTLS": ServerConnection._on_starttls,
    b"AUTH": ServerConnection._on_auth,
}

_AFTER: Final[dict[type[Event], Callable[[ServerConnection, Reply], None]]] = {
    Hello: ServerConnection._after_hello,
    Mail: ServerConnection._after_mail,
    Rcpt: ServerConnection._after_rcpt,
    Data: ServerConnection._after_data,
    ChunkEnd: ServerConnection._after_chunk,
    StartTls: ServerConnection._after_starttls,
    Auth: ServerConnection._after_auth,
    AuthResponse: ServerConnection._after_auth,
    Verb: ServerConnection._after_verb,
}
