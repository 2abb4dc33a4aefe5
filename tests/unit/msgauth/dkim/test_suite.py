"""The sample messages of dkimpy's own tests, with the results that the RFCs give them."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from samotop.msgauth import dkim
from samotop.msgauth.dkim import DkimResult, SigningKey, parse_private_key
from samotop.msgauth.results import Result
from samotop.testing import ZoneResolver
from tests.fakes.signing import NOW


@pytest.fixture
def folder(suites: Path) -> Path:
    found = suites / "dkim-dkimpy"
    if not found.is_dir():
        pytest.skip("suite absent")
    return found


def read(path: Path) -> bytes:
    """The samples are stored with either line end."""
    return path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def record(path: Path) -> list[str]:
    return [f'"{path.read_text().strip()}"']


async def verify(folder: Path, message: str, **keys: str) -> list[DkimResult]:
    """``keys`` are files of records by name, ``__`` for a dot."""
    zones = {name.replace("__", "."): {"TXT": record(folder / file)} for name, file in keys.items()}
    return await dkim.verify(read(folder / message), ZoneResolver(zones), now=NOW)


TEST = "test___domainkey__football__example__com"


async def test_ed25519_and_rsa_together(folder: Path) -> None:
    """The Ed25519 key of these is the one of RFC 8032 §7.1, which the folder has the private half of."""
    edwards = parse_raw(folder / "rfc8032_7_1.key")
    zones = {
        "brisbane._domainkey.football.example.com": {"TXT": [f'"{dkim.format_key_record(edwards.private)}"']},
        "test._domainkey.football.example.com": {"TXT": record(folder / "test.txt")},
    }
    results = await dkim.verify(read(folder / "rfc6376.signed.msg"), ZoneResolver(zones), now=NOW)
    assert [(one.result, one.algorithm) for one in results] == [("pass", "ed25519-sha256"), ("pass", "rsa-sha256")]


def parse_raw(path: Path) -> SigningKey:
    """The 32 octets in base64 that dkimpy keeps an Ed25519 key in."""
    return SigningKey("s", Ed25519PrivateKey.from_private_bytes(b64decode(path.read_text())))


async def test_rsa_alone(folder: Path) -> None:
    (result,) = await verify(folder, "rfc6376.signed.rsa.msg", **{TEST: "test.txt"})
    assert result.result is Result.PASS
    assert result.signed_fields.count("from") == 2


async def test_a_removed_timestamp_breaks_it(folder: Path) -> None:
    """dkimpy has this for its check of x= without t=; the signature was made with t=, so that it cannot verify."""
    (result,) = await verify(folder, "rfc6376.signed.no_t.msg", **{TEST: "test.txt"})
    assert result.result is Result.FAIL
    assert "header" in result.reason


async def test_exims_ed25519(folder: Path) -> None:
    (result,) = await verify(folder, "ed25519test2.msg", sed___domainkey__test__ex="eximtest.dns")
    assert (result.result, result.reason) == (Result.PASS, "it verifies")


async def test_degenerate_folding(folder: Path) -> None:
    """Base64 with a space in it, and a field that ends right at b=. The key that made it is gone from the DNS, so
    that only the body can be compared: it fails with another key at the header and nowhere before."""
    (result,) = await verify(folder, "test2.message", **{"20120113___domainkey__gmail__com": "test2.txt"})
    assert result.result is Result.FAIL
    assert "header" in result.reason
    assert result.signature_start == "VaN3KmNP"


async def test_a_message_from_the_wild_without_its_key(folder: Path) -> None:
    """The body hash of its signature is right still, else it would fail whatever DNS says."""
    (result,) = await verify(folder, "message.mbox")
    assert (result.result, result.domain) == (Result.PERMERROR, "kitterman.com")
    assert "no key" in result.reason


async def test_a_domain_that_is_none(folder: Path) -> None:
    """CVE-2020-12272: d=legitimate.com(.attacker.com would be reported as a comment after legitimate.com."""
    (result,) = await verify(folder, "test.message.baddomain", test___domainkey__legitimate__com="test.txt")
    assert result.result is Result.NEUTRAL
    assert result.domain == ""


SAMPLES = ("test.message", "test_extra.message", "rfc6376.msg", "rfc6376.w1258.msg", "ed25519test.msg", "message.mbox")


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("key", ["test", "1024_testkey", "2048_testkey", "2048_testkey_PKCS8"])
async def test_samples_signed_with_the_suites_keys_verify_by_its_records(folder: Path, sample: str, key: str) -> None:
    """Records with SubjectPublicKeyInfo and with RSAPublicKey, private keys in PKCS #1 and PKCS #8."""
    files = {
        "test": ("test.private", ["test.txt"]),
        "1024_testkey": (
            "1024_testkey.key",
            ["1024_testkey_wo_markers.pub.txt", "1024_testkey_wo_markers.pub.rsa.txt"],
        ),
        "2048_testkey": (
            "2048_testkey.key",
            ["2048_testkey_wo_markers.pub.txt", "2048_testkey_wo_markers.pub.rsa.txt"],
        ),
        "2048_testkey_PKCS8": ("2048_testkey_PKCS8.key", ["2048_testkey_PKCS8.key.pub.txt"]),
    }
    private, records = files[key]
    signer = dkim.Signer("example.com", (SigningKey("s", parse_private_key((folder / private).read_bytes())),))
    message = read(folder / sample)
    signed = dkim.sign(message, signer, now=NOW) + message
    for file in records:
        resolver = ZoneResolver({"s._domainkey.example.com": {"TXT": record(folder / file)}})
        assert (await dkim.verify(signed, resolver, now=NOW))[0].result is Result.PASS


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("badversion.txt", "version"),
        ("badk.txt", "another algorithm"),
        ("test_bad.txt", "no RSA key"),
        ("test_tlsrpt.txt", "not for mail"),
        ("ed25519test.dns", "another algorithm"),
    ],
)
async def test_bad_records_are_permanent_errors(folder: Path, file: str, reason: str) -> None:
    """RFC 6376 §3.6.1, §6.1.2; a key for TLS reports (RFC 8460 §3) is not one for mail."""
    signer = dkim.Signer("example.com", (SigningKey("s", parse_private_key((folder / "test.private").read_bytes())),))
    message = read(folder / "test.message")
    resolver = ZoneResolver({"s._domainkey.example.com": {"TXT": record(folder / file)}})
    (result,) = await dkim.verify(dkim.sign(message, signer, now=NOW) + message, resolver, now=NOW)
    assert result.result is Result.PERMERROR
    assert reason in result.reason


def test_a_message_without_from_is_not_signed(folder: Path) -> None:
    signer = dkim.Signer("example.com", (parse_raw(folder / "ed25519test.key"),))
    with pytest.raises(dkim.UnsignableContent):
        dkim.sign(read(folder / "test_nofrom.message"), signer, now=NOW)


async def test_the_suites_ed25519_key(folder: Path) -> None:
    signer = dkim.Signer("example.com", (parse_raw(folder / "ed25519test.key"),))
    message = read(folder / "ed25519test.msg")
    resolver = ZoneResolver({"s._domainkey.example.com": {"TXT": record(folder / "ed25519test.dns")}})
    (result,) = await dkim.verify(dkim.sign(message, signer, now=NOW) + message, resolver, now=NOW)
    assert result.result is Result.PASS
