"""Reading messages: as dnspython would, within a fixed amount of work."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from samotop.net.answers import read_answer
from samotop.net.messages import RECORDS_LIMIT, BadAnswer, parse_answer
from samotop.net.questions import Question

CALLS_LIMIT = 150_000
"""Calls of functions for any message: an ordinary one has 300, and the library's reader made 10 millions for some."""

SECTION = Question.ask("www.example.org", "A").section
TO_NAME = b"\xc0\x0c"
ANCHOR = "www.example.org. 300 IN A 192.0.2.1"


def message(
    answer: list[str], authority: Sequence[str] = (), additional: Sequence[str] = (), code: int = 0
) -> dns.message.Message:
    made = dns.message.make_response(dns.message.make_query("www.example.org", "A", want_dnssec=True, payload=1232))
    made.set_rcode(dns.rcode.Rcode(code))
    for section, lines in ((made.answer, answer), (made.authority, authority), (made.additional, additional)):
        for line in lines:
            name, ttl, klass, kind, rest = line.split(None, 4)
            one = dns.rrset.from_text(name, int(ttl), klass, kind, rest)
            rrset = made.find_rrset(section, one.name, one.rdclass, one.rdtype, one.covers, create=True)
            rrset.update(one)
    return made


RECORDS = [
    ANCHOR,
    "www.example.org. 300 IN A 192.0.2.2",
    "www.example.org. 300 IN RRSIG A 13 3 300 20300101000000 20200101000000 1 example.org. AAAA",
    "www.example.org. 200 IN RRSIG TXT 13 3 300 20300101000000 20200101000000 1 example.org. AAAA",
    'www.example.org. 200 IN TXT "a" "b"',
    "example.org. 300 IN MX 10 mx.www.example.org.",
    "mx.www.example.org. 300 IN AAAA 2001:db8::1",
    "a\\.b.example.org. 300 IN CNAME .",
    ". 300 IN NS a.root-servers.net.",
    "www.example.org. 300 IN TYPE65280 \\# 3 010203",
]


@pytest.mark.parametrize("code", [0, 3, 16])
def test_a_message_is_what_dnspython_reads(code: int) -> None:
    """But for the additional section, which nobody needs."""
    made = message(RECORDS, RECORDS[5:], ["mx.example.org. 300 IN A 192.0.2.3"], code)
    octets = made.to_wire()
    ours, theirs = parse_answer(octets), dns.message.from_wire(octets)
    for section in (0, 1, 2):
        assert ours.sections[section] == theirs.sections[section]
        assert [rrset.ttl for rrset in ours.sections[section]] == [rrset.ttl for rrset in theirs.sections[section]]
    assert (ours.id, ours.flags, ours.rcode()) == (theirs.id, theirs.flags, theirs.rcode())
    assert (ours.edns, ours.ednsflags, ours.payload) == (theirs.edns, theirs.ednsflags, theirs.payload)
    assert ours.additional == []
    for rrset in theirs.answer:
        assert ours.find_rrset(ours.answer, rrset.name, rrset.rdclass, rrset.rdtype, rrset.covers) == rrset


def test_a_message_without_edns_has_none() -> None:
    made = message(RECORDS)
    made.use_edns(False)
    assert parse_answer(made.to_wire()).edns == -1


def test_other_classes_are_passed_over() -> None:
    assert parse_answer(message(["www.example.org. 300 CH A www.example.org. 1"]).to_wire()).answer == []


def test_an_impossible_time_to_live_is_zero() -> None:
    """RFC 2181 §8."""
    octets = parse_answer(wire(1, TO_NAME + struct.pack("!HHIH", 1, 1, 0x80000000, 4) + bytes(4)))
    assert octets.answer[0].ttl == 0


def wire(count: int, records: bytes, *, additional: int = 0, section: bytes = SECTION) -> bytes:
    return struct.pack("!HHHHHH", 7, 0x8180, 1, count, 0, additional) + section + records


def record(kind: int, octets: bytes, owner: bytes = TO_NAME) -> bytes:
    return owner + struct.pack("!HHIH", kind, 1, 300, len(octets)) + octets


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        bytes(11),
        bytes(65536),
        wire(1, record(1, bytes(4)))[:-1],
        wire(2, record(1, bytes(4))),
        wire(1, record(1, bytes(5))),
        wire(1, record(1, bytes(4), b"\xc0\xff")),
        wire(1, record(1, bytes(4), b"\xc0\x21")),
        wire(1, record(1, bytes(4), b"\x80")),
        wire(1, record(15, b"\0\1\0\0")),
        wire(1, record(16, b"\5a")),
        wire(1, record(41, b"")),
        wire(0, record(41, b"", b"\0") * 2, additional=2),
        wire(0, b"", section=SECTION[:-1]),
        struct.pack("!HHHHHH", 7, 0x8180, 2, 0, 0, 0) + SECTION * 2,
    ],
    ids=lambda octets: str(len(octets)),
)
def test_a_malformed_message_is_refused_without_repeating_it(octets: bytes) -> None:
    with pytest.raises(BadAnswer) as caught:
        parse_answer(octets)
    assert "example" not in str(caught.value)


