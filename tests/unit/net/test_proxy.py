"""PROXY headers: read whole, byte by byte and cut anywhere; refused when anything is off."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.net.networks import parse_address
from samotop.net.proxy import (
    V1_LIMIT,
    V2_LIMIT,
    V2_START,
    ProxyError,
    ProxyHeader,
    ProxyReader,
    crc32c,
)
from samotop.peer import Peer, Tls

V4 = Peer("192.0.2.1", 4711)
TO_V4 = ("198.51.100.2", 25)
ADDRESSES_V4 = IPv4Address(V4.address).packed + IPv4Address(TO_V4[0]).packed + struct.pack("!HH", V4.port, TO_V4[1])


def v2(family: int, payload: bytes, *, first: int = 0x21) -> bytes:
    return V2_START + bytes((first, family)) + len(payload).to_bytes(2, "big") + payload


def tlv(kind: int, value: bytes) -> bytes:
    return bytes((kind,)) + len(value).to_bytes(2, "big") + value


def with_crc(family: int, addresses: bytes) -> bytes:
    zeroed = v2(family, addresses + tlv(3, bytes(4)) + tlv(4, b"padding"))
    checksum = crc32c(zeroed).to_bytes(4, "big")
    return v2(family, addresses + tlv(3, checksum) + tlv(4, b"padding"))


def feed_whole(octets: bytes) -> ProxyHeader | None:
    return ProxyReader().feed(octets)


def feed_bytewise(octets: bytes) -> ProxyHeader | None:
    reader = ProxyReader()
    for index in range(len(octets)):
        header = reader.feed(octets[index : index + 1])
        if header is not None:
            return ProxyHeader(header.peer, header.destination, header.rest + octets[index + 1 :])
    return None


GOOD = [
    (b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 25\r\n", V4, TO_V4),
    (b"PROXY TCP6 2001:DB8::1 ::1 65535 0\r\n", Peer("2001:db8::1", 65535), ("::1", 0)),
    (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 4711 25\r\n", V4, ("::1", 25)),
    (b"PROXY UNKNOWN\r\n", None, None),
    (b"PROXY UNKNOWN ffff::1 whatever it says\r\n", None, None),
    (v2(0x11, ADDRESSES_V4), V4, TO_V4),
    (v2(0x11, ADDRESSES_V4 + tlv(4, b"") + tlv(0xEE, b"custom")), V4, TO_V4),
    (with_crc(0x11, ADDRESSES_V4), V4, TO_V4),
    (
        v2(0x21, IPv6Address("2001:db8::1").packed + IPv6Address("::1").packed + struct.pack("!HH", 1, 2)),
        Peer("2001:db8::1", 1),
        ("::1", 2),
    ),
    (v2(0x31, bytes(216)), None, None),
    (v2(0x00, b""), None, None),
    (v2(0x00, b"", first=0x20), None, None),
    (v2(0xFF, b"anything", first=0x20), None, None),
]


@pytest.mark.parametrize(("header", "peer", "destination"), GOOD)
@pytest.mark.parametrize("rest", [b"", b"EHLO client.example\r\n", b"PROXY TCP4 "])
def test_a_header_says_the_same_however_it_is_cut(
    header: bytes, peer: Peer | None, destination: tuple[str, int] | None, rest: bytes
) -> None:
    """What follows it, even in the same segment, is the client's and comes through untouched."""
    expected = ProxyHeader(peer, destination, rest)
    assert feed_whole(header + rest) == expected
    assert feed_bytewise(header + rest) == expected
    for cut in range(1, len(header)):
        reader = ProxyReader()
        assert reader.feed(header[:cut]) is None
        assert reader.feed(header[cut:] + rest) == expected


