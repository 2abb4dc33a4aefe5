"""Whom an owner writes to is known; what only a program sent teaches nothing."""

from __future__ import annotations

import pytest

from samotop.address import Address
from samotop.consent.contact import Binding, Origin, Standing
from samotop.consent.identity import parse_identity
from samotop.consent.learning import LEARNED_LIMIT, is_meant, plan_learning, read_message_id, read_references

BOB = Address("Bob", "EXAMPLE.net")
PLAIN = b"From: a@example.org\r\nSubject: Hello\r\n"


def test_who_is_written_to_is_approved_by_their_address() -> None:
    (found,) = plan_learning(PLAIN, [BOB, BOB], (), 9.0)
    assert (found.identity, found.standing) == (parse_identity("bob@example.net"), Standing.APPROVED)
    assert (found.origin, found.binding, found.decided_at) == (Origin.WROTE, Binding(), 9.0)


def test_a_decision_is_not_overwritten() -> None:
    """Somebody rejected stays rejected, though the owner tells them why."""
    assert plan_learning(PLAIN, [BOB], [parse_identity("bob@example.net")], 9.0) == ()


def test_a_newsletter_teaches_nothing() -> None:
    crowd = [Address(f"u{n}", "example.net") for n in range(LEARNED_LIMIT + 1)]
    assert plan_learning(PLAIN, crowd, (), 9.0) == ()
    assert len(plan_learning(PLAIN, crowd[1:], (), 9.0)) == LEARNED_LIMIT


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        (b"Auto-Submitted: no", True),
        (b"auto-submitted: No (by hand)", True),
        (b"Auto-Submitted: auto-replied", False),
        (b"Auto-Submitted: auto-generated; owner-email=x", False),
        (b"Resent-From: a@example.org", False),
        (b"Precedence: bulk", False),
        (b"Precedence: first-class", True),
        (b"Content-Type: multipart/report; report-type=disposition-notification", False),
        (b"Content-Type: multipart/mixed; boundary=x", True),
        (b"X-Subject: Auto-Submitted", True),
    ],
)
def test_only_what_a_person_meant_counts(field: bytes, meant: bool) -> None:
    header = PLAIN + field + b"\r\n"
    assert is_meant(header) is meant
    assert bool(plan_learning(header, [BOB], (), 9.0)) is meant


def test_what_a_message_answers_is_read_in_its_order() -> None:
    header = b"References: <1@a> <2@a>\r\n <3@a>\r\nIn-Reply-To: <3@a>\r\nMessage-ID: <4@b>\r\n"
    assert read_references(header) == ("<1@a>", "<2@a>", "<3@a>")
    assert read_message_id(header) == "<4@b>"
    assert read_references(PLAIN) == ()
    assert read_message_id(PLAIN) == ""


def test_of_a_long_thread_the_last_count() -> None:
    header = b"References: " + b" ".join(b"<%d@a>\r\n" % n for n in range(100)) + b"\r\n"
    assert read_references(header)[-1] == "<99@a>"
    assert len(read_references(header)) == 20
