"""The PROXY protocol, versions 1 and 2: who is really connected, told by a proxy in front of us.

Follows HAProxy's "The PROXY protocol, versions 1 & 2" (2020/03/05). Sans-IO:
feed octets, get the header and what followed it. What a header says is as good
as its sender: ask only peers in the operator's ``proxy`` networks.

Strict on purpose. The proxy is ours, so a header that is not exactly right is
an attack or a broken set-up; in both cases the session must end before anybody
believes it. Datagram families are refused, checksums are verified when present.

A proxy that ended TLS itself (the SSL TLV) is believed about that too. The
other TLVs are checked for their form and not kept. Raises ``ProxyError``.

XCLIENT, the same news as an SMTP command, is in ``net.xclient``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from samotop.errors import PeerError
from samotop.net.networks import parse_address
from samotop.net.xclient import XclientAttributes, parse_xclient
from samotop.peer import Peer, Tls

__all__ = ["ProxyError", "ProxyHeader", "ProxyReader", "XclientAttributes", "crc32c", "parse_xclient"]

V1_LIMIT: Final = 107
"""Octets of a version 1 header with its CRLF: the longest that the specification allows (§2.1)."""

V2_LIMIT: Final = 4096
"""Octets of a version 2 header behind its first 16. The format allows 65535; a UNIX address and
all registered TLVs, but for a client certificate's text, fit into less than 1000."""

V1_START: Final = b"PROXY "
V2_START: Final = b"\r\n\r\n\x00\r\nQUIT\n"

_V2_FIXED: Final = 16  # signature, version and command, family, length
_ADDRESS_LENGTHS: Final = {0x00: 0, 0x11: 12, 0x21: 36, 0x31: 216}  # UNSPEC, TCP over IPv4, over IPv6, UNIX stream
_PORT: Final = re.compile(rb"0|[1-9][0-9]{0,4}")
_TEXT_LIMIT: Final = 255  # of a host name or a cipher's name in a TLV

_TYPE_AUTHORITY: Final = 0x02
_TYPE_CRC32C: Final = 0x03
_TYPE_SSL: Final = 0x20
_SSL_VERSION: Final = 0x21
_SSL_CIPHER: Final = 0x23
_CLIENT_SSL: Final = 0x01  # the bit that says "the client used TLS"