@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO client.example\r\n",
        b"\x16\x03\x01",
        b"proxy TCP4 192.0.2.1 198.51.100.2 4711 25\r\n",
        b"PROXY  TCP4 192.0.2.1 198.51.100.2 4711 25\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 25 \r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 4711\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 04711 25\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 65536 25\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 -1 25\r\n",
        b"PROXY TCP4 192.0.2.01 198.51.100.2 4711 25\r\n",
        b"PROXY TCP4 ::1 198.51.100.2 4711 25\r\n",
        b"PROXY TCP6 192.0.2.1 ::1 4711 25\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 4711 25\r\n",
        b"PROXY TCP6 \xff::1 ::1 4711 25\r\n",
        b"PROXY UDP4 192.0.2.1 198.51.100.2 4711 25\r\n",
        b"PROXY \r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 25\n" + b"x" * V1_LIMIT,
        b"PROXY UNKNOWN " + b"x" * V1_LIMIT,
        v2(0x11, ADDRESSES_V4, first=0x11),
        v2(0x11, ADDRESSES_V4, first=0x22),
        v2(0x11, ADDRESSES_V4[:-1]),
        v2(0x12, ADDRESSES_V4),
        v2(0x41, ADDRESSES_V4),
        v2(0x11, ADDRESSES_V4 + b"\x04\x00"),
        v2(0x11, ADDRESSES_V4 + b"\x04\x00\x05abcd"),
        v2(0x11, ADDRESSES_V4 + tlv(3, bytes(4))),
        v2(0x11, ADDRESSES_V4 + tlv(3, bytes(3))),
        v2(0x11, ADDRESSES_V4 + tlv(2, b"two words")),
        v2(0x11, ADDRESSES_V4 + tlv(0x20, b"\x01\0\0\0")),
        v2(0x31, bytes(215)),
        V2_START + b"\x21\x11" + (V2_LIMIT + 1).to_bytes(2, "big"),
    ],
)
def test_a_header_that_is_not_exactly_right_is_refused(octets: bytes) -> None:
    """Our own proxy sends no such thing."""
    with pytest.raises(ProxyError):
        feed_whole(octets)
    with pytest.raises(ProxyError):
        feed_bytewise(octets)


def test_the_longest_line_of_version_1_is_read() -> None:
    """107 octets with CRLF is what the specification allows; one more is refused."""
    line = b"PROXY UNKNOWN " + b"f" * (V1_LIMIT - 16) + b"\r\n"
    assert len(line) == V1_LIMIT
    assert feed_bytewise(line) == ProxyHeader()


def test_a_checksum_that_fits_is_believed_and_one_that_does_not_is_not() -> None:
    """Any changed octet must show: CRC-32C finds every single one."""
    header = with_crc(0x11, ADDRESSES_V4)
    for index in range(16, 28):
        changed = header[:index] + bytes((header[index] ^ 1,)) + header[index + 1 :]
        with pytest.raises(ProxyError):
            feed_whole(changed)


def test_crc32c_is_castagnolis() -> None:
    """The well-known check value, and iSCSI's of 32 zero octets."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


def test_the_clients_tls_at_the_proxy_is_known() -> None:
    """The session was encrypted up to the proxy, and AUTH may be offered."""
    ssl = b"\x01\0\0\0\0" + tlv(0x21, b"TLSv1.3") + tlv(0x23, b"TLS_AES_128_GCM_SHA256") + tlv(0x22, b"some client")
    header = feed_whole(v2(0x11, ADDRESSES_V4 + tlv(0x20, ssl) + tlv(2, b"mx.example.org")))
    assert header is not None
    assert header.peer == Peer(
        V4.address, V4.port, tls=Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", server_name="mx.example.org")
    )


def test_a_proxy_that_says_plaintext_leaves_the_peer_plain() -> None:
    """The TLV is there with the client's bit off: the client used none."""
    header = feed_whole(v2(0x11, ADDRESSES_V4 + tlv(0x20, b"\x00\0\0\0\0")))
    assert header is not None
    assert header.peer == V4


@given(
    st.ip_addresses(),
    st.integers(0, 65535),
    st.ip_addresses(),
    st.integers(0, 65535),
    st.binary(max_size=64),
    st.data(),
)
def test_what_a_proxy_writes_is_what_is_read(
    source: IPv4Address | IPv6Address,
    source_port: int,
    target: IPv4Address | IPv6Address,
    target_port: int,
    rest: bytes,
    data: st.DataObject,
) -> None:
    """Both versions, every address, cut anywhere."""
    if source.version != target.version:
        target = type(source)(0)
    peer = Peer(str(parse_address(str(source))), source_port)
    destination = (str(parse_address(str(target))), target_port)
    ports = struct.pack("!HH", source_port, target_port)
    for header in (
        f"PROXY TCP{source.version} {source} {target} {source_port} {target_port}\r\n".encode(),
        v2(0x11 if source.version == 4 else 0x21, source.packed + target.packed + ports),
    ):
        cut = data.draw(st.integers(1, len(header) - 1))
        reader = ProxyReader()
        assert reader.feed(header[:cut]) is None
        assert reader.feed(header[cut:] + rest) == ProxyHeader(peer, destination, rest)


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=10),
    st.sampled_from([b"", b"PROXY ", V2_START, V2_START + b"!"]),
)
def test_no_octets_raise_anything_else(parts: list[bytes], start: bytes) -> None:
    """Whatever comes is a header, a refusal, or the wait for more."""
    reader = ProxyReader()
    try:
        for part in [start, *parts]:
            if reader.feed(part) is not None:
                return
    except ProxyError:
        return
