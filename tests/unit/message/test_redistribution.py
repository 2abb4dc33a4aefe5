"""The header of a copy that goes on: ours is added, another list's is taken out, the rest is what it was."""

from __future__ import annotations

import pytest

from samotop.message.header import iterate_fields
from samotop.message.redistribution import REPLACED, format_list_fields, format_marks, strip_list_fields
from tests.fakes.effort import check_linear

HEADER = (
    b"Received: x\r\n"
    b"List-Id: Parent\r\n <parent.example>\r\n"
    b"DKIM-Signature: v=1\r\n"
    b"LIST-unsubscribe: <mailto:x@parent.example>\r\n"
    b"List-Archive: <https://parent.example/>\r\n"
    b"Precedence: bulk\r\n"
    b"Subject: x\r\n"
    b"\r\n"
)


def test_another_lists_fields_are_taken_out_whole() -> None:
    """Folded ones too; its archive stays (RFC 2369 §4)."""
    assert strip_list_fields(HEADER) == (
        b"Received: x\r\nDKIM-Signature: v=1\r\nList-Archive: <https://parent.example/>\r\nSubject: x\r\n\r\n"
    )


def test_a_header_without_any_is_the_same_object() -> None:
    header = b"Subject: x\r\n\r\n"
    assert strip_list_fields(header) is header


def test_taking_out_takes_linear_time() -> None:
    check_linear(lambda size: strip_list_fields(b"List-Id: x\r\nA: b\r\n" * size + b"\r\n"), 500)


@pytest.mark.parametrize("local", ["friends", "a+b", "per%cent", "q?=&", "two.words"])
def test_each_field_stands_once_and_is_what_we_would_take_out_again(local: str) -> None:
    """Whatever its address is made of: a mailto is quoted, and no field breaks out of its own."""
    label = "friends.example.org"
    fields = format_list_fields(f"{local}@example.org", label, "Name", f"{local}-owner@example.org", takes_posts=True)
    names = [field.name.lower() for field in iterate_fields(fields)]
    assert len(names) == len(set(names)) and set(names) <= REPLACED
    assert strip_list_fields(fields) == b""


def test_a_name_cannot_bring_a_field_of_its_own() -> None:
    with pytest.raises(ValueError, match="list_id"):
        format_list_fields("a@b.example", "a.b.example", "x\r\nBcc: y", "o@b.example", takes_posts=True)


def test_marks_are_one_field_each() -> None:
    assert format_marks(("a@example.org", "b@example.org")) == (
        b"Delivered-To: a@example.org\r\nDelivered-To: b@example.org\r\n"
    )
