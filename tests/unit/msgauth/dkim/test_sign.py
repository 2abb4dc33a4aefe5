"""Signing: what is covered, how the field is written, what is refused (RFC 6376 §5)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from samotop.content import Content
from samotop.msgauth import dkim
from samotop.msgauth.dkim import Signer, SigningKey, SigningPass, UnsignableContent
from samotop.msgauth.dkim.parse import parse_signature
from samotop.msgauth.signature import Canonicalization, SignedHeader
from tests.fakes.signing import EDWARDS, KEYS, MESSAGE, NOW, RSA, publish

SIGNER = Signer("example.org", KEYS)
ONE = Signer("example.org", KEYS[1:])


def names(field: bytes) -> list[str]:
    (signature,) = SignedHeader(field).fields
    return [name.decode() for name in parse_signature(signature.value).names]


def test_each_key_makes_a_field() -> None:
    fields = SignedHeader(dkim.sign(MESSAGE, SIGNER, now=NOW)).fields
    assert [parse_signature(field.value).selector for field in fields] == ["r", "e"]
    assert [parse_signature(field.value).timestamp for field in fields] == [NOW, NOW]


def test_the_same_message_gets_the_same_signature() -> None:
    """Nothing in it is left to chance, so that a second attempt at delivery sends the same octets."""
    assert dkim.sign(MESSAGE, SIGNER, now=NOW) == dkim.sign(MESSAGE, SIGNER, now=NOW)


def test_what_readers_see_is_oversigned_and_the_rest_is_signed_if_there() -> None:
    """RFC 6376 §8.15: one entry more than there are fields allows no further one."""
    message = b"List-Id: <l.example.org>\r\nReceived: x\r\nCc: a@b.example\r\nX-Foo: 1\r\n" + MESSAGE
    signed = names(dkim.sign(message, ONE, now=NOW))
    for once in ("from", "to", "cc", "subject", "date", "message-id"):
        assert signed.count(once) == 2
    for never in ("reply-to", "in-reply-to", "references", "mime-version", "content-type"):
        assert signed.count(never) == 1
    assert signed.count("list-id") == 1
    assert not {"received", "x-foo", "return-path", "sender", "list-unsubscribe"} & set(signed)


def test_repeated_fields_are_all_signed() -> None:
    signed = names(dkim.sign(b"Resent-To: a\r\nResent-To: b\r\n" + MESSAGE, ONE, now=NOW))
    assert signed.count("resent-to") == 2


def test_what_is_signed_can_be_chosen() -> None:
    signer = Signer("example.org", KEYS[1:], oversigned=("From",), signed=("X-Foo", "subject", "from"))
    assert names(dkim.sign(b"x-foo: 1\r\n" + MESSAGE, signer, now=NOW)) == ["from", "from", "x-foo", "subject"]


@pytest.mark.parametrize("header_form", list(Canonicalization))
@pytest.mark.parametrize("body_form", list(Canonicalization))
async def test_what_is_signed_in_any_form_verifies(header_form: Canonicalization, body_form: Canonicalization) -> None:
    signer = Signer("example.org", KEYS, header_form=header_form, body_form=body_form, identity="a@sub.example.org")
    for message in (MESSAGE, b"From: x\r\n\r\n", b"From: x", b"From: x\r\n\r\n\r\n \r\n", b"From: x\r\n\r\nno end "):
        signed = dkim.sign(message, signer, now=NOW) + message
        results = await dkim.verify(signed, publish(), now=NOW)
        assert [one.result for one in results] == ["pass", "pass"], message
        assert results[0].canonicalization == f"{header_form}/{body_form}"
        assert results[0].identity == "a@sub.example.org"


header_values = st.text(st.sampled_from("ab :;=\t\x0bé"), max_size=30).map(lambda text: text.encode())
header_fields = st.tuples(st.sampled_from([b"Subject", b"To", b"X-Y", b"List-Id", b"subject "]), header_values)
message_bodies = st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\n", b"\r", b"\xff"]), max_size=30).map(
    b"".join
)


@given(fields=st.lists(header_fields, max_size=8), body=message_bodies, step=st.integers(1, 50))
async def test_whatever_is_signed_verifies(fields: list[tuple[bytes, bytes]], body: bytes, step: int) -> None:
    message = b"".join(b"%s:%s\r\n" % field for field in [*fields, (b"From", b"x")]) + b"\r\n" + body
    signing = SigningPass(SIGNER, NOW)
    for at in range(0, len(message), step):
        signing.feed(message[at : at + step])
    signed = signing.finish()
    assert signed == dkim.sign(Content.from_bytes(message), SIGNER, now=NOW)
    results = await dkim.verify(signed + message, publish(), now=NOW)
    assert [one.result for one in results] == ["pass", "pass"]


def test_the_field_is_folded() -> None:
    """RFC 5322 §2.1.1: at most 78 columns, so that nobody on the way has a reason to fold it again."""
    message = b"".join(b"List-Id: %d\r\n" % number for number in range(100)) + MESSAGE
    for line in dkim.sign(message, SIGNER, now=NOW).split(b"\r\n"):
        assert len(line) <= 78
        assert not line.endswith((b" ", b"\t"))
        assert not re.search(rb"[\x00-\x1f\x7f-\xff]", line)


def test_expiry_and_identity_are_written_if_wanted() -> None:
    assert b" x=" not in dkim.sign(MESSAGE, ONE, now=NOW)
    assert b" i=" not in dkim.sign(MESSAGE, ONE, now=NOW)
    signer = Signer("example.org", KEYS[1:], lifetime=3600, identity="a;b c=d@example.org")
    (field,) = SignedHeader(dkim.sign(MESSAGE, signer, now=NOW)).fields
    read = parse_signature(field.value)
    assert read.expires == NOW + 3600
    assert read.identity == "a;b c=d@example.org"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"To: x\r\n\r\nbody",
        b"From: a\r\nFrom: b\r\n\r\n",
        b"From: a\nTo: b\r\n\r\n",
        b"From: a\rTo: b\r\n\r\n",
        b" folded: x\r\nFrom: a\r\n\r\n",
        b"From: a\r\nno field\r\nTo: b\r\n\r\n",
        b"From: a\r\nX: " + b"x" * 300_000 + b"\r\n\r\n",
    ],
)
def test_what_readers_would_disagree_about_is_not_signed(message: bytes) -> None:
    """Our name is not put under a message that shows as somebody else's elsewhere (RFC 6376 §3.8, §5.4)."""
    with pytest.raises(UnsignableContent):
        dkim.sign(message, SIGNER, now=NOW)


