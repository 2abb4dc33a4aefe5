"""Cross-check with dkimpy: each verifies what the other signs. Without PyNaCl it knows RSA only."""

from __future__ import annotations

import dkim as dkimpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samotop.msgauth import dkim
from samotop.msgauth.signature import Canonicalization
from tests.fakes.signing import MESSAGE, NOW, RSA, publish

pytestmark = pytest.mark.slow  # side by side with another implementation

RECORD = dkim.format_key_record(RSA).encode()
PEM = dkim.format_private_key(RSA)
FORMS = [(header, body) for header in Canonicalization for body in Canonicalization]

names = st.sampled_from([b"Subject", b"To", b"cc", b"X-A", b"Received", b"List-Id"])
# dkimpy takes more than space and tab for white space, and repairs what is no line end: neither is made here.
values = st.text(st.sampled_from("ab :;=\té"), max_size=20).map(lambda text: b" x" + text.encode())
lines = st.lists(st.sampled_from([b"a", b"bc", b" ", b"\t", b"."]), max_size=8).map(b"".join)
bodies = st.lists(lines, max_size=8).map(lambda some: b"".join(line + b"\r\n" for line in some))
messages = st.builds(
    lambda fields, body: b"".join(b"%s:%s\r\n" % one for one in [*fields, (b"From", b" a@b.example")]) + b"\r\n" + body,
    st.lists(st.tuples(names, values), max_size=6),
    bodies,
)


def answer(name: bytes, timeout: int = 5) -> bytes | None:
    return RECORD if name == b"r._domainkey.example.org." else None


@pytest.mark.parametrize("forms", FORMS)
@settings(max_examples=40)
@given(message=messages)
def test_dkimpy_verifies_what_we_sign(forms: tuple[Canonicalization, Canonicalization], message: bytes) -> None:
    signer = dkim.Signer("example.org", (dkim.SigningKey("r", RSA),), header_form=forms[0], body_form=forms[1])
    assert dkimpy.verify(dkim.sign(message, signer) + message, dnsfunc=answer)


@pytest.mark.parametrize("forms", FORMS)
@settings(max_examples=40)
@given(message=messages, length=st.booleans())
async def test_we_verify_what_dkimpy_signs(
    forms: tuple[Canonicalization, Canonicalization], message: bytes, length: bool
) -> None:
    words = tuple(form.encode() for form in forms)
    field = dkimpy.sign(message, b"r", b"example.org", PEM, canonicalize=words, length=length)
    (result,) = await dkim.verify(field + message, publish())
    assert result.result == "pass", result.reason
    assert result.is_weak == length
    (changed,) = await dkim.verify(field + message.replace(b"a@b", b"m@b"), publish())
    assert changed.result == "fail"


def test_dkimpy_refuses_what_we_signed_once_it_is_changed() -> None:
    """Else the agreement above would say little."""
    signer = dkim.Signer("example.org", (dkim.SigningKey("r", RSA),))
    signed = dkim.sign(MESSAGE, signer, now=NOW) + MESSAGE
    assert dkimpy.verify(signed, dnsfunc=answer)
    assert not dkimpy.verify(signed.replace(b"Lunch", b"Money"), dnsfunc=answer)
    assert not dkimpy.verify(b"Subject: added\r\n" + signed, dnsfunc=answer)
