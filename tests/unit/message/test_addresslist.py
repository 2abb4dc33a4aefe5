"""Address lists as they are found in real messages, read for viewing and for an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.message.addresslist import read_mailboxes
from samotop.message.mailboxes import MAILBOX_LIMIT, MailboxSyntaxError, parse_mailboxes


def read(value: str) -> list[tuple[str, str]]:
    return [(one.display_name, str(one.address)) for one in read_mailboxes(value)]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("a@b.test", [("", "a@b.test")]),
        ("Bob <b@x.test>", [("Bob", "b@x.test")]),
        ("Bob B. Smith <b@x.test>", [("Bob B. Smith", "b@x.test")]),
        ('"Doe, John" <j@x.test>, a@b.test', [("Doe, John", "j@x.test"), ("", "a@b.test")]),
        ('"A \\"B\\" C" <j@x.test>', [('A "B" C', "j@x.test")]),
        ("a@b.test (Al (the) Man)", [("Al (the) Man", "a@b.test")]),
        ("Friends: a@b.test, C D <c@d.test>;, e@f.test", [("", "a@b.test"), ("C D", "c@d.test"), ("", "e@f.test")]),
        ("undisclosed-recipients:;", []),
        ("<@relay.test,@other.test:u@x.test>", [("", "u@x.test")]),
        ("=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_M=C3=BCller?= <j@x.test>", [("Jörg Müller", "j@x.test")]),
        ('"=?utf-8?q?J=C3=B6rg?=" <j@x.test>', [("Jörg", "j@x.test")]),
        ("=?utf-8?q?Doe=2C_J?= <j@x.test>", [("Doe, J", "j@x.test")]),
        ("=?utf-8?q?a=40bank.test=3E?= <j@x.test>", [("a@bank.test>", "j@x.test")]),
        ("=?utf-8?q?x=0D=0AY?= <j@x.test>", [("x Y", "j@x.test")]),
        ("Jörg <j@bücher.example>", [("Jörg", "j@bücher.example")]),
        ("a@[192.0.2.1], b@[IPv6:2001:db8::1]", [("", "a@[192.0.2.1]"), ("", "b@[IPv6:2001:db8::1]")]),
        ('"john doe"@x.test', [("", '"john doe"@x.test')]),
        (" a @ b.test ", [("", "a@b.test")]),
        ("a@b.test;c@d.test", [("", "a@b.test"), ("", "c@d.test")]),
        (",, a@b.test,,", [("", "a@b.test")]),
        ("Bob bob@x.test, c@d.test", [("Bob", "bob@x.test"), ("", "c@d.test")]),
        ("postmaster", []),
        ("Bob <bob>", [("Bob", "bob")]),
        ("a@b.test <c@d.test>", [("a@b.test", "c@d.test")]),
        ('"unclosed <a@b.test>', [("unclosed", "a@b.test")]),
        ("(unclosed a@b.test", [("unclosed", "a@b.test")]),
        ("Bob <b@x.test", [("Bob", "b@x.test")]),
        ("Bob <>", []),
        ("", []),
    ],
)
def test_what_real_fields_say(value: str, wanted: list[tuple[str, str]]) -> None:
    assert read(value) == wanted


@given(st.text('a@b.<>(),;:"\\ []=?\t', max_size=60))
def test_what_the_strict_reader_reads_this_one_reads_the_same(value: str) -> None:
    """Tolerance begins where the strict grammar ends."""
    read_mailboxes(value)
    try:
        strict = parse_mailboxes(value.encode())
    except MailboxSyntaxError:
        return
    loose = read_mailboxes(value)
    assert [one.address for one in loose] == [one.address for one in strict]


def test_a_list_has_its_end() -> None:
    assert len(read_mailboxes("a@b.test," * 5 * MAILBOX_LIMIT)) == MAILBOX_LIMIT