@pytest.mark.parametrize(
    "fault",
    [
        {"domain": "org"},
        {"domain": "exa mple.org"},
        {"domain": ""},
        {"domain": "a" * 60 + "." + ".".join(["b" * 60] * 3)},
        {"keys": ()},
        {"oversigned": ("to",), "signed": ()},
        {"oversigned": ("from", "bad name")},
        {"signed": ("a:b",)},
        {"signed": ("",)},
        {"signed": ("dkim-signature",)},
        {"identity": "a@example.com"},
        {"identity": "example.org"},
        {"identity": "a\r\nb@example.org"},
        {"lifetime": 0},
    ],
)
def test_a_signer_that_nobody_could_verify_is_not_made(fault: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Signer(**{"domain": "example.org", "keys": KEYS, **fault})


def test_a_selector_and_a_key_are_checked() -> None:
    for selector in ("", "a b", "a..b", "x" * 64):
        with pytest.raises(ValueError, match="is no selector"):
            SigningKey(selector, EDWARDS)
    with pytest.raises(ValueError):
        SigningKey("s", ec.derive_private_key(1, ec.SECP256R1()))  # type: ignore[arg-type]  # what must be refused
    assert SigningKey("S1", RSA).selector == "s1"
    assert SigningKey("s", RSA).algorithm == "rsa-sha256"
    assert SigningKey("s", EDWARDS).algorithm == "ed25519-sha256"


def test_international_domains_are_written_in_a_labels() -> None:
    """RFC 8616 §5 allows U-labels only in mail that is UTF-8 itself; A-labels are right in any."""
    field = dkim.sign(MESSAGE, Signer("bücher.example", KEYS[1:], identity="é@bücher.example"), now=NOW)
    assert b" d=xn--bcher-kva.example;" in field
    assert "i=é@xn--bcher-kva.example;".encode() in field


def test_keys_do_not_show() -> None:
    """A signer may end up in a traceback or a log."""
    assert "rivate" not in repr(SIGNER)
