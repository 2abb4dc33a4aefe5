from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.sasl.mechanism import RESPONSE_LIMIT
from tests.fuzz.fuzz_sasl import check_one_input

SEEDS = [
    b"",
    b"\x0a",
    b"\x0a\0alice\0secret",
    b"\x0e\0alice\0secret",
    b"\x0balice\xfesecret",
    b"\x0falice\xfesecret\xfemore",
    b"\x01n,,n=alice,r=c\xfec=biws,r=cnonce,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    b"\x08p=tls-server-end-point,,n=alice,r=c\xfec=cD10,r=cnonce,p=AAAA",
    b"\x09y,,n=alice,r=c",
    b"\x01r=nonceX,s=AAAA,i=4096\xfev=AAAA",
    b"\x01r=nonceX,s=AAAA,i=4096\xfee=other-error",
    b"\x02" + "\ufdfa".encode() * 300,
    b"\x02\0" + "\ufdfa".encode() * 100 + b"\0" + "\ufdfa".encode() * 300,
    b"\x02" + b"x" * (RESPONSE_LIMIT + 1),
    b"\x03" + b"x" * RESPONSE_LIMIT,
]


@pytest.mark.parametrize("octets", SEEDS)
def test_the_fuzz_targets_invariant_holds_for_the_seeds(octets: bytes) -> None:
    """Each reaches another branch; what fuzzing finds is added here."""
    check_one_input(octets)


@given(st.binary(max_size=200))
def test_the_fuzz_targets_invariant_holds(octets: bytes) -> None:
    """A short walk on every run; the fuzzer takes the long one."""
    check_one_input(octets)
