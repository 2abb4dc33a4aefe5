"""TLS as the client side demands it: how strictly, whom it takes for the server, with which certificate of its own.

    tls = ClientTls(ClientTlsRules(roots=Path("ca.pem")))
    secured = await secure(stream, tls, TlsDemand(Level.VERIFIED, names=("mx.example.org",)), until)

``TlsDemand`` says what one connection has to be, ``ClientTlsRules`` what a
program brings along; ``ClientTls`` keeps the contexts made of it, one for each
way of verifying. How a demand comes about (a URL, MTA-STS, DANE) is not known
here: DANE's records come as ``verify_chain``, which is asked with the chain that
the server sent (RFC 7672 §3.1.3).

Policy (RFC 9325, RFC 8314): TLS 1.2 at least, no compression and no
renegotiation; certificates must name the server (RFC 9525). An opportunistic
connection takes any certificate (RFC 7435).

Raises ``TlsRefused`` for a server that does not do as demanded, and
``SetupError`` for roots or a certificate that cannot be used.
"""

from __future__ import annotations

import asyncio
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from samotop.errors import PeerError, SetupError
from samotop.net.starttls import TlsFault, can_start_tls
from samotop.net.stream import Stream
from samotop.peer import Tls
from samotop.tlspolicy.levels import Failure, Level

HANDSHAKE_SECONDS: Final = 30.0
"""For one TLS handshake: a few round trips."""

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AESGCM:!aNULL:!eNULL:!PSK:!SRP"
"""For TLS 1.2: forward secrecy alone (RFC 9325 §4.2)."""

VerifyChain = Callable[[tuple[bytes, ...]], "tuple[Failure, str] | None"]
"""Given the chain as DER, the server's own certificate first: ``None`` where it will do, else why not, in words too."""


@dataclass(frozen=True, slots=True)
class TlsDemand:
    """What one connection must be.

    ``VERIFIED`` is by a trusted root and one of ``names``; no names stand for
    the host that was dialled. ``DANE`` is by ``verify_chain`` alone. ``PINNED`` is
    by one of ``pins``, SHA-256 of the public key (SubjectPublicKeyInfo).
    ``server_name`` is what is asked for (SNI, RFC 6066 §3) where it is not the
    first of the names. ``is_implicit``: TLS from the first octet on (RFC 8314
    §3.3), not by STARTTLS.

    Raises ``ValueError`` for DANE without ``verify_chain`` and PINNED without pins.
    """

    level: Level = Level.OPPORTUNISTIC
    names: tuple[str, ...] = ()
    server_name: str = ""
    verify_chain: VerifyChain | None = None
    pins: frozenset[bytes] = frozenset()
    is_implicit: bool = False

    def __post_init__(self) -> None:
        if (self.level is Level.DANE and self.verify_chain is None) or (self.level is Level.PINNED and not self.pins):
            raise ValueError(f"nothing is there to verify by: {self.level}")

    @property
    def is_mandatory(self) -> bool:
        """Is a connection without TLS none?"""
        return self.is_implicit or self.level.rank > Level.OPPORTUNISTIC.rank