class ProxyError(PeerError):
    """This is no PROXY header that we may believe."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """What the proxy said.

    ``peer`` is the client behind it; ``None`` where the proxy speaks for itself
    (LOCAL, a health check) or does not know (UNKNOWN, UNSPEC), or the client
    came by a UNIX socket of the proxy's machine: then the connection's own
    addresses stand. ``destination`` is the address and port that the client
    connected to. ``rest`` is what followed the header: the client's octets.
    """

    peer: Peer | None = None
    destination: tuple[str, int] | None = None
    rest: bytes = b""


class ProxyReader:
    """Reads one header from the beginning of a connection."""

    __slots__ = ("_octets",)

    def __init__(self) -> None:
        self._octets = bytearray()

    def feed(self, octets: bytes) -> ProxyHeader | None:
        """Take the next octets; ``None`` means more are needed. Not to be called again after a header.

        At most ``V1_LIMIT`` or ``V2_LIMIT`` octets, and one read, are kept.
        Raises ``ProxyError`` as soon as the octets cannot become a header.
        """
        self._octets += octets
        start = bytes(self._octets[: len(V2_START)])
        if V1_START.startswith(start[: len(V1_START)]):
            return self._take_v1()
        if V2_START.startswith(start):
            return self._take_v2()
        raise ProxyError("this does not begin like a PROXY header")

    def _take_v1(self) -> ProxyHeader | None:
        end = self._octets.find(b"\r\n", 0, V1_LIMIT)
        if end < 0:
            if len(self._octets) >= V1_LIMIT:
                raise ProxyError("the PROXY header is too long")
            return None
        return _parse_v1(bytes(self._octets[len(V1_START) : end]), bytes(self._octets[end + 2 :]))

    def _take_v2(self) -> ProxyHeader | None:
        if len(self._octets) < _V2_FIXED:
            return None
        length = int.from_bytes(self._octets[14:_V2_FIXED], "big")
        if length > V2_LIMIT:
            raise ProxyError("the PROXY header is too long")
        end = _V2_FIXED + length
        if len(self._octets) < end:
            return None
        return _parse_v2(bytes(self._octets[:end]), bytes(self._octets[end:]))


def _parse_v1(line: bytes, rest: bytes) -> ProxyHeader:
    """Read what stands between ``PROXY`` and CRLF (§2.1)."""
    words = line.split(b" ")
    if words[0] == b"UNKNOWN":
        return ProxyHeader(rest=rest)  # whatever else the line says is to be ignored
    if words[0] not in (b"TCP4", b"TCP6") or len(words) != 5:
        raise ProxyError("the PROXY header is malformed")
    _family, source, destination, source_port, destination_port = words
    is_ipv6 = words[0] == b"TCP6"
    return ProxyHeader(
        peer=Peer(address=_parse_ip(source, is_ipv6), port=_parse_port(source_port)),
        destination=(_parse_ip(destination, is_ipv6), _parse_port(destination_port)),
        rest=rest,
    )


def _parse_ip(octets: bytes, is_ipv6: bool) -> str:
    """The canonical text of an address of the announced family, and of no other."""
    try:
        text = octets.decode("ascii")
        if "%" in text:
            raise ValueError
        given = IPv6Address(text) if is_ipv6 else IPv4Address(text)
        return str(parse_address(str(given)))
    except ValueError:
        raise ProxyError("the PROXY header has no address of its family") from None


def _parse_port(octets: bytes) -> int:
    if not _PORT.fullmatch(octets) or int(octets) > 65535:
        raise ProxyError("the PROXY header has no port")
    return int(octets)


def _parse_v2(header: bytes, rest: bytes) -> ProxyHeader:
    """Read a whole binary header (§2.2)."""
    version, command, family = header[12] >> 4, header[12] & 15, header[13]
    if version != 2 or command > 1:
        raise ProxyError("the PROXY header has an unknown version or command")
    if command == 0:
        return ProxyHeader(rest=rest)  # LOCAL: all that follows is to be skipped
    length = _ADDRESS_LENGTHS.get(family)
    if length is None:
        raise ProxyError("the PROXY header is of a family that no mail comes by")
    addresses = header[_V2_FIXED : _V2_FIXED + length]
    if len(addresses) < length:
        raise ProxyError("the PROXY header is cut short")
    tls = _read_tlvs(header, _V2_FIXED + length)
    if family == 0x11:
        found = (addresses[0:4], addresses[4:8], addresses[8:10], addresses[10:12])
    elif family == 0x21:
        found = (addresses[0:16], addresses[16:32], addresses[32:34], addresses[34:36])
    else:
        return ProxyHeader(rest=rest)
    source, destination, source_port, destination_port = found
    return ProxyHeader(
        peer=Peer(address=_format_ip(source), port=int.from_bytes(source_port, "big"), tls=tls),
        destination=(_format_ip(destination), int.from_bytes(destination_port, "big")),
        rest=rest,
    )


def _format_ip(octets: bytes) -> str:
    ip = IPv4Address(octets) if len(octets) == 4 else IPv6Address(octets)
    return str(parse_address(str(ip)))


def _read_tlvs(header: bytes, start: int) -> Tls | None:
    """Check all TLVs of a header, its checksum if there is one, and return what they say of TLS."""
    server_name: str | None = None
    tls: Tls | None = None
    for kind, value, at in _split_tlvs(header, start):
        if kind == _TYPE_CRC32C:
            zeroed = header[:at] + bytes(4) + header[at + 4 :]
            if len(value) != 4 or crc32c(zeroed) != int.from_bytes(value, "big"):
                raise ProxyError("the PROXY header's checksum is wrong")
        elif kind == _TYPE_AUTHORITY:
            server_name = _parse_text(value)
        elif kind == _TYPE_SSL:
            tls = _parse_ssl(value)
    if tls is not None and server_name is not None:
        return Tls(tls.version, tls.cipher, server_name)
    return tls


def _split_tlvs(octets: bytes, start: int) -> Iterator[tuple[int, bytes, int]]:
    """Yield kind, value and the value's place for each TLV (§2.2.1)."""
    while start < len(octets):
        if start + 3 > len(octets):
            raise ProxyError("the PROXY header is cut short")
        length = int.from_bytes(octets[start + 1 : start + 3], "big")
        at = start + 3
        if at + length > len(octets):
            raise ProxyError("the PROXY header is cut short")
        yield octets[start], octets[at : at + length], at
        start = at + length


def _parse_ssl(value: bytes) -> Tls | None:
    """Read PP2_TYPE_SSL (§2.2.6): the client's TLS, which the proxy ended; ``None`` if it used none."""
    if len(value) < 5:
        raise ProxyError("the PROXY header is cut short")
    parts = {kind: part for kind, part, _ in _split_tlvs(value, 5)}
    if not value[0] & _CLIENT_SSL:
        return None
    return Tls(version=_parse_text(parts.get(_SSL_VERSION, b"")), cipher=_parse_text(parts.get(_SSL_CIPHER, b"")))


def _parse_text(value: bytes) -> str:
    """A name in a TLV. It may be logged or written into a header field, so it is printable ASCII."""
    if len(value) > _TEXT_LIMIT or not all(33 <= octet <= 126 for octet in value):
        raise ProxyError("the PROXY header has a name that is none")
    return value.decode("ascii")


def _make_crc_table() -> tuple[int, ...]:
    table: list[int] = []
    for index in range(256):
        value = index
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC_TABLE: Final = _make_crc_table()


def crc32c(octets: bytes) -> int:
    """CRC-32C, with Castagnoli's polynomial: about 50 ns an octet, for headers of up to 4 KiB."""
    value = 0xFFFFFFFF
    for octet in octets:
        value = _CRC_TABLE[(value ^ octet) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF
