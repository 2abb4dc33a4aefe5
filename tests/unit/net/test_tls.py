"""The server's TLS: what it offers, what it binds to, and how a certificate is replaced under it."""

from __future__ import annotations

import hashlib
import os
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from samotop.errors import SetupError
from samotop.net import tls as subject
from samotop.net.tls import Reload, ServerTls, TlsFiles


def shake(context: ssl.SSLContext, client: ssl.SSLContext, name: str = "mx.example.org") -> tuple[Any, Any]:
    """A handshake in memory: the client's and the server's end."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    done: set[int] = set()
    for _ in range(10):
        for index, end in enumerate((ours, server)):
            if index not in done:
                try:
                    end.do_handshake()
                    done.add(index)
                except ssl.SSLWantReadError:
                    continue
    assert done == {0, 1}
    return ours, server


class OverTls:
    """As much of a transport as ``tls_of`` and ``channel_binding_of`` look at."""

    def __init__(self, ssl_object: Any) -> None:
        self.ssl_object = ssl_object

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.ssl_object if name == "ssl_object" else default


def test_a_client_of_today_gets_tls_1_3(tmp_path: Path, authority: Any, clock: Any) -> None:
    """And what was negotiated is known, with the name it asked for."""
    server = ServerTls(authority.issue(tmp_path), clock)
    _, end = shake(server.context, authority.client())
    negotiated = subject.tls_of(OverTls(end))  # type: ignore[arg-type]  # as much of a transport as is asked
    assert negotiated is not None
    assert (negotiated.version, negotiated.server_name) == ("TLSv1.3", "mx.example.org")
    assert negotiated.cipher.startswith("TLS_")


def test_tls_1_2_is_the_floor_and_keeps_no_keys(tmp_path: Path, authority: Any, clock: Any) -> None:
    """TLS 1.2 only with forward secrecy; TLS 1.1 not at all (RFC 9325)."""
    server = ServerTls(authority.issue(tmp_path), clock)
    client = authority.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    _, end = shake(server.context, client)
    assert end.version() == "TLSv1.2"
    assert end.cipher()[0].startswith("ECDHE-")
    client.set_ciphers("AES128-SHA:AES128-GCM-SHA256")
    with pytest.raises(ssl.SSLError):
        shake(server.context, client)
    assert server.context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_compression_and_renegotiation_are_off(tmp_path: Path, authority: Any, clock: Any) -> None:
    """Both have been attacks."""
    context = ServerTls(authority.issue(tmp_path), clock).context
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_no_tls_is_none(tmp_path: Path) -> None:
    """A plain transport has neither."""
    assert subject.tls_of(OverTls(None)) is None  # type: ignore[arg-type]  # as much of a transport as is asked
    assert subject.channel_binding_of(OverTls(None)) == b""  # type: ignore[arg-type]  # as much of a transport as is asked


def test_new_files_are_taken_over_without_a_restart(tmp_path: Path, authority: Any, clock: Any) -> None:
    """The next handshake has the new certificate; the one that is open keeps its own, and its binding."""
    files = authority.issue(tmp_path)
    server = ServerTls(files, clock)
    old_client, old_end = shake(server.context, authority.client())
    assert server.reload_if_changed() is Reload.UNCHANGED

    authority.issue(tmp_path)
    assert server.reload_if_changed() is Reload.RELOADED
    new_client, new_end = shake(server.context, authority.client())
    old, new = old_client.getpeercert(True), new_client.getpeercert(True)
    assert old != new
    assert subject.channel_binding_of(OverTls(old_end)) == hashlib.sha256(old).digest()  # type: ignore[arg-type]  # as much of a transport as is asked
    assert subject.channel_binding_of(OverTls(new_end)) == hashlib.sha256(new).digest()  # type: ignore[arg-type]  # as much of a transport as is asked
    assert server.channel_binding() == hashlib.sha256(new).digest()
    assert server.reload_if_changed() is Reload.UNCHANGED


def test_a_bad_pair_keeps_the_old_one_and_is_told_once(tmp_path: Path, authority: Any, clock: Any) -> None:
    """Half of a renewal, or a slip of the operator, must not take the server's TLS away."""
    files = authority.issue(tmp_path)
    server = ServerTls(files, clock)
    context = server.context
    good = files.key.read_bytes()
    files.key.write_text("nonsense")
    assert server.reload_if_changed() is Reload.FAILED
    assert server.context is context
    assert server.fault is not None
    assert server.reload_if_changed() is Reload.UNCHANGED
    files.key.write_bytes(good)
    assert server.reload_if_changed() is Reload.RELOADED
    assert server.fault is None


def test_a_pair_whose_halves_come_one_after_the_other_ends_up_new(tmp_path: Path, authority: Any, clock: Any) -> None:
    """Certificate first, key later: between them nothing is taken."""
    files = authority.issue(tmp_path)
    (tmp_path / "next").mkdir()
    coming = authority.issue(tmp_path / "next")
    server = ServerTls(files, clock)
    os.rename(coming.certificate, files.certificate)
    assert server.reload_if_changed() is Reload.FAILED
    assert "not the key" in str(server.fault)
    os.rename(coming.key, files.key)
    assert server.reload_if_changed() is Reload.RELOADED


def test_ticket_keys_do_not_outlive_a_day(tmp_path: Path, authority: Any, clock: Any) -> None:
    """A ticket key of months would undo forward secrecy; the renewal is nobody's news."""
    server = ServerTls(authority.issue(tmp_path), clock)
    context = server.context
    clock.now += subject.TICKET_KEY_LIFETIME - 1
    assert server.reload_if_changed() is Reload.UNCHANGED
    assert server.context is context
    clock.now += 1
    assert server.reload_if_changed() is Reload.UNCHANGED
    assert server.context is not context


@pytest.mark.parametrize("fault", ["missing", "mismatch", "encrypted", "no pem"])
def test_a_start_with_bad_files_is_a_setup_error(tmp_path: Path, authority: Any, clock: Any, fault: str) -> None:
    """It names the file, and an encrypted key asks nobody at a terminal."""
    files = authority.issue(tmp_path)
    key = ec.generate_private_key(ec.SECP256R1())
    lock: Any = serialization.NoEncryption()
    if fault == "encrypted":
        lock = serialization.BestAvailableEncryption(b"secret")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    if fault == "missing":
        files.key.unlink()
    elif fault == "no pem":
        files.certificate.write_text("nonsense")
    else:
        files.key.write_bytes(pem)
    with pytest.raises(SetupError) as caught:
        ServerTls(files, clock)
    assert str(files.key) in str(caught.value)
    assert caught.value.remedy


def self_signed(directory: Path, key: Any, algorithm: Any, clock: Any) -> tuple[TlsFiles, x509.Certificate]:
    """A certificate signed with ``algorithm``."""
    from datetime import UTC, datetime, timedelta

    now = datetime.fromtimestamp(clock.now, UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mx.example.org")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, algorithm)
    )
    files = TlsFiles(directory / "pair.pem", directory / "pair.pem")
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return files, certificate


@pytest.mark.parametrize(("algorithm", "name"), [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384")])
def test_the_binding_hashes_as_the_signature_does(tmp_path: Path, clock: Any, algorithm: Any, name: str) -> None:
    """RFC 5929 §4.1. One file may hold both halves, and the end of its life is known."""
    files, certificate = self_signed(tmp_path, ec.generate_private_key(ec.SECP256R1()), algorithm, clock)
    server = ServerTls(files, clock)
    der = certificate.public_bytes(serialization.Encoding.DER)
    assert server.channel_binding() == hashlib.new(name, der).digest()
    assert server.expires_at == clock.now + 86400


def test_a_signature_without_a_hash_has_no_binding(tmp_path: Path, clock: Any) -> None:
    """Ed25519: the RFC defines none, and a guess would make SCRAM-PLUS fail for good clients."""
    files, _ = self_signed(tmp_path, ed25519.Ed25519PrivateKey.generate(), None, clock)
    assert ServerTls(files, clock).channel_binding() == b""
