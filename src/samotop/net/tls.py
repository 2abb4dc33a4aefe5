"""TLS as the server side speaks it: the context, its certificate, and what a handshake negotiated.

``ServerTls`` holds the ``ssl.SSLContext`` for new handshakes and replaces it
when the certificate's files change; sessions under way keep theirs. So ask for
``context`` at each handshake, and never give it to a listener: implicit TLS is
``start_tls`` right after the connection is made, the same road as STARTTLS
(RFC 3207, RFC 8314 §3.3).

Policy (RFC 9325): TLS 1.2 is the floor, forward secrecy always, no compression
and no renegotiation. It is no stricter than that on purpose: a server of the
world whose TLS is refused sends in the clear.

Does not verify client certificates. Raises ``SetupError`` for a certificate
that cannot be used at the start; later a bad one is reported and the old one
stays.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from samotop.errors import SetupError
from samotop.net.certificates import TlsFiles, ensure_self_signed
from samotop.net.peercert import end_point_of
from samotop.net.starttls import TlsFault, can_start_tls, start_tls
from samotop.peer import Tls
from samotop.ports.clock import Clock

__all__ = [
    "Reload",
    "ServerTls",
    "TlsFault",
    "TlsFiles",
    "can_start_tls",
    "channel_binding_of",
    "ensure_self_signed",
    "start_tls",
    "tls_of",
]

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL:!PSK:!SRP"
"""For TLS 1.2: forward secrecy alone; CBC last, for old servers that would else send in the clear."""

TICKETS: Final = 1
"""Session tickets in a TLS 1.3 handshake; a mail client resumes one session at a time."""

TICKET_KEY_LIFETIME: Final = 24 * 3600.0
"""Seconds after which a new context, with new ticket keys, takes over: who steals the memory
of the server reads resumed sessions of a day, not of its whole life."""

CERTIFICATE_LIMIT: Final = 1024 * 1024
"""Octets of a certificate file with its chain; honest ones have a few thousand."""


class Reload(Enum):
    """What ``ServerTls.reload_if_changed`` found."""

    UNCHANGED = "unchanged"
    RELOADED = "reloaded"
    FAILED = "failed"
    """The files have changed and cannot be used; ``fault`` says why, the old certificate stays."""


class _ServerObject(ssl.SSLObject):
    """One connection's TLS state, with the name that the client asked for (RFC 6066 §3)."""

    requested_name: str | None = None


class _ServerContext(ssl.SSLContext):
    """A context that knows its certificate: what was negotiated can be asked long after a reload."""

    sslobject_class = _ServerObject
    channel_binding: bytes = b""
    expires_at: float = 0.0


class ServerTls:
    """The server's certificate in use. ``clock`` tells when ticket keys are due. Raises ``SetupError``."""

    __slots__ = ("_clock", "_context", "_files", "_made_at", "_stamp", "fault")

    def __init__(self, files: TlsFiles, clock: Clock) -> None:
        self._files = files
        self._clock = clock
        self._stamp = _stamp(files)
        self._context = _load(files)
        self._made_at = clock.monotonic()
        self.fault: SetupError | None = None
        """Why the files as they are now cannot be used; ``None`` while they can."""

    @property
    def context(self) -> ssl.SSLContext:
        """For the next handshake; ask each time."""
        return self._context

    @property
    def expires_at(self) -> float:
        """When the certificate in use ends, in seconds since 1970."""
        return self._context.expires_at

    def channel_binding(self) -> bytes:
        """``tls-server-end-point`` of the certificate for the next handshake; see ``channel_binding_of``."""
        return self._context.channel_binding

    def reload_if_changed(self) -> Reload:
        """Take over files that have changed since the last call. Costs two stat calls where nothing did.

        A pair whose halves do not match yet (somebody is about to replace the
        second) is ``FAILED`` now and taken when the other has changed too. A
        failure is told once.
        """
        stamp = _stamp(self._files)
        is_changed = stamp != self._stamp
        if not is_changed and self._clock.monotonic() - self._made_at < TICKET_KEY_LIFETIME:
            return Reload.UNCHANGED
        self._stamp = stamp
        self._made_at = self._clock.monotonic()
        try:
            self._context = _load(self._files)
        except SetupError as error:
            is_told = self.fault is not None and not is_changed
            self.fault = error
            return Reload.UNCHANGED if is_told else Reload.FAILED
        self.fault = None
        return Reload.RELOADED if is_changed else Reload.UNCHANGED


def tls_of(transport: asyncio.BaseTransport) -> Tls | None:
    """What TLS negotiated on ``transport``; ``None`` where there is none."""
    tls = transport.get_extra_info("ssl_object")
    if tls is None:
        return None
    cipher = tls.cipher()
    return Tls(
        version=tls.version() or "",
        cipher=cipher[0] if cipher else "",
        server_name=tls.requested_name if isinstance(tls, _ServerObject) else None,
    )


def channel_binding_of(transport: asyncio.BaseTransport) -> bytes:
    """``tls-server-end-point`` of the certificate that this connection's handshake used (RFC 5929 §4).

    Empty where there is no TLS of ours, and for a certificate whose signature
    names no hash (Ed25519), for which the RFC defines none.
    """
    tls = transport.get_extra_info("ssl_object")
    context = tls.context if tls is not None else None
    return context.channel_binding if isinstance(context, _ServerContext) else b""


def _load(files: TlsFiles) -> _ServerContext:
    """Make a context of the files as they are now. Raises ``SetupError``."""
    context = _ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= (
        ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_SINGLE_ECDH_USE
    )
    context.set_ciphers(CIPHERS)
    context.num_tickets = TICKETS
    context.sni_callback = _note_name
    try:
        context.load_cert_chain(files.certificate, files.key, password=_refuse_password(files))
        with open(files.certificate, "rb") as file:
            certificate = x509.load_pem_x509_certificate(file.read(CERTIFICATE_LIMIT))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise SetupError(
                f"{files.key} is not the key of {files.certificate}", remedy="Put in the key that belongs to it."
            ) from error
        raise _unusable(files, error.reason or "unreadable") from error
    except OSError as error:
        raise SetupError(
            f"cannot read {files.certificate} and {files.key}: {error.strerror}",
            remedy="Both must be there, and readable for the server's user.",
        ) from error
    except ValueError as error:
        raise _unusable(files, "the certificate is malformed") from error
    context.expires_at = certificate.not_valid_after_utc.timestamp()
    context.channel_binding = end_point_of(certificate.public_bytes(Encoding.DER)) or b""
    return context


def _unusable(files: TlsFiles, reason: str) -> SetupError:
    return SetupError(
        f"{files.certificate} and {files.key} cannot be used: {reason}",
        remedy="Both must be PEM: the certificate with its chain after it, and its key without a password.",
    )


def _refuse_password(files: TlsFiles) -> Callable[[], str]:
    """OpenSSL would ask the terminal for the password of an encrypted key, and the server would hang."""

    def refuse() -> str:
        raise SetupError(
            f"the key {files.key} is encrypted",
            remedy=f"Store it without a password and with mode 0600: openssl pkey -in {files.key} -out ...",
        )

    return refuse


def _note_name(tls: Any, name: str | None, _context: ssl.SSLContext) -> None:
    """Remember the name that the client asked for. Any name is served: mail clients ask for many."""
    if isinstance(tls, _ServerObject):
        tls.requested_name = name


def _stamp(files: TlsFiles) -> tuple[tuple[int, int, int] | None, ...]:
    """What tells one version of the files from another, without reading them."""
    return (_stamp_of(files.certificate), _stamp_of(files.key))


def _stamp_of(path: os.PathLike[str]) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)
