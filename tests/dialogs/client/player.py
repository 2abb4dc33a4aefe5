"""Plays a dialog with the client's engine, the server's octets cut in any way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from samotop.address import NULL_PATH, Address
from samotop.envelope import Envelope, Recipient
from samotop.reply import Reply
from samotop.sasl import ClientMechanism, LoginClient, OAuthBearerClient, PlainClient, XOAuth2Client
from samotop.smtp.client import (
    Answered,
    Authenticated,
    BadReply,
    ClientConnection,
    ClientRules,
    ContentShape,
    ContentWanted,
    Event,
    HungUp,
    Pause,
    Ready,
    RecipientAnswered,
    RecipientResult,
    Refused,
    TlsAccepted,
    TransactionEnded,
)
from tests.dialogs.client.script import Dialog
from tests.dialogs.script import unescape

Cut = Callable[[bytes], Iterable[bytes]]


def describe(event: Event) -> list[str]:
    """The words in which dialogs name events."""
    match event:
        case Ready(capabilities):
            return ["ready" if capabilities.is_extended else "ready HELO"]
        case TlsAccepted():
            return ["tls"]
        case Authenticated():
            return ["authenticated"]
        case Refused(stage, reply, reason):
            return [f"refused {stage.value} {reply.code}" + (f": {reason}" if reason else "")]
        case Answered(reply):
            return [f"answered {reply.code}"]
        case RecipientAnswered(result):
            return ["asked " + _describe_one(result)]
        case ContentWanted():
            return ["content"]
        case TransactionEnded(result):
            ending = [
                "ended" + (f" {result.final.code}" if result.final else "") + (" uncertain" * result.is_uncertain)
            ]
            return [*ending, *map(_describe_one, result.recipients)]
        case HungUp(stage, reply):
            return [f"hung up {stage.value} {_code(reply)}"]


def _describe_one(one: RecipientResult) -> str:
    word = (
        "accepted" if one.is_accepted else "uncertain" if one.is_uncertain else "unsent" if not one.reply else "refused"
    )
    return f"{one.recipient.address} {word} {one.stage.value} {_code(one.reply)}"


def _code(reply: Reply | None) -> str:
    return str(reply.code) if reply else "-"


class Played:
    """One client with what it did."""

    def __init__(self, dialog: Dialog) -> None:
        settings = dialog.settings
        rules = ClientRules(
            prefers_chunking="@chunking" in settings,
            allows_plaintext_login="@plaintext-login" in settings,
            chunk=8,
            chunks_waiting=2,
        )
        self.client = ClientConnection(
            "client.example.net", rules, is_lmtp="@lmtp" in settings, is_encrypted="@private" in settings
        )
        self.told: list[str] = []
        self.said = b""

    def receive(self, octets: bytes) -> None:
        self.client.receive_data(octets)
        self.look()

    def look(self) -> None:
        """Note all events, and what is to be written."""
        while True:
            try:
                event = self.client.next_event()
            except BadReply as error:
                self.told.append(f"error {type(error).__name__}: {error}")
                continue
            if isinstance(event, Pause):
                break
            self.told += describe(event)
        self.said += self.client.data_to_send()

    def call(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        client = self.client
        match word:
            case "begin" | "hold":
                recipients = tuple(_recipient(name) for name in rest.split())
                plan = client.plan(
                    Envelope(Address("a", "example.net") if rest else NULL_PATH, recipients), ContentShape()
                )
                client.begin(plan.transactions[0], holds_content=word == "hold")
            case "add":
                client.add_recipient(_recipient(rest))
            case "proceed":
                client.proceed()
            case "content":
                client.send_content(unescape(rest))
                client.end_content()
            case "chunk":
                client.send_content(unescape(rest))
            case "end":
                client.end_content()
            case "reset":
                client.reset()
            case "noop":
                client.noop()
            case "quit":
                client.quit()
            case "starttls":
                client.start_tls()
            case "tls":
                client.tls_started()
            case "auth":
                client.authenticate(_mechanism(rest))
            case "lose":
                client.receive_end()
        self.look()


def _recipient(name: str) -> Recipient:
    local, _, domain = name.partition("@")
    return Recipient(Address(local, domain))


def _mechanism(name: str) -> ClientMechanism:
    match name:
        case "PLAIN":
            return PlainClient("alice", "secret")
        case "LONG":
            return PlainClient("alice", "s" * 400)
        case "LOGIN":
            return LoginClient("alice", "secret")
        case "OAUTHBEARER":
            return OAuthBearerClient("alice@example.org", "token", host="mx.example.org", port=587)
        case "XOAUTH2":
            return XOAuth2Client("alice@example.org", "token")
    raise ValueError(f"no mechanism {name}")


def play(dialog: Dialog, cut: Cut) -> Iterator[str]:
    """Play it; yields what is not as written."""
    played = Played(dialog)
    for step in dialog.steps:
        match step.kind:
            case "S":
                for piece in cut(step.octets):
                    played.receive(piece)
            case "eof":
                played.client.receive_end()
                played.look()
            case ">":
                if played.told or played.said:
                    yield f"before > {step.text}: {played.told} {played.said!r}"
                played.call(step.text)
            case "!":
                told = played.told.pop(0) if played.told else "nothing"
                if told != step.text:
                    yield f"expected ! {step.text}, was told {told}"
            case "C":
                said, played.said = played.said[: len(step.octets)], played.said[len(step.octets) :]
                if said != step.octets:
                    yield f"expected C {step.octets!r}, was sent {said!r}"
            case "stage":
                if played.client.stage.value != step.text:
                    yield f"expected stage {step.text}, is {played.client.stage.value}"
    if played.told or played.said:
        yield f"at the end came also {played.told} {played.said!r}"