class TlsRefused(PeerError):
    """The server's TLS is not what was demanded. ``failure`` says why, the text says it in words."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class ClientTlsRules:
    """What a program brings along.

    ``roots``: a file of certificates, PEM or DER, or a directory of PEM files as
    OpenSSL has them, that replaces the system's roots; ``extra_roots`` are trusted
    besides. ``certificate`` (with its chain) and ``key`` are shown to a server
    that asks. ``minimum_version`` is for every connection.
    """

    roots: Path | None = None
    extra_roots: tuple[Path, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    key_password: str = field(default="", repr=False)
    minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2


@dataclass(frozen=True, slots=True)
class Secured:
    """What TLS came to: the negotiated, the chain as DER, and the level that was reached."""

    tls: Tls
    chain: tuple[bytes, ...] = field(repr=False)
    level: Level


class ClientTls:
    """The contexts of a program, made when they are first needed. Loading roots reads files."""

    def __init__(self, rules: ClientTlsRules = ClientTlsRules()) -> None:
        self._rules = rules
        self._contexts: dict[bool, ssl.SSLContext] = {}

    def context(self, *, trusts_roots: bool) -> ssl.SSLContext:
        """The context that verifies chains by roots, or the one that does not. Raises ``SetupError``."""
        context = self._contexts.get(trusts_roots)
        if context is None:
            context = self._contexts[trusts_roots] = _make_context(self._rules, trusts_roots)
        return context


async def secure(stream: Stream, tls: ClientTls, demand: TlsDemand, until: float, *, dialled_name: str = "") -> Secured:
    """Begin TLS on ``stream`` and hold the server to ``demand``; names were ``dialled_name`` where it has none.

    ``until`` is a moment on the loop's clock. Raises ``TlsRefused``, and
    ``SetupError`` as ``ClientTls.context``; after either the connection is gone.
    """
    names = demand.names or ((dialled_name,) if dialled_name else ())
    if not can_start_tls(stream.transport):
        raise TlsRefused(Failure.STARTTLS, "there is no TLS over this connection")
    context = tls.context(trusts_roots=demand.level is Level.VERIFIED)
    server_name = demand.server_name or (names[0] if names else "")
    limit = min(until, asyncio.get_running_loop().time() + HANDSHAKE_SECONDS)
    try:
        await stream.start_tls(context, _as_server_name(server_name), limit)
    except TlsFault as fault:
        raise _refused(fault) from fault
    except TimeoutError as error:
        raise TlsRefused(Failure.VALIDATION, "the TLS handshake took too long") from error
    try:
        return _hold(stream, demand, names)
    except TlsRefused:
        stream.abort()
        raise


def _hold(stream: Stream, demand: TlsDemand, names: tuple[str, ...]) -> Secured:
    """Compare what was negotiated with what was demanded."""
    from samotop.net.peercert import chain_of, key_digest, names_any  # loads cryptography: not every program needs it

    found = stream.ssl_object
    if found is None:
        raise TlsRefused(Failure.VALIDATION, "TLS ended as it began")
    chain = chain_of(found)
    cipher = found.cipher()
    tls = Tls(found.version() or "", cipher[0] if cipher else "", None)
    try:
        if demand.level is Level.DANE:
            assert demand.verify_chain is not None, "checked when the demand was made"
            refusal = demand.verify_chain(chain)
            if refusal is not None:
                raise TlsRefused(*refusal)
        elif demand.level is Level.PINNED:
            digest = key_digest(chain[0]) if chain else b""
            if not any(hmac.compare_digest(digest, pin) for pin in demand.pins):
                raise TlsRefused(Failure.VALIDATION, "the server's key is not the pinned one")
        elif demand.level is Level.VERIFIED:
            if not (chain and names_any(chain[0], names)):
                raise TlsRefused(Failure.NAME, "the server's certificate is for another name")
        else:
            return Secured(tls, chain, Level.ENCRYPTED)
    except ValueError as error:
        raise TlsRefused(Failure.VALIDATION, "the server's certificate cannot be read") from error
    return Secured(tls, chain, demand.level)


def _as_server_name(name: str) -> str | None:
    """What to ask for by name: no IP address (RFC 6066 §3), and nothing that TLS cannot carry."""
    name = name.rstrip(".")
    if not name or name.startswith("[") or ":" in name or name.replace(".", "").isdigit():
        return None
    try:
        return name.encode("idna").decode("ascii") if not name.isascii() else name
    except UnicodeError:
        return None


def _refused(fault: TlsFault) -> TlsRefused:
    """What OpenSSL found, in words."""
    cause = fault.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in (9, 10):  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
            return TlsRefused(Failure.EXPIRED, "the server's certificate has expired or is not valid yet")
        return TlsRefused(Failure.UNTRUSTED, "the server's certificate is not signed by anybody trusted")
    if fault.kind == "timeout":
        return TlsRefused(Failure.VALIDATION, "the TLS handshake took too long")
    if fault.kind == "early_octets":
        return TlsRefused(Failure.VALIDATION, "the server, or somebody between, spoke in the clear before TLS")
    return TlsRefused(Failure.VALIDATION, f"the TLS handshake failed ({fault.kind})")


def _make_context(rules: ClientTlsRules, trusts_roots: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # compared in ``_hold``: there may be several names, and a reason to be told
    context.verify_mode = ssl.CERT_REQUIRED if trusts_roots else ssl.CERT_NONE
    context.minimum_version = rules.minimum_version
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(CIPHERS)
    if trusts_roots:
        if rules.roots is None:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        for path in (rules.roots, *rules.extra_roots):
            if path is not None:
                _load_roots(context, path)
    if rules.certificate is not None:
        try:
            context.load_cert_chain(rules.certificate, rules.key, password=lambda: rules.key_password)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise SetupError(
                f"the client's certificate {rules.certificate} cannot be used",
                remedy="Name PEM files: the certificate with its chain, and its key.",
            ) from error
    return context


def _load_roots(context: ssl.SSLContext, path: Path) -> None:
    try:
        if path.is_dir():
            context.load_verify_locations(capath=path)
        elif (octets := path.read_bytes())[:1] == b"\x30" and b"-----BEGIN" not in octets:
            context.load_verify_locations(cadata=octets)  # DER begins with a SEQUENCE
        else:
            context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise SetupError(
            f"the roots in {path} cannot be used", remedy="Name a file of CA certificates, PEM or DER."
        ) from error
