from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.reply import Reply
from samotop.smtp.client import Capabilities, parse_capabilities


def parse(*lines: str, is_encrypted: bool = True) -> Capabilities:
    return parse_capabilities(Reply.of(250, None, "mx.example.org Hello", *lines), is_encrypted=is_encrypted)


def test_a_servers_offer_is_a_value() -> None:
    found = parse(
        "PIPELINING",
        "size 1000",
        "8BITMIME",
        "AUTH PLAIN scram-sha-256",
        "AUTH=LOGIN PLAIN",
        "LIMITS MAILMAX=10 RCPTMAX=20 RCPTDOMAINMAX=1 OTHER=3",
        "FUTURERELEASE 604800 2030-01-01T00:00:00Z",
        "DELIVERBY 240",
        "MT-PRIORITY MIXER",
        "CHUNKING",
    )
    assert found.hostname == "mx.example.org" and found.is_extended
    assert found.size == 1000
    assert found.mechanisms == ("PLAIN", "SCRAM-SHA-256", "LOGIN")
    assert (found.mails, found.recipients, found.recipient_domains) == (10, 20, 1)
    assert (found.hold_seconds, found.hold_until, found.deliver_by) == (604800, "2030-01-01T00:00:00Z", 240)
    assert found.can_pipeline and found.can_chunk and not found.can_start_tls
    assert found.offers("MT-PRIORITY") and not found.offers("DSN")
    assert hash(found) == hash(found)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("SIZE", None),
        ("SIZE 0", None),
        ("SIZE many", None),
        ("SIZE -5", None),
        ("SIZE ²", None),
        ("SIZE " + "9" * 21, None),
        ("SIZE 10 20", 10),
    ],
)
def test_a_size_is_a_number_above_0_or_no_limit(line: str, expected: int | None) -> None:
    """RFC 1870 §3."""
    found = parse(line)
    assert found.size == expected and found.offers("SIZE")


@pytest.mark.parametrize("words", ["", "RCPTMAX", "RCPTMAX=", "RCPTMAX=0", "RCPTMAX=x", "=5", "RCPTMAX==5"])
def test_a_limit_that_is_none_limits_nothing(words: str) -> None:
    assert parse(f"LIMITS {words}").recipients is None


def test_requiretls_counts_under_tls_alone() -> None:
    """RFC 8689 §2: shown in the clear, it is somebody's mistake or trick."""
    assert parse("REQUIRETLS").offers("REQUIRETLS")
    assert not parse("REQUIRETLS", is_encrypted=False).offers("REQUIRETLS")


def test_empty_lines_and_none_offer_nothing() -> None:
    assert parse().keywords == parse("", "  ").keywords == frozenset()


@given(st.lists(st.text(max_size=20), max_size=8))
def test_any_offer_is_read(lines: list[str]) -> None:
    found = parse_capabilities(Reply(250, None, ("mx", *lines)), is_encrypted=False)
    assert found.size is None or found.size > 0
    assert all(keyword == keyword.upper() for keyword in found.keywords)
