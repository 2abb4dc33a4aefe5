"""Key records and what can be used of them: RFC 6376 §3.6.1 and §6.1.2, RFC 8301, RFC 8463."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from samotop.dns import Answer, Security, Status
from samotop.msgauth.results import Result
from samotop.msgauth.signature.algorithms import Algorithm, find_algorithm, load_public_key
from samotop.msgauth.signature.keys import (
    RECORD_LIMIT,
    RECORDS_LIMIT,
    KeyRecordError,
    find_keys,
    parse_key_record,
    trim_answer,
)

DER, SPKI, PKCS1 = Encoding.DER, PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1


def algorithm(name: bytes) -> Algorithm:
    found = find_algorithm(name)
    assert found is not None
    return found


RSA, EDWARDS = algorithm(b"rsa-sha256"), algorithm(b"ed25519-sha256")


def rsa(bits: int, exponent: int = 65537, format: PublicFormat = SPKI) -> bytes:
    """A public key of that length; nobody knows its private half, nor whether there is one."""
    return RSAPublicNumbers(exponent, (1 << (bits - 1)) | 12345).public_key().public_bytes(DER, format)


def record(public: bytes, tags: str = "v=DKIM1; ") -> bytes:
    return tags.encode() + b"p=" + base64.b64encode(public)


def answer(*texts: bytes) -> Answer:
    return Answer("s._domainkey.example.org", "TXT", Status.OK, texts)


EDWARDS_PUBLIC = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()


def test_a_record_is_read() -> None:
    read = parse_key_record(b"v=DKIM1; h=sha256:x; k=rsa; n=a note; s=email:y; t=y : s; z=1; p=AQID")
    assert read.public == b"\1\2\3"
    assert (read.type, read.hashes, read.services) == ("rsa", frozenset(("sha256", "x")), frozenset(("email", "y")))
    assert read.is_testing and read.is_strict and read.is_for_mail and not read.is_revoked


def test_what_is_not_said_is_rsa_for_everything() -> None:
    read = parse_key_record(b"p=AQID")
    assert (read.type, read.hashes) == ("rsa", None)
    assert read.is_for_mail and not read.is_testing and not read.is_strict


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"v=DKIM1",
        b"v=DKIM2; p=AQID",
        b"v=dkim1; p=AQID",
        b"p=AQID; v=DKIM1",
        b"k=rsa; v=DKIM1; p=AQID",
        b"v=DKIM1: g=*; k=rsa; p=AQID",
        b"v=spf1 -all",
        b"p=AQI",
        b"p=AQID; p=AQID",
        b"p=" + b"A" * 8192,
    ],
)
def test_what_is_no_key_record_is_refused(octets: bytes) -> None:
    """v= comes first or not at all, and the rest is a tag list with a key in it (RFC 6376 §3.6.1)."""
    with pytest.raises(KeyRecordError):
        parse_key_record(octets)


@pytest.mark.parametrize("format", [SPKI, PKCS1])
@pytest.mark.parametrize("bits", [1024, 2048, 3072, 4096])
def test_rsa_keys_are_read_in_both_forms(bits: int, format: PublicFormat) -> None:
    search = find_keys(answer(record(rsa(bits, format=format))), RSA)
    assert search.result is Result.PASS
    assert (search.key_bits, search.keys[0].key.bits) == (bits, bits)


def test_an_ed25519_key_is_32_octets() -> None:
    search = find_keys(answer(record(EDWARDS_PUBLIC, "k=ed25519; ")), EDWARDS)
    assert search.result is Result.PASS
    assert search.key_bits == 256
    for broken in (EDWARDS_PUBLIC[:31], EDWARDS_PUBLIC + b"x", rsa(1024)):
        assert find_keys(answer(record(broken, "k=ed25519; ")), EDWARDS).result is Result.PERMERROR


@pytest.mark.parametrize("bits", [512, 768, 1016, 4104, 8192])
def test_a_key_too_short_or_too_long_is_not_accepted(bits: int) -> None:
    """RFC 8301 §3.2: below 1024 never; and strangers do not get to choose how much we calculate."""
    search = find_keys(answer(record(rsa(bits))), RSA)
    assert search.result is Result.POLICY
    assert not search.keys
    assert search.key_bits == bits
    assert ("short" if bits < 1024 else "long") in search.reason


def test_the_least_length_can_be_raised() -> None:
    assert find_keys(answer(record(rsa(1024))), RSA, least_bits=2048).result is Result.POLICY


@pytest.mark.parametrize(
    ("public", "reason"),
    [
        (rsa(2048, (1 << 64) + 1), "exponent"),
        (b"\x30\x03\x02\x01\x01", "no RSA key"),
        (b"x", "no RSA key"),
        (b"x" * 4000, "longer than"),
        (ec.derive_private_key(1, ec.SECP256R1()).public_key().public_bytes(DER, SPKI), "no RSA key"),
    ],
)
def test_what_is_no_rsa_key_is_a_permanent_error(public: bytes, reason: str) -> None:
    search = find_keys(answer(b"p=" + base64.b64encode(public[:2900])), RSA)
    assert search.result is Result.PERMERROR
    assert reason in search.reason


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ("k=ed25519; ", "another algorithm"),
        ("k=ed25519-sha256; ", "another algorithm"),
        ("h=sha1; ", "hash"),
        ("s=tlsrpt; ", "not for mail"),
        ("v=DKIM2; ", "version"),
    ],
)
def test_a_key_for_something_else_is_a_permanent_error(tags: str, reason: str) -> None:
    search = find_keys(answer(record(rsa(1024), tags)), RSA)
    assert search.result is Result.PERMERROR
    assert reason in search.reason


@pytest.mark.parametrize("tags", ["s=*; ", "s=email; ", "s=x:email; ", "h=sha1:sha256; ", "k=RSA; ", "g=*; ", "t=q; "])
def test_a_key_for_this_is_found(tags: str) -> None:
    assert find_keys(answer(record(rsa(1024), tags)), RSA).keys


def test_a_revoked_key_says_so() -> None:
    search = find_keys(answer(b"v=DKIM1; t=y; p="), RSA)
    assert search.result is Result.PERMERROR
    assert "revoked" in search.reason
    assert search.is_testing


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (Status.TIMEOUT, Result.TEMPERROR),
        (Status.SERVFAIL, Result.TEMPERROR),
        (Status.NXDOMAIN, Result.PERMERROR),
        (Status.NODATA, Result.PERMERROR),
    ],
)
def test_no_answer_is_temporary_and_no_key_is_not(status: Status, result: Result) -> None:
    assert find_keys(Answer("x", "TXT", status), RSA).result is result
    assert find_keys(None, RSA).result is Result.TEMPERROR


def test_a_bogus_answer_is_never_a_key() -> None:
    """A broken chain of DNSSEC is a lie or an outage, and both may pass."""
    bogus = Answer("x", "TXT", Status.SERVFAIL, security=Security.BOGUS)
    search = find_keys(bogus, RSA)
    assert search.result is Result.TEMPERROR
    assert "bogus" in search.reason


def test_dnssec_is_reported() -> None:
    assert find_keys(replace(answer(record(rsa(1024))), security=Security.SECURE), RSA).is_secure
    assert not find_keys(answer(record(rsa(1024))), RSA).is_secure


def test_among_several_records_each_key_is_found_and_not_more_than_a_few() -> None:
    """RFC 6376 §6.1.2 lets the verifier try; each try costs a verification."""
    other = record(EDWARDS_PUBLIC, "k=ed25519; ")
    search = find_keys(answer(b"v=spf1 -all", other, record(rsa(1024)), record(rsa(2048))), RSA)
    assert search.result is Result.PASS
    assert [key.key.bits for key in search.keys] == [1024, 2048]
    assert len(find_keys(answer(*(record(rsa(1024, 3 + 2 * n)) for n in range(20))), RSA).keys) == RECORDS_LIMIT


def test_a_name_is_an_algorithm_in_any_case() -> None:
    assert find_algorithm(b"RSA-SHA256") == RSA
    assert find_algorithm(b"rsa-sha512") is None
    historic = find_algorithm(b"rsa-sha1")
    assert historic is not None and not historic.is_accepted


def test_decoded_keys_are_kept() -> None:
    assert load_public_key("rsa", rsa(1024)) is load_public_key("rsa", rsa(1024))


@pytest.mark.parametrize("count", [0, 1, RECORDS_LIMIT, RECORDS_LIMIT + 20])
def test_a_trimmed_answer_has_the_same_keys(count: int) -> None:
    """Whoever holds answers while a message arrives holds strangers' octets."""
    public = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    for filling in (b"x" * RECORD_LIMIT, b"x" * 60_000, b"v=spf1 -all"):
        whole = answer(record(public, "v=DKIM1; k=ed25519; "), *(filling for _ in range(count)))
        trimmed = trim_answer(whole)
        assert find_keys(trimmed, EDWARDS) == find_keys(whole, EDWARDS)
        assert sum(map(len, trimmed.texts)) <= RECORDS_LIMIT * (RECORD_LIMIT + 1)
