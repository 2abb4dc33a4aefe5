"""Fuzz target: what a proxy, or somebody who passes for one, says of its client.

Invariant. For any octets:

* ``ProxyReader`` raises nothing but ``ProxyError``; it waits for more only
  while it holds less than its limits; what follows a header comes back
  unchanged; however the octets are cut, the outcome is the same;
* whom a header names is an IP address in canonical form, never IPv4-mapped,
  with a port of 16 bits, and printable names of TLS;
* ``parse_xclient`` raises nothing but ``PeerError``, whose text can stand in a
  reply; an address it returns is canonical, and never empty.

The first octet says where the rest is cut, and whether a start that gets past
the signature is put in front.

    python tests/fuzz/fuzz_proxy.py -max_total_time=60
"""

from __future__ import annotations

import sys
from ipaddress import IPv6Address, ip_address

from samotop.errors import PeerError
from samotop.net.proxy import V1_LIMIT, V2_LIMIT, V2_START, ProxyError, ProxyHeader, ProxyReader
from samotop.net.xclient import parse_xclient

STARTS = (b"", b"PROXY TCP4 ", b"PROXY TCP6 ", V2_START + b"\x21\x11\x00", V2_START + b"\x21\x21\x00", V2_START)


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    if not octets:
        return
    octets = STARTS[octets[0] % len(STARTS)] + octets[1:]
    cut = octets[0] % (len(octets) + 1) if octets else 0
    whole = read((octets,))
    assert whole == read((octets[:cut], octets[cut:])), "the cut made a difference"
    if isinstance(whole, ProxyHeader):
        check_header(whole, octets)
    elif whole is None:
        assert len(octets) < (V1_LIMIT if octets.startswith(b"P") else 16 + V2_LIMIT), "it would wait for ever"
    check_xclient(octets)


def read(parts: tuple[bytes, ...]) -> ProxyHeader | str | None:
    """The header, ``None`` for "more", or the text of the refusal; rest and all."""
    reader = ProxyReader()
    for index, part in enumerate(parts):
        if not part:
            continue
        try:
            header = reader.feed(part)
        except ProxyError:
            return "refused"
        if header is not None:
            return ProxyHeader(header.peer, header.destination, header.rest + b"".join(parts[index + 1 :]))
    return None


def check_header(header: ProxyHeader, octets: bytes) -> None:
    assert octets.endswith(header.rest)
    if header.peer is not None:
        check_canonical(header.peer.address)
        assert 0 <= header.peer.port <= 65535
        tls = header.peer.tls
        for name in () if tls is None else (tls.version, tls.cipher, tls.server_name or ""):
            assert name.isascii()
            assert name.isprintable()


def check_xclient(argument: bytes) -> None:
    try:
        found = parse_xclient(argument)
    except PeerError as refusal:
        assert str(refusal).isprintable()
        assert len(str(refusal)) < 200
        return
    for address in (found.address, found.destination):
        if address is not None:
            check_canonical(address)


def check_canonical(address: str) -> None:
    parsed = ip_address(address)
    assert str(parsed) == address
    assert not (isinstance(parsed, IPv6Address) and (parsed.ipv4_mapped or parsed.scope_id))


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
