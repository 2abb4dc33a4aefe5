"""Plays a dialog with the engine, its client's octets cut in any way.

``play`` answers every event as ``dialog`` says and as a plain reception would,
and returns everything that could be seen from outside: octets, events with
neighbouring chunks put together, contents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from samotop.reply import Reply
from samotop.smtp import (
    Auth,
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
    Rules,
    ServerConnection,
    StartTls,
    Verb,
)
from samotop.smtp.states import Phase
from tests.dialogs.script import Arrived, Client, Closed, Dialog, Handshake, Server

GREETING = "220 mx.example.org ESMTP"
CREDENTIALS = (b"alice", b"secret")
NOW = 1_893_456_000.0 + 36_000
"""2030-01-01T10:00:00Z."""


@dataclass(frozen=True, slots=True)
class Played:
    """All that a session showed."""

    octets: bytes
    events: tuple[object, ...]
    contents: tuple[bytes, ...]
    is_closed: bool


class Session:
    """One engine with somebody to answer it."""

    def __init__(self, dialog: Dialog) -> None:
        self.dialog = dialog
        self.answers = dict(dialog.answers)
        self.mechanism = ""
        self.user = b""
        self.events: list[object] = []
        self.contents: list[bytes] = []
        self.arriving = b""
        self.octets = b""
        self.engine = ServerConnection(
            "mx.example.org",
            Rules(**dict(dialog.rules)),
            is_lmtp=dialog.is_lmtp,
            offers_starttls=dialog.tls in ("starttls", "required"),
            is_encrypted=dialog.tls == "implicit",
            requires_tls=dialog.tls == "required",
            requires_auth=dialog.requires_login,
            mechanisms=self._mechanisms if dialog.mechanisms else None,
            verbs=dict(dialog.verbs) or None,
            now=lambda: NOW,
        )
        self.engine.send(self._answer("greeting", GREETING))

    def _mechanisms(self, is_encrypted: bool) -> tuple[str, ...]:
        return self.dialog.mechanisms if is_encrypted or self.dialog.allows_plaintext_login else ()

    def feed(self, octets: bytes) -> bytes:
        """Take octets, answer every event; returns what is sent for them."""
        self.engine.receive_data(octets)
        while not isinstance(event := self.engine.next_event(), Pause):
            self._note(event)
            self._react(event)
        sent = self.engine.data_to_send()
        self.octets += sent
        return sent

    def handshake(self) -> None:
        if self.engine.phase is Phase.HANDSHAKE:
            self.engine.tls_started()

    def played(self) -> Played:
        return Played(self.octets, tuple(self.events), tuple(self.contents), self.engine.phase is Phase.CLOSED)

    def _note(self, event: Event) -> None:
        """Chunks are put together; those of a content that comes to nothing may end anywhere and do not count."""
        last = self.events[-1] if self.events else None
        if isinstance(last, Chunk):
            if isinstance(event, Chunk):
                event = Chunk(last.octets + event.octets)
            if isinstance(event, Chunk | ContentFailed | Reset | HungUp | Quit):
                self.events.pop()
        if not (isinstance(event, Chunk) and self.dialog.failure):
            self.events.append(event)

    def _react(self, event: Event) -> None:
        engine = self.engine
        match event:
            case Hello():
                usual = engine.hello_reply()
                engine.send(self._answer("hello", "") if "hello" in self.answers else usual)
            case Mail():
                engine.send(self._answer("mail", "250 2.1.0 Ok", str(event.reverse_path)))
            case Rcpt():
                address = str(event.recipient.address)
                known = not self.dialog.mailboxes or address in self.dialog.mailboxes
                engine.send(self._answer("rcpt", "250 2.1.5 Ok" if known else "550 5.1.1 No such mailbox", address))
            case Data():
                engine.send(self._answer("data", "354 Go ahead"))
            case Chunk():
                self.arriving += event.octets
                if self.dialog.failure:
                    engine.fail_content(parse_reply(self.dialog.failure))
            case ChunkEnd():
                engine.send(self._answer("chunk", f"250 2.0.0 {event.size} octets"))
            case ContentEnd():
                assert event.size == len(self.arriving)
                self.contents.append(self.arriving)
                self.arriving = b""
                addresses = [str(recipient.address) for recipient in engine.recipients] if engine.is_lmtp else [""]
                engine.send_each([self._answer("content", "250 2.0.0 Taken", address) for address in addresses])
            case ContentFailed() | Reset():
                self.arriving = b""
            case StartTls():
                engine.send(self._answer("starttls", "220 2.0.0 Go ahead"))
            case Auth():
                self.mechanism, self.user = event.mechanism, b""
                self._login(event.initial)
            case AuthResponse():
                self._login(event.octets)
            case Verb():
                engine.send(Reply.of(250, "2.0.0", f"{event.verb} {event.argument.decode('ascii', 'replace')}"))
            case _:
                pass

    def _login(self, octets: bytes | None) -> None:
        """PLAIN, LOGIN, or a mechanism of any other name that echoes until it hears ``done``."""
        engine = self.engine
        if octets is None:
            engine.challenge(b"Username:" if self.mechanism == "LOGIN" else b"")
        elif self.mechanism == "LOGIN" and not self.user:
            self.user = octets
            engine.challenge(b"Password:")
        elif self.mechanism in ("PLAIN", "LOGIN"):
            said = (self.user, octets) if self.mechanism == "LOGIN" else tuple(octets.split(b"\0")[1:])
            is_right = said == CREDENTIALS
            engine.send(Reply.of(235, "2.7.0", "Welcome") if is_right else Reply.of(535, "5.7.8", "Not right"))
        elif octets == b"done":
            engine.send(Reply.of(235, "2.7.0", "Welcome"))
        else:
            engine.challenge(octets)

    def _answer(self, kind: str, usual: str, address: str = "") -> Reply:
        return parse_reply(self.answers.get(f"{kind}:{address}") or self.answers.get(kind) or usual)


def parse_reply(text: str) -> Reply:
    """``550 5.1.1 No such mailbox``, the status only where there is one."""
    code, _, rest = text.partition(" ")
    status, _, words = rest.partition(" ")
    if status[:2] in ("2.", "4.", "5."):
        return Reply.of(int(code), status, words)
    return Reply.of(int(code), None, rest)


def segments(dialog: Dialog) -> list[bytes]:
    """The client's octets, parted where TLS begins."""
    found = [b""]
    for step in dialog.steps:
        if isinstance(step, Client):
            found[-1] += step.octets
        elif isinstance(step, Handshake):
            found.append(b"")
    return found


