"""Fuzz target: the reader of Received fields.

Invariant. For any octets as a field's value:

* nothing is raised; what is read is text no longer than what was given;
* an address is one, in its usual form; a moment has a zone;
* what stands behind ``VALUE_LIMIT`` octets changes nothing;
* a header section made of two such fields gives no more than its Received fields.

    python tests/fuzz/fuzz_received.py -max_total_time=60
"""

from __future__ import annotations

import sys
from ipaddress import ip_address

from samotop.message.received import VALUE_LIMIT, parse_received, read_hops


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    hop = parse_received(octets)
    for text in (hop.hello, hop.name, hop.by, hop.protocol, hop.id, hop.recipient):
        assert len(text) <= len(octets)
    assert not hop.address or str(ip_address(hop.address)) == hop.address
    assert hop.at is None or hop.at.utcoffset() is not None
    padded = octets[:VALUE_LIMIT].ljust(VALUE_LIMIT)
    assert parse_received(padded + octets) == parse_received(padded)
    section = b"Received:" + octets + b"\r\nreceived: " + octets + b"\r\n\r\n"
    assert len(read_hops(section)) <= 2 + octets.lower().count(b"received")


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
