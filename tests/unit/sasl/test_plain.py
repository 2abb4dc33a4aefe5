from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.sasl import Challenge, Failure, NeedPasswordCheck, PlainClient, PlainServer, Reason, SaslError, Success
from samotop.sasl.mechanism import BAD_CREDENTIALS, NAME_LIMIT, PASSWORD_LIMIT, RESPONSE_LIMIT


@pytest.mark.parametrize(
    ("message", "question"),
    [
        (b"\0tim\0tanstaaftanstaaf", NeedPasswordCheck("tim", "tanstaaftanstaaf")),
        (b"Ursel\0Kurt\0xipj3plmq", NeedPasswordCheck("Kurt", "xipj3plmq", "Ursel")),
        (b"\0\xe2\x85\xa8\0a\xc2\xa0b", NeedPasswordCheck("IX", "a b")),
    ],
)
def test_a_message_becomes_a_question(message: bytes, question: NeedPasswordCheck) -> None:
    """The first two are the examples of RFC 4616 §4; the third shows that both are prepared."""
    assert PlainServer().step(message) == question


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0",
        b"tim\0password",
        b"\0\0password",
        b"\0tim\0",
        b"\0tim\0pass\0word",
        b"\0\0\0",
        b"\0t\xff\0p",
        b"\xff\0t\0p",
    ],
)
def test_a_malformed_message_fails(message: bytes) -> None:
    """RFC 4616 §2: exactly two NULs, name and password not empty, all in UTF-8."""
    step = PlainServer().step(message)
    assert isinstance(step, Failure)
    assert step.reason is Reason.MALFORMED


@pytest.mark.parametrize(
    "message",
    [
        b"\0" + b"n" * (NAME_LIMIT + 1) + b"\0p",
        b"a" * (NAME_LIMIT + 1) + b"\0n\0p",
        b"\0n\0" + b"p" * (PASSWORD_LIMIT + 1),
        b"\0n\x07\0p",
        b"\0n\0p\x07",
        b"\0\xc2\xad\0p",
        b"\0n\0\xc2\xad",
    ],
)
def test_what_nobody_can_have_is_a_wrong_credential(message: bytes) -> None:
    """Too long, not preparable, or empty once prepared: no question is asked, no time is spent."""
    assert PlainServer().step(message) == BAD_CREDENTIALS


def test_an_overlong_response_is_not_looked_at() -> None:
    step = PlainServer().step(b"\0n\0" + b"p" * RESPONSE_LIMIT)
    assert isinstance(step, Failure)
    assert step.reason is Reason.TOO_LONG


def test_the_answer_decides() -> None:
    for answer, expected in ((True, Success("tim")), (False, BAD_CREDENTIALS)):
        server = PlainServer()
        assert server.start() == Challenge(b"")
        server.step(b"\0tim\0secret")
        assert server.supply(answer) == expected


def test_an_exchange_cannot_be_used_again() -> None:
    """A second try on the same object would slip past whatever counts failures."""
    server = PlainServer()
    server.step(b"\0tim\0secret")
    with pytest.raises(RuntimeError):
        server.step(b"\0tim\0secret")
    server.supply(False)
    with pytest.raises(RuntimeError):
        server.supply(True)
    failed = PlainServer()
    failed.step(b"")
    with pytest.raises(RuntimeError):
        failed.step(b"\0tim\0secret")
    with pytest.raises(RuntimeError):
        failed.supply(True)


def test_a_question_does_not_print_its_password() -> None:
    """Values are printed in tests and tracebacks."""
    assert "secret" not in repr(PlainServer().step(b"\0tim\0secret"))


names = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=60)


@given(names, names, names | st.just(""))
def test_client_and_server_understand_each_other(login: str, password: str, authzid: str) -> None:
    client = PlainClient(login, password, authzid)
    message = client.start()
    assert message is not None
    assert PlainServer().step(message) == NeedPasswordCheck(login, password, authzid)
    client.finish()


def test_the_client_says_its_piece_once() -> None:
    with pytest.raises(SaslError):
        PlainClient("tim", "secret").step(b"more?")


@pytest.mark.parametrize(
    ("login", "password", "authzid"), [("", "p", ""), ("n", "", ""), ("n\0", "p", ""), ("n", "p", "a\0b")]
)
def test_the_client_refuses_what_plain_cannot_carry(login: str, password: str, authzid: str) -> None:
    """A NUL would move the border between name and password."""
    with pytest.raises(ValueError):
        PlainClient(login, password, authzid)
