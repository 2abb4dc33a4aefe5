"""Whom a client takes for the server: names, chains, pins, and what is handed to DANE."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
import trustme
from cryptography import x509

from samotop.errors import SetupError
from samotop.net.clienttls import ClientTls, ClientTlsRules, Secured, TlsDemand, TlsRefused, secure
from samotop.net.dial import dial
from samotop.net.endpoint import Tcp
from samotop.net.peercert import end_point_of, key_digest, names_any
from samotop.tlspolicy.levels import Failure, Level

HOST = "mx.example.org"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def roots(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("roots") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@asynccontextmanager
async def tls_server(certificate: trustme.LeafCert, **settings: object) -> AsyncIterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    for name, value in settings.items():
        setattr(context, name, value)
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def connect(port: int, demand: TlsDemand, roots: Path | None = None) -> Secured:
    until = asyncio.get_running_loop().time() + 10
    stream = await dial(Tcp("127.0.0.1", port), until)
    try:
        return await secure(stream, ClientTls(ClientTlsRules(roots=roots)), demand, until, dialled_name=HOST)
    finally:
        stream.abort()


def leaf_of(certificate: trustme.LeafCert) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())


async def test_the_dialled_name_or_one_of_several(authority: trustme.CA, roots: Path) -> None:
    async with tls_server(authority.issue_cert(HOST)) as port:
        found = await connect(port, TlsDemand(Level.VERIFIED, is_implicit=True), roots)
        assert (found.level, found.tls.version) == (Level.VERIFIED, "TLSv1.3")
        demand = TlsDemand(Level.VERIFIED, names=("example.org", HOST), is_implicit=True)
        assert (await connect(port, demand, roots)).level is Level.VERIFIED
        with pytest.raises(TlsRefused, match="another name") as caught:
            await connect(port, TlsDemand(Level.VERIFIED, names=("example.org",)), roots)
        assert caught.value.failure is Failure.NAME


async def test_the_chain_is_there_for_dane_whoever_signed_it(authority: trustme.CA) -> None:
    """The server's own certificate first, and what follows it; the callback's word is the last."""
    intermediate = authority.create_child_ca()
    certificate = intermediate.issue_cert(HOST)
    seen: list[tuple[bytes, ...]] = []

    def verify(chain: tuple[bytes, ...]) -> tuple[Failure, str] | None:
        seen.append(chain)
        return None if len(seen) == 1 else (Failure.VALIDATION, "no TLSA record matches")

    async with tls_server(certificate) as port:
        found = await connect(port, TlsDemand(Level.DANE, verify_chain=verify))
        assert found.level is Level.DANE
        assert found.chain[0] == leaf_of(certificate) and len(found.chain) >= 2
        with pytest.raises(TlsRefused, match="no TLSA record matches"):
            await connect(port, TlsDemand(Level.DANE, verify_chain=verify))


@pytest.mark.parametrize("is_der", [False, True])
@pytest.mark.parametrize("is_extra", [False, True])
async def test_roots_are_pem_or_der_in_place_of_the_systems_or_besides(
    authority: trustme.CA, roots: Path, tmp_path: Path, is_der: bool, is_extra: bool
) -> None:
    """A company's own authority comes as either, and its mail server is not the only one that is written to."""
    path = tmp_path / "ca"
    pem = roots.read_text()
    path.write_bytes(ssl.PEM_cert_to_DER_cert(pem) if is_der else pem.encode())
    rules = ClientTlsRules(extra_roots=(path,)) if is_extra else ClientTlsRules(roots=path)
    tls = ClientTls(rules)
    trusted = len(tls.context(trusts_roots=True).get_ca_certs())
    usual = len(ClientTls().context(trusts_roots=True).get_ca_certs())
    assert trusted == (usual + 1 if is_extra else 1)
    async with tls_server(authority.issue_cert(HOST)) as port:
        until = asyncio.get_running_loop().time() + 10
        stream = await dial(Tcp("127.0.0.1", port), until)
        demand = TlsDemand(Level.VERIFIED, is_implicit=True)
        assert (await secure(stream, tls, demand, until, dialled_name=HOST)).level is Level.VERIFIED
        stream.abort()


async def test_our_own_certificate_is_shown_to_a_server_that_asks(
    authority: trustme.CA, roots: Path, tmp_path: Path
) -> None:
    """And a server that insists on one refuses us without it."""
    ours = authority.issue_cert("client.example.org")
    ours.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "us.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    seen: list[object] = []

    class Server(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            seen.append(transport.get_extra_info("peercert"))
            cast(asyncio.Transport, transport).write(b"220 hello\r\n")

    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    until = asyncio.get_running_loop().time() + 10
    demand = TlsDemand(Level.VERIFIED, is_implicit=True)
    for certificate in (None, tmp_path / "us.pem"):
        stream = await dial(Tcp("127.0.0.1", port), until)
        tls = ClientTls(ClientTlsRules(roots=roots, certificate=certificate))
        greeting = b""
        with contextlib.suppress(TlsRefused):  # TLS 1.3 tells the client only afterwards
            await secure(stream, tls, demand, until, dialled_name=HOST)
            greeting = await stream.receive(until)
        assert greeting == (b"220 hello\r\n" if certificate else b"")
        stream.abort()
    server.close()
    (certificate_seen,) = seen
    assert "client.example.org" in str(certificate_seen)


async def test_a_pin_is_of_the_key(authority: trustme.CA) -> None:
    certificate = authority.issue_cert("anything.example")
    pin = key_digest(leaf_of(certificate))
    async with tls_server(certificate) as port:
        assert (await connect(port, TlsDemand(Level.PINNED, pins=frozenset((b"x" * 32, pin))))).level is Level.PINNED
        with pytest.raises(TlsRefused, match="not the pinned one"):
            await connect(port, TlsDemand(Level.PINNED, pins=frozenset((b"x" * 32,))))


async def test_an_old_version_is_refused(authority: trustme.CA, roots: Path) -> None:
    async with tls_server(authority.issue_cert(HOST), maximum_version=ssl.TLSVersion.TLSv1_2) as port:
        until = asyncio.get_running_loop().time() + 10
        stream = await dial(Tcp("127.0.0.1", port), until)
        tls = ClientTls(ClientTlsRules(roots=roots, minimum_version=ssl.TLSVersion.TLSv1_3))
        with pytest.raises(TlsRefused) as caught:
            await secure(stream, tls, TlsDemand(Level.ENCRYPTED), until)
        assert caught.value.failure is Failure.VALIDATION


@pytest.mark.parametrize(
    ("presented", "wanted", "is_named"),
    [
        ("mx.example.org", "MX.Example.ORG.", True),
        ("*.example.org", "mx.example.org", True),
        ("*.example.org", "a.mx.example.org", False),
        ("*.example.org", "example.org", False),
        ("*.org", "example.org", False),
        ("mx.example.org", "mx.example.org.evil.test", False),
        ("xn--mller-kva.example", "müller.example", True),
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "[192.0.2.1]", True),
        ("2001:db8::1", "[IPv6:2001:db8:0::1]", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("mx.example.org", "", False),
    ],
)
def test_names(authority: trustme.CA, presented: str, wanted: str, is_named: bool) -> None:
    assert names_any(leaf_of(authority.issue_cert(presented)), [wanted]) is is_named


def test_the_channel_binding_is_the_certificates_hash(authority: trustme.CA) -> None:
    """With the hash of its own signature (RFC 5929 §4.1)."""
    certificate = leaf_of(authority.issue_cert(HOST))
    algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    assert algorithm is not None
    assert end_point_of(certificate) == hashlib.new(algorithm.name, certificate).digest()
    assert end_point_of(b"nonsense") is None


def test_what_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing")
    with pytest.raises(SetupError, match="roots"):
        ClientTls(ClientTlsRules(roots=tmp_path / "no.pem")).context(trusts_roots=True)
    with pytest.raises(SetupError, match="client's certificate"):
        ClientTls(ClientTlsRules(certificate=tmp_path / "no.pem")).context(trusts_roots=False)
    with pytest.raises(ValueError, match="nothing is there to verify by"):
        TlsDemand(Level.DANE)
