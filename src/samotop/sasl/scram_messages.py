"""SCRAM's four messages on the wire, read strictly (RFC 5802 §5 and §7).

    client first   n,,n=user,r=NONCE            or y,,...  or p=tls-server-end-point,,...
    server first   r=NONCE+MORE,s=SALT,i=COUNT
    client final   c=BINDING,r=NONCE+MORE,p=PROOF
    server final   v=SIGNATURE                  or e=error

Attributes come in this order and no other; unknown ones are passed over where
the grammar allows extensions; the mandatory extension ``m=`` is refused, as
§5.1 demands of who does not know it.

Raises ``MessageError``; its text never repeats what the peer sent.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Final

from samotop.errors import PeerError

TLS_SERVER_END_POINT: Final = "tls-server-end-point"
"""The one channel binding type that we speak: the hash of the server's certificate (RFC 5929 §4)."""

NONCE_LIMIT: Final = 1024
"""Octets of a nonce that we echo; honest ones have 24 to 64."""

_NONCE: Final = re.compile(r"[!-+\--~]+")  # printable, without the comma
_COUNT: Final = re.compile(r"[1-9][0-9]{0,9}")
_BINDING_NAME: Final = re.compile(r"[A-Za-z0-9.\-]+")
_EXTENSION: Final = re.compile(r"[A-Za-z]=[^\0,]+")
_BAD_ESCAPE: Final = re.compile(r"=(?!2C|3D)")


class MessageError(PeerError):
    """A message is not what RFC 5802 §7 allows."""


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """``flag`` is n, y or p; ``binding`` the type that p asks for. ``gs2_header`` and ``bare`` are its two halves."""

    flag: str
    binding: str
    authzid: str
    name: str
    nonce: str
    gs2_header: str
    bare: str


@dataclass(frozen=True, slots=True)
class ServerFirst:
    nonce: str
    salt: bytes
    iterations: int


@dataclass(frozen=True, slots=True)
class ClientFinal:
    """``binding`` is the client's header and the channel's octets; ``without_proof`` is what the proof covers."""

    binding: bytes = field(repr=False)
    nonce: str
    proof: bytes = field(repr=False)
    without_proof: str = field(repr=False)


def parse_client_first(octets: bytes) -> ClientFirst:
    header, separator, bare = _decode(octets).partition(",")
    flag, binding = header, ""
    if header.startswith("p="):
        flag, binding = "p", header[2:]
        if not _BINDING_NAME.fullmatch(binding):
            raise MessageError("the channel binding's name is malformed")
    elif header not in ("n", "y"):
        raise MessageError("the channel binding flag is malformed")
    identity, comma, bare = bare.partition(",")
    if not separator or not comma:
        raise MessageError("the header is incomplete")
    if identity and not identity.startswith("a="):
        raise MessageError("the authorization identity is malformed")
    authzid = _unescape(identity[2:]) if identity else ""
    pieces = bare.split(",")
    if len(pieces) < 2 or not pieces[0].startswith("n="):
        raise MessageError("the user name is missing, or an extension is mandatory that we do not know")
    name = _unescape(pieces[0][2:])
    nonce = _nonce(pieces[1])
    _check_extensions(pieces[2:])
    return ClientFirst(flag, binding, authzid, name, nonce, f"{header},{identity},", bare)


def format_client_first(name: str, nonce: str) -> str:
    """The bare client first message, without the header that says how the channel is bound."""
    escaped = name.replace("=", "=3D").replace(",", "=2C")
    return f"n={escaped},r={nonce}"


def parse_server_first(octets: bytes) -> ServerFirst:
    pieces = _decode(octets).split(",")
    if len(pieces) < 3 or not pieces[1].startswith("s=") or not pieces[2].startswith("i="):
        raise MessageError("the server's first message is malformed")
    nonce = _nonce(pieces[0])
    salt = _base64(pieces[1][2:])
    if not _COUNT.fullmatch(pieces[2][2:]):
        raise MessageError("the iteration count is malformed")
    _check_extensions(pieces[3:])
    return ServerFirst(nonce, salt, int(pieces[2][2:]))


def format_server_first(nonce: str, salt: bytes, iterations: int) -> str:
    return f"r={nonce},s={b64encode(salt).decode()},i={iterations}"


def parse_client_final(octets: bytes) -> ClientFinal:
    without_proof, separator, proof = _decode(octets).rpartition(",p=")
    pieces = without_proof.split(",")
    if not separator or len(pieces) < 2 or not pieces[0].startswith("c="):
        raise MessageError("the final message is malformed")
    nonce = _nonce(pieces[1])
    _check_extensions(pieces[2:])
    return ClientFinal(_base64(pieces[0][2:]), nonce, _base64(proof), without_proof)


def format_client_final(binding: bytes, nonce: str) -> str:
    """The client final message without its proof; ``binding`` is the header and the channel's octets."""
    return f"c={b64encode(binding).decode()},r={nonce}"


def format_proven(without_proof: str, proof: bytes) -> bytes:
    """The whole client final message."""
    return f"{without_proof},p={b64encode(proof).decode()}".encode()


def parse_server_final(octets: bytes) -> bytes:
    """The server's signature. Raises ``MessageError`` for its ``e=`` too."""
    pieces = _decode(octets).split(",")
    if pieces[0].startswith("e="):
        raise MessageError("the server reported an error in the exchange")
    if not pieces[0].startswith("v="):
        raise MessageError("the server's signature is missing")
    _check_extensions(pieces[1:])
    return _base64(pieces[0][2:])


def format_server_final(signature: bytes) -> bytes:
    return b"v=" + b64encode(signature)


def _decode(octets: bytes) -> str:
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise MessageError("a message is not UTF-8") from None
    if "\0" in text:
        raise MessageError("a message holds a NUL")
    return text


def _unescape(escaped: str) -> str:
    """``=2C`` is a comma and ``=3D`` an equals sign; any other use of the equals sign is an error (RFC 5802 §5.1)."""
    if not escaped or _BAD_ESCAPE.search(escaped):
        raise MessageError("a name is empty or badly escaped")
    return escaped.replace("=2C", ",").replace("=3D", "=")


def _nonce(piece: str) -> str:
    nonce = piece[2:]
    if not piece.startswith("r=") or not _NONCE.fullmatch(nonce) or len(nonce) > NONCE_LIMIT:
        raise MessageError("the nonce is missing or malformed")
    return nonce


def _base64(text: str) -> bytes:
    try:
        octets = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if not octets or b64encode(octets).decode() != text:
        raise MessageError("a value is not in base64, or empty")
    return octets


def _check_extensions(pieces: list[str]) -> None:
    for piece in pieces:
        if not _EXTENSION.fullmatch(piece) or piece[0] == "m":
            raise MessageError("an extension is malformed, or mandatory and unknown")
