"""Private keys and the records that publish them (RFC 6376 §3.6.1, RFC 8463 §4)."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from samotop.msgauth import dkim
from samotop.msgauth.dkim import SigningKey
from samotop.msgauth.signature import parse_key_record
from samotop.testing import ZoneResolver
from tests.fakes.signing import EDWARDS, MESSAGE, NOW, RSA, quote

PKCS8, TRADITIONAL, PEM = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL, Encoding.PEM


async def test_new_keys_sign_what_their_records_verify() -> None:
    """RSA of 2048 bits: what RFC 8301 §3.2 wants of signers."""
    rsa, edwards = dkim.generate_key("rsa"), dkim.generate_key("ed25519")
    assert isinstance(rsa, RSAPrivateKey) and rsa.key_size == 2048
    assert isinstance(edwards, Ed25519PrivateKey)
    keys = (SigningKey("a", rsa), SigningKey("b", edwards))
    zones = {
        f"{key.selector}._domainkey.example.org": {"TXT": quote(dkim.format_key_record(key.private))} for key in keys
    }
    signed = dkim.sign(MESSAGE, dkim.Signer("example.org", keys), now=NOW) + MESSAGE
    results = await dkim.verify(signed, ZoneResolver(zones), now=NOW)
    assert [(one.result, one.key_bits) for one in results] == [("pass", 2048), ("pass", 256)]
    with pytest.raises(ValueError):
        dkim.generate_key("dsa")  # type: ignore[arg-type]  # what must be refused


@pytest.mark.parametrize("key", [RSA, EDWARDS])
def test_a_key_is_read_as_it_was_written(key: dkim.PrivateKey) -> None:
    pem = dkim.format_private_key(key)
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert dkim.format_key_record(dkim.parse_private_key(pem)) == dkim.format_key_record(key)


def test_other_tools_keys_are_read() -> None:
    """opendkim-genkey and openssl write PKCS #1."""
    assert isinstance(dkim.parse_private_key(RSA.private_bytes(PEM, TRADITIONAL, NoEncryption())), RSAPrivateKey)


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        RSA.private_bytes(PEM, PKCS8, BestAvailableEncryption(b"x")),
        ec.derive_private_key(1, ec.SECP256R1()).private_bytes(PEM, PKCS8, NoEncryption()),
    ],
)
def test_what_is_no_key_for_dkim_is_refused(pem: bytes) -> None:
    with pytest.raises(ValueError):
        dkim.parse_private_key(pem)


def test_records_are_those_of_the_rfc() -> None:
    """RFC 8463 appendix A.2."""
    assert dkim.format_key_record(EDWARDS) == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    assert dkim.format_key_record(RSA).startswith(
        "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRi"
    )
    assert parse_key_record(dkim.format_key_record(RSA).encode()).type == "rsa"


def test_a_record_is_cut_into_strings() -> None:
    """RFC 1035 §3.3: 255 octets each; readers join them again."""
    text = "x" * 600
    strings = dkim.split_strings(text)
    assert [len(one) for one in strings] == [255, 255, 90]
    assert "".join(strings) == text
    assert dkim.split_strings("") == ("",)
