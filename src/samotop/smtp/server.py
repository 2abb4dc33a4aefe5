"""The server's side of SMTP and LMTP, with no I/O: octets in, events out, replies as values.

    engine = ServerConnection("mx.example.org")
    engine.send(Reply.of(220, None, "mx.example.org ESMTP"))
    engine.receive_data(octets)
    while not isinstance(event := engine.next_event(), Pause):
        ...  # events that ask: engine.send(reply)
    transport.write(engine.data_to_send())

What it does: framing, grammar, order of commands, limits, the replies that
need no decision. What it does not: decide about mail, check passwords, run
TLS, know time. Syntax and order errors are answered here and never become
events. Nothing here raises for what a peer sends; a ``RuntimeError`` means
that the caller answered when nothing was asked.

RFC 5321 (SMTP), RFC 2033 (LMTP), RFC 2920 (PIPELINING), RFC 1870 (SIZE),
RFC 6152 (8BITMIME), RFC 3030 (CHUNKING, BINARYMIME), RFC 3207 (STARTTLS),
RFC 4954 (AUTH), RFC 3461 (DSN), RFC 6531 (SMTPUTF8), RFC 2034 (enhanced
status codes), RFC 8689 (REQUIRETLS), RFC 9422 (LIMITS), RFC 2852 (DELIVERBY),
RFC 4865 (FUTURERELEASE). Choices where these leave one are in docs/smtp.md.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Final

from samotop.reply import Reply
from samotop.smtp import replies
from samotop.smtp.commands import CommandRefused
from samotop.smtp.content import begin_stray, finish_content, next_chunk, next_data, replies_to_content
from samotop.smtp.dialogue import GREETING, Dialogue
from samotop.smtp.events import (
    Auth,
    AuthResponse,
    ChunkEnd,
    ContentEnd,
    Data,
    Event,
    Hello,
    Mail,
    Pause,
    Rcpt,
    StartTls,
    Verb,
)
from samotop.smtp.extensions import keywords_of, plan_hello
from samotop.smtp.lines import BareLineEnding, LineTooLong, skip_line, take_line
from samotop.smtp.login import after_auth, cancel_auth, read_response
from samotop.smtp.states import ALLOWED, BEFORE_TLS, JUNK, KNOWN, Phase, order_text
from samotop.smtp.times import format_offers
from samotop.smtp.verbs import COMMANDS, on_other_verb

_SKIP_LIMIT: Final = 64 * 1024
"""Octets of an over-long line that we swallow before we hang up: no mistake is longer."""

# Looking a member up in its enum costs more than all the rest of a step (until Python 3.12).
_START: Final = Phase.START
_DATA: Final = Phase.DATA
_CHUNK: Final = Phase.CHUNK
_AUTH: Final = Phase.AUTH
_HANDSHAKE: Final = Phase.HANDSHAKE
_CLOSED: Final = Phase.CLOSED
_NEED_DATA: Final = Pause.NEED_DATA
_WAITING: Final = Pause.WAITING

_TLS_RECORD: Final = 0x16
"""First octet of a TLS ClientHello: no command begins with it, and its end never comes."""


class ServerConnection(Dialogue):
    """One session. See the module's page for the way of calling."""

    __slots__ = ()

    # --- what the caller does -------------------------------------------------------------------

    @property
    def is_waiting(self) -> bool:
        """Does an event wait for its answer?"""
        return self.asked is not None

    @property
    def buffered(self) -> int:
        """Octets received and not looked at yet: a caller stops reading when they are many."""
        return len(self.buffer)

    def receive_data(self, octets: bytes) -> None:
        """Take what came from the wire. Before TLS has begun after 220, and once the session is over, it is dropped."""
        if self.phase < _HANDSHAKE:
            self.buffer += octets

    def data_to_send(self) -> bytes:
        """Give what is to be written, all replies of a pipelined batch in one."""
        out = self.out
        if not out:
            return b""
        octets = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        return octets

    def next_event(self) -> Event | Pause:
        """The next thing that happened, or why there is none."""
        while True:
            if self.pending is not None:
                event, self.pending = self.pending, None
                return self.ask(event) if type(event) is Hello else event
            if self.asked is not None:
                return _WAITING
            phase = self.phase
            try:
                if phase < _DATA:
                    found = self._next_command()
                elif phase is _DATA:
                    found = next_data(self)
                elif phase is _CHUNK:
                    found = next_chunk(self)
                elif phase is _AUTH:
                    found = self._next_command()
                else:
                    return Pause.CLOSED if phase is _CLOSED else _WAITING
            except BareLineEnding:
                found = self.break_off(replies.BARE_LINE_ENDING)
            if found is not None:
                return found

    def send(self, reply: Reply) -> None:
        """Answer what was asked. Raises ``RuntimeError`` if nothing was."""
        asked = self.asked
        if asked is None:
            raise RuntimeError("nothing waits for a reply")
        self.asked = None
        if asked is ContentEnd:
            self.out.append(reply.wire * replies_to_content(self))
            finish_content(self)
        else:
            self.out.append(reply.wire)
            if isinstance(asked, str):
                self._after_greeting(reply)
            else:
                _AFTER[asked](self, reply)
        if reply.code == 421 or reply.code == 521:
            self.close()

    def send_each(self, answers: Sequence[Reply]) -> None:
        """Answer ``ContentEnd`` of LMTP: one reply per recipient, in their order (RFC 2033 §4.2)."""
        if self.asked is not ContentEnd or len(answers) != replies_to_content(self):
            raise RuntimeError("LMTP takes one reply per recipient after the content, SMTP one in all")
        self.asked = None
        finish_content(self)
        for reply in answers:
            self.out.append(reply.wire)
            if reply.code == 421 or reply.code == 521:
                self.close()

    def challenge(self, octets: bytes) -> None:
        """Answer ``Auth`` or ``AuthResponse`` with a 334 challenge (RFC 4954 §4)."""
        if self.asked is not Auth and self.asked is not AuthResponse:
            raise RuntimeError("no AUTH exchange waits for a challenge")
        self.asked = None
        self.phase = _AUTH
        self.out.append(b"334 " + base64.b64encode(octets) + b"\r\n")

    def fail_content(self, reply: Reply) -> None:
        """Refuse the content that is arriving: the rest is swallowed, then ``reply`` is said."""
        if self.transaction is not None and self.transaction.refusal is None:
            self.transaction.refusal = reply

    def tls_started(self) -> None:
        """The handshake is done; the client must say EHLO again (RFC 3207 §4.2)."""
        if self.phase is not Phase.HANDSHAKE:
            raise RuntimeError("no handshake was begun")
        self.buffer.clear()
        self.is_encrypted = True
        self.forget_hello(_START)

    def hang_up(self, reply: Reply) -> None:
        """End the session from our side, whatever is going on: a time-out, a stop (RFC 5321 §3.8)."""
        if self.phase is not _CLOSED:
            self.out.append(reply.wire)
            self.close()

    def restart(self) -> None:
        """Begin anew as after a fresh connection, greeting awaited (XCLIENT). Answers the event that waits."""
        self.transaction = None
        self.forget_hello(Phase.GREETING)
        self.asked = GREETING

    def hello_reply(self) -> Reply:
        """The usual positive answer to ``Hello``: our name, and the extensions unless it was HELO."""
        return plan_hello(
            self.hostname,
            self.rules,
            is_extended=self.is_extended,
            offers_starttls=self.offers_starttls and not self.is_encrypted,
            is_encrypted=self.is_encrypted,
            mechanisms=tuple(self.offered_mechanisms()),
            keywords=(*self._offers(), *(line for line in self.verbs.values() if line))
            if self.verbs
            else self._offers(),
        )

    def _offers(self) -> tuple[str, ...]:
        rules = self.rules
        return format_offers(rules, self.now()) if rules.hold or rules.deliver_by else ()

    # --- command lines --------------------------------------------------------------------------

    def _next_command(self) -> Event | Pause | None:
        buffer = self.buffer
        if not buffer:
            return _NEED_DATA
        if self.skipped:
            return self._skip()
        if buffer[0] == _TLS_RECORD:
            return self.break_off(replies.WRONG_PROTOCOL)
        phase = self.phase
        try:
            line = take_line(buffer, self.rules.auth_line if phase is _AUTH else self.rules.command_line)
        except LineTooLong:
            return self._too_long()
        if line is None:
            return _NEED_DATA
        if phase is _AUTH:
            return read_response(self, line)
        return self._command(line)

    def _command(self, line: bytes) -> Event | None:
        verb, _, argument = line.partition(b" ")
        verb = verb.upper()
        self.commands += 1
        if verb in JUNK:
            self.junk += 1
            if self.junk > self.rules.junk_commands:
                return self.break_off(replies.TOO_MANY_COMMANDS)
        if self.commands > self.rules.commands:
            return self.break_off(replies.TOO_MANY_COMMANDS)
        if verb not in KNOWN:
            return on_other_verb(self, verb, argument)
        is_allowed = verb in ALLOWED[self.phase]
        if not is_allowed and verb == b"BDAT":
            return begin_stray(self, argument)
        if self.requires_tls and not self.is_encrypted and verb not in BEFORE_TLS:
            return self.refuse(replies.TLS_FIRST)
        if not is_allowed:
            return self.refuse(Reply.of(503, "5.5.1", order_text(self.phase, verb)))
        try:
            return COMMANDS[verb](self, argument)
        except CommandRefused as refused:
            return self.refuse(refused.reply)

    def _too_long(self) -> Event | Pause | None:
        """A line has no end within the limit: it may be an AUTH command, else it is skipped.

        AUTH with an initial response may be as long as a line of its exchange (RFC 4954 §4).
        """
        self.too_long = replies.LINE_TOO_LONG
        if self.phase is _AUTH:
            self.too_long = replies.AUTH_LINE_TOO_LONG
        elif self.buffer[:5].upper() == b"AUTH ":
            self.too_long = replies.AUTH_LINE_TOO_LONG
            try:
                line = take_line(self.buffer, self.rules.auth_line)
            except LineTooLong:
                pass
            else:
                return _NEED_DATA if line is None else self._command(line)
        return self._skip()

    def _skip(self) -> Event | Pause | None:
        """Swallow an over-long line, bounded, and answer it when it has ended. Raises ``BareLineEnding``."""
        count, has_ended = skip_line(self.buffer, _SKIP_LIMIT - self.skipped)
        self.skipped += count
        if not has_ended:
            return self.break_off(self.too_long) if self.skipped >= _SKIP_LIMIT else _NEED_DATA
        self.skipped = 0
        if self.phase is _AUTH:
            return cancel_auth(self, self.too_long)
        return self.refuse(self.too_long)

    # --- what an answer changes -----------------------------------------------------------------

    def _after_greeting(self, reply: Reply) -> None:
        self.phase = _START
        if not reply.is_positive:
            self.close()

    def _after_hello(self, reply: Reply) -> None:
        """A parameter counts where its extension was advertised, in whatever words the caller answered."""
        self.phase = Phase.READY if reply.is_positive else _START
        self.extensions = keywords_of(reply.lines)
        if self.is_authenticated:
            self.extensions |= {"AUTH"}  # shown before the login, and MAIL AUTH= means something only after it

    def _after_mail(self, reply: Reply) -> None:
        if reply.is_positive:
            self.phase = Phase.MAIL
            self.junk = 0
        else:
            self.transaction = None

    def _after_rcpt(self, reply: Reply) -> None:
        if reply.is_positive:
            self.phase = Phase.RECIPIENTS
        elif self.transaction is not None:
            self.transaction.recipients.pop()
            self.refused_recipients += reply.is_permanent
            if self.refused_recipients >= self.rules.refused_recipients:
                self.pending = self.break_off(replies.TOO_MANY_ERRORS)

    def _after_data(self, reply: Reply) -> None:
        if reply.code == 354 and self.transaction is not None:
            self.transaction.begin_data()
            self.phase = _DATA

    def _after_chunk(self, reply: Reply) -> None:
        if not reply.is_positive:
            self.phase = Phase.SPOILED

    def _after_starttls(self, reply: Reply) -> None:
        if reply.code == 220:
            self.buffer.clear()  # what came with STARTTLS was not protected: RFC 3207 §4.2
            self.phase = Phase.HANDSHAKE

    def _after_auth(self, reply: Reply) -> None:
        after_auth(self, reply)

    def _after_verb(self, reply: Reply) -> None:
        self.errors += reply.is_permanent


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
