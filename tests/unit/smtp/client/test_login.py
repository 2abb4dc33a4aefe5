"""A login through both engines: every mechanism, our client against our server, and a server that lies."""

from __future__ import annotations

import base64

import pytest

from samotop.reply import Reply
from samotop.sasl import (
    MECHANISMS,
    Challenge,
    ClientMechanism,
    LoginClient,
    NeedPasswordCheck,
    NeedVerifier,
    PlainClient,
    ScramClient,
    ServerMechanism,
    Step,
    Success,
    derive_verifier,
    plan_client,
    plan_server,
)
from samotop.smtp import Auth, AuthResponse, Hello, ServerConnection
from samotop.smtp import Pause as ServerPause
from samotop.smtp.client import Authenticated, BadReply, ClientConnection, Event, Pause, Ready, Refused, UnprovenServer
from tests.fakes.smtp_pair import Cut, octet_by_octet, whole

BINDING = bytes(range(32))
VERIFIER = derive_verifier("secret", b"salt", 4096)


class Guarded:
    """A server's engine with its side of SASL."""

    def __init__(self, offered: tuple[str, ...] = MECHANISMS) -> None:
        self.engine = ServerConnection("mx", is_encrypted=True, mechanisms=lambda _: offered)
        self.engine.send(Reply.of(220, None, "mx"))
        self.mechanism: ServerMechanism | None = None
        self.is_done = False

    def feed(self, octets: bytes) -> bytes:
        self.engine.receive_data(octets)
        while not isinstance(event := self.engine.next_event(), ServerPause):
            if isinstance(event, Hello):
                self.engine.send(self.engine.hello_reply())
            elif isinstance(event, Auth):
                self.mechanism = plan_server(event.mechanism, "server", BINDING)
                assert self.mechanism is not None
                self.is_done = False
                self.answer(self.mechanism.start() if event.initial is None else self.mechanism.step(event.initial))
            elif isinstance(event, AuthResponse):
                assert self.mechanism is not None
                if self.is_done:
                    self.engine.send(Reply.of(235, "2.7.0", "Welcome"))
                else:
                    self.answer(self.mechanism.step(event.octets))
        return self.engine.data_to_send()

    def answer(self, step: Step) -> None:
        assert self.mechanism is not None
        while isinstance(step, NeedPasswordCheck | NeedVerifier):
            if isinstance(step, NeedVerifier):
                step = self.mechanism.supply(VERIFIER)
            else:
                step = self.mechanism.supply((step.name, step.password) == ("alice", "secret"))
        if isinstance(step, Challenge):
            self.engine.challenge(step.octets)
        elif isinstance(step, Success):
            self.is_done = True
            if step.octets:
                self.engine.challenge(step.octets)
            else:
                self.engine.send(Reply.of(235, "2.7.0", "Welcome"))
        else:
            self.engine.send(Reply.of(535, "5.7.8", "Not right"))


def log_in(mechanism: ClientMechanism, cut: Cut = whole, server: Guarded | None = None) -> Event | BadReply:
    server = server or Guarded()
    client = ClientConnection("client.example.net", is_encrypted=True)
    heard = server.feed(b"")
    for _ in range(50):
        for piece in cut(heard):
            client.receive_data(piece)
            try:
                event = client.next_event()
            except BadReply as error:
                return error
            if isinstance(event, Ready):
                client.authenticate(mechanism)
            elif not isinstance(event, Pause):
                assert client.is_authenticated is isinstance(event, Authenticated)
                return event
        heard = b"".join([server.feed(piece) for piece in cut(client.data_to_send())])
    raise AssertionError("the login has no end")


def client_side(name: str, password: str) -> ClientMechanism:
    client = plan_client(
        [name], "alice", password, "client", BINDING if name.endswith("PLUS") else None, allow_plaintext=True
    )
    assert client is not None and client.name == name
    return client


@pytest.mark.parametrize("cut", [whole, octet_by_octet])
@pytest.mark.parametrize("name", MECHANISMS)
def test_who_knows_the_password_is_let_in(name: str, cut: Cut) -> None:
    assert isinstance(log_in(client_side(name, "secret"), cut), Authenticated)


@pytest.mark.parametrize("name", MECHANISMS)
def test_who_does_not_is_not(name: str) -> None:
    event = log_in(client_side(name, "guess"))
    assert isinstance(event, Refused) and event.reply.code == 535


@pytest.mark.parametrize("mechanism", [PlainClient("a" * 300, "secret"), LoginClient("a" * 300, "s" * 900)])
def test_long_names_go_in_a_line_of_their_own(mechanism: ClientMechanism) -> None:
    assert isinstance(log_in(mechanism), Refused)


def test_a_server_that_cannot_prove_itself_is_not_believed() -> None:
    """SCRAM: a thief of the name has no verifier, and says 235 at once."""
    client = ClientConnection("client.example.net", is_encrypted=True)
    client.receive_data(b"220 mx\r\n")
    client.next_event()
    client.data_to_send()
    client.receive_data(b"250-mx\r\n250 AUTH SCRAM-SHA-256\r\n")
    client.next_event()
    client.authenticate(ScramClient("alice", "secret", "client"))
    client.data_to_send()
    client.receive_data(b"235 Welcome\r\n")
    with pytest.raises(UnprovenServer):
        client.next_event()
    assert not client.is_authenticated
    assert client.next_event() is Pause.CLOSED


def test_a_server_that_asks_for_too_little_work_learns_nothing() -> None:
    """Fewer rounds than RFC 7677 §4 asks for would make guessing cheap: the exchange is cancelled."""
    client = ClientConnection("client.example.net", is_encrypted=True)
    client.receive_data(b"220 mx\r\n")
    client.next_event()
    client.data_to_send()
    client.receive_data(b"250 mx\r\n")
    client.next_event()
    client.authenticate(ScramClient("alice", "secret", "client"))
    client.data_to_send()
    client.receive_data(b"334 " + base64.b64encode(b"r=clientserver,s=c2FsdA==,i=1") + b"\r\n")
    assert client.next_event() is Pause.NEED_DATA
    assert client.data_to_send() == b"*\r\n"
    client.receive_data(b"501 Cancelled\r\n")
    event = client.next_event()
    assert isinstance(event, Refused) and "iteration" in event.reason
    client.authenticate(PlainClient("alice", "secret"))
