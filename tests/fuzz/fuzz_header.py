"""Fuzz target: the header splitter, and the removal of forged trace fields.

Invariant. For any octets:

* the fields' raw octets are together exactly the section, up to its blank line,
  and each lies where it says; a name has no colon, space or control character;
* what is stripped has no Return-Path left, no Received of ours, and is made of
  fields that were there before, in their order; stripping again changes nothing;
* stripping a message chunk by chunk gives the same octets however they were
  cut, keeps the body, and with CRLF line ends is the same as stripping it whole.

    python tests/fuzz/fuzz_header.py -max_total_time=60
"""

from __future__ import annotations

import sys

from samotop.address import Address
from samotop.message.ends import BareLineEnds
from samotop.message.forged import is_forged, iterate_genuine, strip_forged
from samotop.message.header import iterate_fields, split_fields

HOST = "mx"
OWN = [Address("bob", "example.org")]


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    check_fields(octets)
    check_stripped(octets)
    check_cuts(octets)
    check_ends(octets)


def check_fields(octets: bytes) -> None:
    position = 0
    for field in iterate_fields(octets):
        assert field.start == position
        assert field.raw == octets[field.start : field.end]
        assert field.raw
        assert not any(c <= 32 or c > 126 or c == 58 for c in field.name)
        position = field.end
    rest = octets[position:]
    assert not rest or rest.startswith((b"\r\n", b"\n"))
    split = split_fields(octets)
    assert 0 <= split <= len(octets)
    assert octets[split : split + 1] not in (b" ", b"\t") or split == 0


def check_stripped(octets: bytes) -> None:
    kept = strip_forged(octets, HOST, OWN)
    before, after = list(iterate_fields(octets)), list(iterate_fields(kept))
    own = frozenset((b"bob@example.org",))
    assert [f.raw for f in after] == [f.raw for f in before if not is_forged(f.name, f.value, b"mx", own)]
    assert not any(field.name.lower() == b"return-path" for field in after)
    assert strip_forged(kept, HOST, OWN) == kept


def check_cuts(octets: bytes) -> None:
    whole = b"".join(iterate_genuine(iter((octets,)), HOST, OWN))
    step = 1 + len(octets) % 7
    cut = (octets[at : at + step] for at in range(0, len(octets), step))
    assert b"".join(iterate_genuine(cut, HOST, OWN)) == whole
    tiny = (octets[at : at + step] for at in range(0, len(octets), step))
    strict = b"".join(iterate_genuine(tiny, HOST, OWN, limit=16))
    section, blank, body = octets.partition(b"\r\n\r\n")
    if blank and not octets.startswith(b"\r\n"):
        assert whole == strip_forged(section + b"\r\n", HOST, OWN) + b"\r\n" + body
        assert strict.endswith(b"\r\n" + body)


def check_ends(octets: bytes) -> None:
    ends = BareLineEnds()
    step = 1 + len(octets) % 5
    bare = b"".join(ends.update(octets[at : at + step]) for at in range(0, len(octets), step)) + ends.finish()
    assert bare == octets.replace(b"\r\n", b"\n")


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
