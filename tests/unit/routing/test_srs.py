"""Rewritten senders lead back to whom they stand for, and to nobody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.address import Address
from samotop.routing.srs import SrsRules, is_rewritten, restore_sender, rewrite_sender

RULES = SrsRules("our.example", (b"secret",))
OTHER = SrsRules("other.example", (b"another",))
ALICE = Address("alice", "example.net")
DAY = 20_000


def rewritten(sender: Address, rules: SrsRules = RULES, day: int = DAY) -> Address:
    found = rewrite_sender(sender, rules, day)
    assert found is not None and found.domain == rules.domain and is_rewritten(found.local)
    return found


_LOCALS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
_DOMAINS = st.from_regex(r"[a-z0-9-]{1,20}(\.[a-z]{2,8}){1,3}", fullmatch=True)


@given(_LOCALS, _DOMAINS, st.integers(0, 100_000), st.integers(0, 21))
def test_what_was_rewritten_leads_back(local: str, domain: str, day: int, later: int) -> None:
    """Through one forwarder, and for as long as it counts."""
    sender = Address(local, domain)
    there = rewrite_sender(sender, RULES, day)
    if there is not None and not is_rewritten(local):
        assert restore_sender(there, RULES, day + later) == sender


def test_through_two_forwarders_and_three() -> None:
    """Each undoes its own part; the address grows once, and then no more."""
    first = rewritten(ALICE)
    second = rewritten(first, OTHER)
    third = SrsRules("third.example", (b"third",))
    once_more = rewritten(second, third)
    assert len(once_more.local) == len(second.local)
    assert restore_sender(once_more, third, DAY) == first
    assert restore_sender(second, OTHER, DAY) == first
    assert restore_sender(first, RULES, DAY) == ALICE


def test_a_folded_local_part_is_still_ours() -> None:
    """Some servers write local parts in lower case."""
    there = rewritten(ALICE)
    assert restore_sender(Address(there.local.lower(), "OUR.example"), RULES, DAY) == ALICE


@pytest.mark.parametrize("later", [22, 400, 1000])
def test_it_expires(later: int) -> None:
    """An address that leaks must not relay for ever."""
    assert restore_sender(rewritten(ALICE), RULES, DAY + later) is None


@given(st.integers(0, 80), st.characters(codec="ascii", categories=("L", "N")))
def test_nobody_else_can_make_one(position: int, character: str) -> None:
    """Any change to it is noticed, but one of case."""
    there = rewritten(ALICE)
    position %= len(there.local)
    changed = there.local[:position] + character + there.local[position + 1 :]
    if changed.lower() != there.local.lower():
        assert restore_sender(Address(changed, there.domain), RULES, DAY) is None


def test_an_old_secret_is_still_believed() -> None:
    """So that the secret can be replaced without losing notifications that are on their way."""
    there = rewritten(ALICE)
    assert restore_sender(there, SrsRules("our.example", (b"new", b"secret")), DAY) == ALICE
    assert restore_sender(there, SrsRules("our.example", (b"new",)), DAY) is None


@pytest.mark.parametrize(
    "local",
    [
        "alice",
        "SRS0",
        "SRS0=",
        "SRS0=x=y=z",
        "SRS1=AAAAAAAAAAAA==",
        "SRS0=AAAAAAAAAAAA=AA=x=y",
        "SRS0=\u212aAAAAAAAAAAA=\u212aA=x=y",
    ],
)
def test_what_is_none_is_none(local: str) -> None:
    assert restore_sender(Address(local, "our.example"), RULES, DAY) is None


def test_too_long_is_not_rewritten() -> None:
    assert rewrite_sender(Address("x" * 300, "example.net"), RULES, DAY) is None


def test_the_secret_is_not_shown() -> None:
    assert "secret" not in repr(RULES)