def test_more_records_than_anybody_needs_are_not_read() -> None:
    one = record(1, bytes(4))
    assert parse_answer(wire(RECORDS_LIMIT, one * RECORDS_LIMIT)).answer
    with pytest.raises(BadAnswer):
        parse_answer(wire(RECORDS_LIMIT + 1, one * (RECORDS_LIMIT + 1)))


@pytest.mark.parametrize("count", [100])
def test_large_honest_answers_are_read(count: int) -> None:
    """As many records as name servers allow for one type by default, with names that are not compressed."""
    many = [f"www.example.org. 300 IN MX {n} host{n}.with.a.rather.long.name.example.com." for n in range(count)]
    texts = [f'www.example.org. 300 IN TXT "{n}{"a" * 200}" "{"b" * 200}"' for n in range(count)]
    for lines, kind in ((many, "MX"), (texts, "TXT")):
        reading = read_answer(parse_answer(message(lines).to_wire(max_size=65535)), "www.example.org", kind)
        assert len(reading.records) == count


# The worst that anybody has thought of: the work has one bound, however large the message.

LONG = b"\1a" * 120 + b"\0"
"""A name with as many labels as fit; it stands right behind the question, and others point at it."""
AT_LONG = (0xC000 + 12 + len(SECTION)).to_bytes(2)


def owner(number: int) -> bytes:
    return bytes([1, 97 + number % 26, 1, 97 + number // 26]) + AT_LONG


def worst(shape: str, size: float) -> bytes:
    """A message of that shape; ``size`` 4 is the largest that there can be."""
    records = min(int(100 * size), RECORDS_LIMIT) - 1
    octets = int(15_000 * size)
    first = record(1, bytes(4), LONG)
    match shape:
        case "long names":
            return wire(records + 1, first + b"".join(record(1, bytes(4), owner(n)) for n in range(records)))
        case "aliases between long names":
            return wire(records + 1, first + b"".join(record(5, owner(n), owner(n)) for n in range(records)))
        case "services at long names":
            return wire(records + 1, first + b"".join(record(33, bytes(6) + AT_LONG, owner(n)) for n in range(records)))
        case "long names skipped":
            return wire(1, first + record(1, bytes(4), LONG) * 230, additional=230)
        case "strings":
            return wire(1, record(16, bytes(octets)))
        case "names of host identities":
            return wire(2, first + record(55, b"\2\1\0\2AABB" + LONG * (octets // len(LONG))))
        case "prefixes":
            return wire(1, record(42, b"\0\1\0\0" * (octets // 4)))
        case "parameters":
            numbers = b"".join(number.to_bytes(2) + b"\0\0" for number in range(100, 100 + octets // 4))
            return wire(1, record(64, b"\0\1\0" + numbers))
        case "windows":
            return wire(
                1, record(47, b"\0" + b"".join(bytes([n % 256, 32]) + b"\xff" * 32 for n in range(octets // 34)))
            )
        case "options":
            return wire(0, record(41, b"\0\x0c\0\0" * (octets // 4), b"\0"), additional=1)
        case "sets":
            return wire(records, b"".join(record(1000 + n, b"x") for n in range(records)))
    raise AssertionError(shape)


def calls(work: Callable[[], object]) -> int:
    """Calls of functions: a measure of work that no load disturbs."""
    count = 0

    def watch(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(watch)
    try:
        work()
    except BadAnswer:
        pass
    finally:
        sys.setprofile(None)
    return count


def read(octets: bytes) -> None:
    read_answer(parse_answer(octets), "www.example.org", "A")


@pytest.mark.parametrize(
    "shape",
    [
        "long names",
        "aliases between long names",
        "services at long names",
        "long names skipped",
        "strings",
        "names of host identities",
        "prefixes",
        "parameters",
        "windows",
        "options",
        "sets",
    ],
)
def test_no_message_holds_up_the_loop(shape: str) -> None:
    small, large = (calls(partial(read, worst(shape, size))) for size in (1, 4))
    assert large <= CALLS_LIMIT
    assert large <= 8 * small + 1000


@pytest.mark.slow
def test_the_library_alone_would_be_held_up() -> None:
    """Why reading is counted: when this fails, ``dns.message.from_wire`` has got bounds of its own."""
    octets = worst("aliases between long names", 0.2)
    assert calls(partial(dns.message.from_wire, octets)) > 2 * calls(partial(read, octets))
