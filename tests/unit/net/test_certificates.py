"""The certificate of a first start: made once, kept, renewed with the same key."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from samotop.errors import SetupError
from samotop.net.certificates import LIFETIME, ensure_self_signed


def names_of(path: Path) -> list[Any]:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [name.value for name in names]


def test_a_first_start_makes_a_pair_that_serves(tmp_path: Path, clock: Any) -> None:
    """STARTTLS works before anybody has heard of certificates."""
    files = ensure_self_signed(tmp_path / "tls", "mx.example.org", ["example.org", "mx.example.org"], clock)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    assert names_of(files.certificate) == ["mx.example.org", "example.org"]
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(key.curve, ec.SECP256R1)


def test_nobody_else_can_read_the_key(tmp_path: Path, clock: Any) -> None:
    """Nor look into a directory that we made; and nothing half-written stays behind."""
    files = ensure_self_signed(tmp_path / "tls", "mx.example.org", [], clock)
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.certificate.stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    assert sorted(path.name for path in (tmp_path / "tls").iterdir()) == ["certificate.pem", "key.pem"]


def test_a_second_start_changes_nothing(tmp_path: Path, clock: Any) -> None:
    """A new certificate at each start would break every client that has accepted the old one."""
    files = ensure_self_signed(tmp_path, "mx.example.org", ["example.org"], clock)
    before = files.certificate.read_bytes(), files.key.read_bytes()
    clock.now += 30 * 86400
    assert ensure_self_signed(tmp_path, "mx.example.org", ["example.org"], clock) == files
    assert (files.certificate.read_bytes(), files.key.read_bytes()) == before


@pytest.mark.parametrize("change", ["it ends soon", "the name is another", "it is gone"])
def test_ours_is_renewed_with_the_same_key(tmp_path: Path, clock: Any, change: str) -> None:
    """The key stays, and with it what a TLSA record says of it."""
    files = ensure_self_signed(tmp_path, "mx.example.org", [], clock)
    before, key = files.certificate.read_bytes(), files.key.read_bytes()
    hostname = "mx.example.org"
    if change == "it ends soon":
        clock.now += LIFETIME.total_seconds() - 86400
    elif change == "it is gone":
        files.certificate.unlink()
    else:
        hostname = "mail.example.org"
    ensure_self_signed(tmp_path, hostname, [], clock)
    assert files.certificate.read_bytes() != before
    assert files.key.read_bytes() == key
    assert names_of(files.certificate) == [hostname]
    made = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    assert made.not_valid_before_utc < datetime.fromtimestamp(clock.now, UTC) < made.not_valid_after_utc


def test_somebody_elses_certificate_is_never_touched(tmp_path: Path, clock: Any, authority: Any) -> None:
    """Not even one that has ended or names another host: it is the operator's."""
    files = authority.issue(tmp_path, "other.example.net")
    before = files.certificate.read_bytes(), files.key.read_bytes()
    clock.now += 100 * 365 * 86400
    assert ensure_self_signed(tmp_path, "mx.example.org", [], clock) == files
    assert (files.certificate.read_bytes(), files.key.read_bytes()) == before


def test_half_a_pair_is_a_setup_error(tmp_path: Path, clock: Any, authority: Any) -> None:
    """A certificate cannot get its key back; a key of another kind is not ours to certify."""
    files = authority.issue(tmp_path)
    files.key.rename(tmp_path / "elsewhere")
    with pytest.raises(SetupError, match="no key"):
        ensure_self_signed(tmp_path, "mx.example.org", [], clock)
    files.certificate.unlink()
    files.key.write_text("no key at all")
    with pytest.raises(SetupError, match="no certificate beside it"):
        ensure_self_signed(tmp_path, "mx.example.org", [], clock)


def test_a_place_that_cannot_be_written_is_a_setup_error(tmp_path: Path, clock: Any) -> None:
    """Nothing is started; the remedy is in the text."""
    (tmp_path / "file").touch()
    with pytest.raises(SetupError) as caught:
        ensure_self_signed(tmp_path / "file" / "tls", "mx.example.org", [], clock)
    assert caught.value.remedy


def test_addresses_idns_and_nonsense_have_their_place(tmp_path: Path, clock: Any) -> None:
    """A host may have no name yet; a domain may be in any script; a wildcard of junk is left out."""
    domains = ["münchen.example", "[IPv6:2001:db8::1]", "", "x" * 300, "LOCALHOST"]
    files = ensure_self_signed(tmp_path, "127.0.0.1", domains, clock)
    assert names_of(files.certificate) == [
        ip_address("127.0.0.1"),
        "xn--mnchen-3ya.example",
        ip_address("2001:db8::1"),
        "localhost",
    ]
