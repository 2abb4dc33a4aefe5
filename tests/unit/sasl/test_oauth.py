"""Tokens and certificates: the client's side of OAUTHBEARER, XOAUTH2 and EXTERNAL, and what is chosen of all."""

from __future__ import annotations

import pytest

from samotop.sasl import (
    CLIENT_MECHANISMS,
    Credentials,
    ExternalClient,
    OAuthBearerClient,
    SaslError,
    XOAuth2Client,
    choose_mechanism,
)


def test_the_example_of_the_rfc() -> None:
    """RFC 7628 §4.1."""
    client = OAuthBearerClient(
        "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", host="server.example.com", port=143
    )
    assert client.name == "OAUTHBEARER"
    assert client.start() == (
        b"n,a=user@example.com,\1host=server.example.com\1port=143\1"
        b"auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1"
    )
    client.finish()


def test_what_is_not_known_is_left_away_and_names_are_escaped() -> None:
    assert OAuthBearerClient("", "t").start() == b"n,,\1auth=Bearer t\1\1"
    assert OAuthBearerClient("a,b=c", "t").start() == b"n,a=a=2Cb=3Dc,\1auth=Bearer t\1\1"


def test_xoauth2_as_its_provider_writes_it() -> None:
    client = XOAuth2Client("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg")
    assert client.name == "XOAUTH2"
    assert client.start() == (
        b"user=someuser@example.com\1auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\1\1"
    )


@pytest.mark.parametrize(("client", "answer"), [(OAuthBearerClient("a", "t"), b"\1"), (XOAuth2Client("a", "t"), b"")])
def test_bad_news_has_one_answer(client: OAuthBearerClient | XOAuth2Client, answer: bytes) -> None:
    """RFC 7628 §3.2.3. Success after it makes no sense."""
    assert client.step(b'{"status":"invalid_token"}') == answer
    with pytest.raises(SaslError):
        client.step(b"")
    with pytest.raises(SaslError):
        client.finish()


@pytest.mark.parametrize("token", ["", "a b", "a\1b", "a\r\n", "é"])
def test_what_is_no_token_is_not_sent(token: str) -> None:
    for make in (OAuthBearerClient, XOAuth2Client):
        with pytest.raises(ValueError) as raised:
            make("alice", token)
        assert not token or token not in str(raised.value)


def test_a_name_holds_no_control_characters() -> None:
    """A \\1 would begin another pair."""
    for make in (OAuthBearerClient, XOAuth2Client):
        with pytest.raises(ValueError):
            make("a\1auth=Bearer x", "t")
    with pytest.raises(ValueError):
        OAuthBearerClient("a", "t", host="h\1x")
    with pytest.raises(ValueError):
        XOAuth2Client("", "t")
    with pytest.raises(ValueError):
        ExternalClient("a\0b")


def test_a_certificate_says_it_all() -> None:
    """RFC 4422 appendix A: an empty response is a response."""
    client = ExternalClient()
    assert (client.name, client.start()) == ("EXTERNAL", b"")
    assert ExternalClient("alice").start() == b"alice"
    with pytest.raises(SaslError):
        client.step(b"")
    client.finish()


EVERYTHING = Credentials("u", "p", "t", has_certificate=True)


@pytest.mark.parametrize("number", range(len(CLIENT_MECHANISMS)))
def test_the_strongest_that_is_offered_is_chosen(number: int) -> None:
    chosen = choose_mechanism(CLIENT_MECHANISMS[number:], EVERYTHING, "n", b"binding", allow_plaintext=True)
    assert chosen is not None and chosen.name == CLIENT_MECHANISMS[number]


@pytest.mark.parametrize(
    ("credentials", "allow_plaintext", "expected"),
    [
        (Credentials(), True, None),
        (Credentials("u", "p"), True, "SCRAM-SHA-256"),
        (Credentials("u", token="t"), True, "OAUTHBEARER"),
        (Credentials("u", token="t"), False, None),
        (Credentials("u", "p", authzid="boss"), True, "PLAIN"),
        (Credentials("u", "p", authzid="boss"), False, None),
        (Credentials(has_certificate=True), False, "EXTERNAL"),
        (EVERYTHING, False, "EXTERNAL"),
    ],
)
def test_what_is_given_decides(credentials: Credentials, allow_plaintext: bool, expected: str | None) -> None:
    chosen = choose_mechanism(CLIENT_MECHANISMS, credentials, "n", allow_plaintext=allow_plaintext)
    assert (chosen.name if chosen else None) == expected


def test_credentials_do_not_show() -> None:
    shown = repr(Credentials("u", "hunter2", "ya29"))
    assert "hunter2" not in shown and "ya29" not in shown
