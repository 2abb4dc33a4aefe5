"""Every fuzz target of this folder, on its corpus and on a short walk of its own.

The fuzzer takes the long walk (``tools/fuzz.sh``). What it finds is put into
``corpus/<target>/`` under a name that says what it was; those files are played
here on every run, together with small seeds that are the same for all targets.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HERE = Path(__file__).parent
TARGETS = sorted(path.stem for path in HERE.glob("fuzz_*.py"))
SEEDS = [b"", b"\0", b"\r\n", b"\n", b"\xff" * 3, b"a" * 300, bytes(range(256)), b"\0\0" * 50]
WORDS = [
    b"EHLO x\r\n",
    b"LHLO x\r\n",
    b"MAIL FROM:<a@b>\r\n",
    b"MAIL FROM:<> BODY=BINARYMIME\r\n",
    b"RCPT TO:<b@example.org>\r\n",
    b"DATA\r\n",
    b"BDAT 3\r\n",
    b"BDAT 0 LAST\r\n",
    b"STARTTLS\r\n",
    b"AUTH PLAIN\r\n",
    b"RSET\r\n",
    b"\r\n.\r\n",
    b"\xf7\xf7",
    b"250-",
    b"250 ",
    b"5.1.1 ",
    b"<a@[IPv6:::1]>",
    b'"a\\"b"@',
    b"SIZE=1 ",
    b"ORCPT=rfc822;",
    b"ENVID=+2B",
    "é".encode(),
    b".",
    b"\r\n",
    b"\r",
    b"\n",
]

mixtures = st.lists(st.sampled_from(WORDS) | st.binary(max_size=6), max_size=25).map(b"".join)
inputs = st.builds(lambda head, tail: bytes(head) + tail, st.binary(max_size=2), mixtures) | st.binary(max_size=200)


def load(target: str) -> Callable[[bytes], None]:
    check: Callable[[bytes], None] = importlib.import_module(f"tests.fuzz.{target}").check_one_input
    return check


def test_there_are_targets() -> None:
    """An empty folder would test nothing, and say so to nobody."""
    assert len(TARGETS) >= 5


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_holds_on_its_corpus(target: str) -> None:
    """Each file there once was a find."""
    check = load(target)
    for octets in SEEDS:
        check(octets)
    for path in sorted((HERE / "corpus" / target).glob("*")):
        try:
            check(path.read_bytes())
        except Exception as error:
            raise AssertionError(f"the find {path.name} is back") from error


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_holds_on_a_short_walk(target: str) -> None:
    check = load(target)

    @settings(max_examples=300)
    @given(inputs)
    def walk(octets: bytes) -> None:
        check(octets)

    walk()


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_says_what_it_holds(target: str) -> None:
    """A fuzz target without its invariant in words is a crash test at best."""
    module = importlib.import_module(f"tests.fuzz.{target}")
    assert "Invariant." in (module.__doc__ or "")
    assert callable(module.main)
