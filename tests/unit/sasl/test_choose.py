from __future__ import annotations

import pytest

from samotop.sasl import (
    MECHANISMS,
    LoginClient,
    LoginServer,
    PlainClient,
    PlainServer,
    ScramClient,
    ScramServer,
    plan_client,
    plan_server,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("PLAIN", PlainServer),
        ("LOGIN", LoginServer),
        ("SCRAM-SHA-256", ScramServer),
        ("SCRAM-SHA-256-PLUS", ScramServer),
    ],
)
def test_every_mechanism_has_a_server(name: str, kind: type) -> None:
    assert isinstance(plan_server(name, "nonce", b"binding"), kind)


@pytest.mark.parametrize("name", ["", "CRAM-MD5", "SCRAM-SHA-1", "plain", "SCRAM-SHA-256-PLUS"])
def test_what_we_do_not_speak_has_none(name: str) -> None:
    """-PLUS among them where no binding is known."""
    assert plan_server(name, "nonce") is None


@pytest.mark.parametrize(
    ("offered", "binding", "allow_plaintext", "first"),
    [
        (MECHANISMS, b"b", True, b"p=tls-server-end-point,,n=u,r=nonce"),
        (MECHANISMS, None, True, b"n,,n=u,r=nonce"),
        (("SCRAM-SHA-256", "PLAIN"), b"b", True, b"y,,n=u,r=nonce"),
        (("SCRAM-SHA-256", "PLAIN"), None, True, b"n,,n=u,r=nonce"),
        (("login", "plain"), b"b", True, b"\0u\0p"),
    ],
)
def test_the_strongest_is_chosen(
    offered: tuple[str, ...], binding: bytes | None, allow_plaintext: bool, first: bytes
) -> None:
    """And where -PLUS is missing although we could, we say so: the server then sees a tampered offer."""
    client = plan_client(offered, "u", "p", "nonce", binding, allow_plaintext=allow_plaintext)
    assert client is not None
    assert client.start() == first
    assert isinstance(client, ScramClient | PlainClient)


def test_login_is_the_last_resort() -> None:
    assert isinstance(plan_client(["LOGIN"], "u", "p", "nonce", allow_plaintext=True), LoginClient)


@pytest.mark.parametrize("offered", [("PLAIN", "LOGIN"), ("CRAM-MD5",), ()])
def test_the_password_is_not_handed_over_unasked(offered: tuple[str, ...]) -> None:
    assert plan_client(offered, "u", "p", "nonce", allow_plaintext=False) is None