def play(dialog: Dialog, cuts: Iterable[int]) -> Played:
    """Play it with the client's octets cut at ``cuts``, counted from the dialog's beginning."""
    places = sorted(cuts)
    session = Session(dialog)
    session.feed(b"")
    begin = 0
    for number, segment in enumerate(segments(dialog)):
        if number:
            session.handshake()
        inner = [place - begin for place in places if begin < place < begin + len(segment)]
        for start, end in pairwise([0, *inner, len(segment)]):
            session.feed(segment[start:end])
        begin += len(segment)
    return session.played()


def play_as_written(dialog: Dialog) -> Iterator[str]:
    """Play it step by step, as a client that waits for each reply; yields what is not as written."""
    session = Session(dialog)
    heard = session.feed(b"")
    if "greeting" not in session.answers:
        heard = heard.partition(b"\r\n")[2]
    expected = b""
    for step in dialog.steps:
        match step:
            case Client():
                heard += session.feed(step.octets)
            case Server():
                problem, heard = take_expected(step, heard)
                if problem:
                    yield problem
            case Handshake():
                if session.engine.phase is not Phase.HANDSHAKE:
                    yield "no handshake begins here"
                session.handshake()
            case Closed():
                if session.engine.phase is not Phase.CLOSED:
                    yield "not closed"
            case Arrived():
                expected += step.octets
    if heard:
        yield f"at the end came also {heard!r}"
    if (session.engine.phase is Phase.CLOSED) is not any(isinstance(step, Closed) for step in dialog.steps):
        yield "!closed stands where the session is over, and nowhere else"
    if any(isinstance(step, Arrived) for step in dialog.steps) and b"".join(session.contents) != expected:
        yield f"the content was {b''.join(session.contents)!r}"


def take_expected(step: Server, heard: bytes) -> tuple[str, bytes]:
    """Take what ``step`` expects off ``heard``: what is wrong with it, and the rest."""
    line, _, rest = heard.partition(b"\r\n")
    text = line.decode("ascii", "replace")
    while step.how == "S*" and line.startswith(f"{step.text}-".encode()):
        line, _, rest = rest.partition(b"\r\n")
        text = line.decode("ascii", "replace")
    is_right = text == step.text if step.how == "S:" else text.startswith(step.text)
    return "" if is_right else f"expected {step.how} {step.text!r}, heard {text!r}", rest
