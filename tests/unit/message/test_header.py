"""Raw fields: whole, in order, and in linear time, whatever stands there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from samotop.message.header import iterate_fields, split_fields
from tests.fuzz.fuzz_header import check_one_input


def names(section: bytes) -> list[bytes]:
    return [field.name for field in iterate_fields(section)]


def test_a_field_has_its_folding_and_its_place() -> None:
    """Signatures are over raw octets, so nothing may be unfolded on the way."""
    section = b"Subject: a\r\n b\r\n\tc\r\nTo: d\r\n\r\nbody: x\r\n"
    fields = list(iterate_fields(section))
    assert [(f.name, f.raw, f.value) for f in fields] == [
        (b"Subject", b"Subject: a\r\n b\r\n\tc\r\n", b" a\r\n b\r\n\tc"),
        (b"To", b"To: d\r\n", b" d"),
    ]
    assert all(section[f.start : f.end] == f.raw for f in fields)


def test_what_is_no_field_has_no_name_and_is_not_lost() -> None:
    """Malformed lines are for the reader to judge; dropping them would hide something."""
    assert names(b" folded first\r\nno colon\r\n: empty\r\nwith space: x\r\nOk: x\r\n") == [b"", b"", b"", b"", b"Ok"]
    assert names(b"Space-before :x\r\n") == [b"Space-before"]


def test_a_bare_line_feed_ends_a_field() -> None:
    """Readers of the stored message see a field there, so we must see it too."""
    assert names(b"A: b\nReceived: c\r\n") == [b"A", b"Received"]


def test_many_folds_take_linear_time() -> None:
    """A quadratic reader would stand still for hours on these octets."""
    section = b"A: b\r\n" + b" \r\n" * 80_000 + b"B: c\r\n"
    assert names(section) == [b"A", b"B"]
    assert names(b"A: b\r\n" * 80_000) == [b"A"] * 80_000
    assert split_fields(b"\n " * 100_000) == 0


def test_what_may_go_on_is_not_split_off_as_complete() -> None:
    """The last line may be folded by what has not come yet."""
    assert split_fields(b"A: b\r\nC: d\r\n") == 6
    assert split_fields(b"A: b\r\n c\r\n") == 0
    assert split_fields(b"A: b\r\nC") == 6
    assert split_fields(b"") == 0


@given(
    st.lists(
        st.sampled_from([b"A", b":", b" ", b"\t", b"\r", b"\n", b"\r\n", b"Received: by mx\r\n", b"(", b")", b"\0"])
    )
)
def test_any_octets_keep_the_invariant(parts: list[bytes]) -> None:
    """The fuzz target's invariant, on octets that hypothesis finds nasty."""
    check_one_input(b"".join(parts))
