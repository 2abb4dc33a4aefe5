"""Lines of a zone file, as dnspython reads them back."""

from __future__ import annotations

import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.dns.rdata import parse_record
from samotop.dns.zonefile import format_comment, format_entry, format_strings, is_inside, relative_owner


@given(st.binary(max_size=1000))
def test_whatever_a_text_holds_is_read_back(octets: bytes) -> None:
    """Quotes, backslashes and semicolons mean something in a zone file, keys are longer than a string."""
    written = format_strings(octets)
    assert parse_record("TXT", written) == octets
    zone = dns.zone.from_text(
        "$TTL 60\n" + format_entry("a.example.org", "TXT", written, origin="example.org"),
        origin="example.org.",
        relativize=False,
        check_origin=False,
    )
    (rdata,) = zone.find_rdataset("a.example.org.", "TXT")
    assert b"".join(rdata.strings) == octets
    assert all(len(string) <= 255 for string in rdata.strings)


@pytest.mark.parametrize(
    ("owner", "expected"),
    [("example.org", "@"), ("Example.ORG.", "@"), ("_25._tcp.mx.example.org", "_25._tcp.mx"), ("a.example.org.", "a")],
)
def test_owners_are_relative_to_the_zone(owner: str, expected: str) -> None:
    assert relative_owner(owner, "example.org.") == expected


def test_without_a_zone_an_owner_is_absolute() -> None:
    assert relative_owner("mx.example.org", "") == "mx.example.org."


def test_an_owner_outside_of_the_zone_is_refused() -> None:
    """A name server would ignore the line or the whole zone."""
    for owner in ("example.net", "badexample.org", "org"):
        assert not is_inside(owner, "example.org")
        with pytest.raises(ValueError, match="outside"):
            relative_owner(owner, "example.org")


def test_a_comment_stays_one() -> None:
    """Nothing in it may begin a record, and no line runs off the page."""
    text = format_comment("one\ntwo \x1b[2J " + "word " * 50 + "\n\nlast")
    assert all(line.startswith(";") and len(line) <= 100 for line in text.splitlines())
    assert "\x1b" not in text
    assert text.endswith(";\n; last")
