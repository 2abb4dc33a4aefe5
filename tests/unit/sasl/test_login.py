from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.sasl import Challenge, Failure, LoginClient, LoginServer, NeedPasswordCheck, Reason, SaslError, Success
from samotop.sasl.mechanism import BAD_CREDENTIALS, RESPONSE_LIMIT


def test_the_server_prompts_with_the_words_that_clients_look_for() -> None:
    server = LoginServer()
    assert server.start() == Challenge(b"Username:")
    assert server.step(b"alice") == Challenge(b"Password:")
    assert server.step(b"secret") == NeedPasswordCheck("alice", "secret")
    assert server.supply(True) == Success("alice")


def test_the_name_may_come_first() -> None:
    """Some clients send it with the command: AUTH LOGIN YWxpY2U=."""
    assert LoginServer().step(b"alice") == Challenge(b"Password:")


def test_a_wrong_password_fails() -> None:
    server = LoginServer()
    server.step(b"alice")
    server.step(b"wrong")
    assert server.supply(False) == BAD_CREDENTIALS


@pytest.mark.parametrize(
    "responses", [(b"a\0b",), (b"alice", b"s\0t"), (b"", b"secret"), (b"alice", b""), (b"\xff", b"p")]
)
def test_a_malformed_response_fails(responses: tuple[bytes, ...]) -> None:
    server = LoginServer()
    for octets in responses:
        step = server.step(octets)
    assert isinstance(step, Failure)
    assert step.reason is Reason.MALFORMED
    with pytest.raises(RuntimeError):
        server.step(b"secret")


@pytest.mark.parametrize("before", [(), (b"alice",)])
def test_an_overlong_response_is_not_looked_at(before: tuple[bytes, ...]) -> None:
    server = LoginServer()
    for octets in before:
        server.step(octets)
    step = server.step(b"x" * (RESPONSE_LIMIT + 1))
    assert isinstance(step, Failure)
    assert step.reason is Reason.TOO_LONG


def test_an_answer_without_a_question_is_a_bug() -> None:
    server = LoginServer()
    with pytest.raises(RuntimeError):
        server.supply(True)
    server.step(b"alice")
    server.step(b"secret")
    with pytest.raises(RuntimeError):
        server.step(b"secret")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"Username:", b"Password:"),
        (b"User Name\0", b"Password\0"),
        (b"USER", b"PASSWORD"),
        (b"Login:", b"Passphrase"),
        (b"", b""),
        (b"\xff", b"\xff"),
    ],
)
def test_the_client_answers_prompts_of_any_spelling(first: bytes, second: bytes) -> None:
    """The draft says that a client must not depend on the words."""
    client = LoginClient("alice", "secret")
    assert client.start() is None
    assert client.step(first) == b"alice"
    assert client.step(second) == b"secret"
    client.finish()


def test_the_client_gives_no_password_away() -> None:
    """A prompt that plainly asks for something else gets nothing."""
    with pytest.raises(SaslError):
        LoginClient("alice", "secret").step(b"Password:")
    client = LoginClient("alice", "secret")
    client.step(b"Username:")
    with pytest.raises(SaslError):
        client.step(b"Username:")
    client.step(b"Password:")
    with pytest.raises(SaslError):
        client.step(b"Password:")


@pytest.mark.parametrize(("login", "password"), [("", "p"), ("n", ""), ("n\0", "p"), ("n", "p\0")])
def test_the_client_refuses_what_login_cannot_carry(login: str, password: str) -> None:
    with pytest.raises(ValueError):
        LoginClient(login, password)


words = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=60)


@given(words, words)
def test_client_and_server_understand_each_other(login: str, password: str) -> None:
    client, server = LoginClient(login, password), LoginServer()
    step = server.start()
    while isinstance(step, Challenge):
        step = server.step(client.step(step.octets))
    assert step == NeedPasswordCheck(login, password)
