"""The strict reader of mailbox lists: what it takes, what it refuses, and that others read the same."""

from __future__ import annotations

import contextlib
import email.policy
import email.utils
from email.headerregistry import AddressHeader
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.address import Address
from samotop.message.mailboxes import (
    COMMENT_DEPTH_LIMIT,
    MAILBOX_LIMIT,
    VALUE_LIMIT,
    Mailbox,
    MailboxSyntaxError,
    parse_mailboxes,
)
from tests.fakes.effort import check_linear


def read(value: bytes) -> list[tuple[str, str]]:
    return [(mailbox.display_name, str(mailbox.address)) for mailbox in parse_mailboxes(value)]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b" bob@example.org", [("", "bob@example.org")]),
        (b" Bob <bob@example.org>\r\n", [("Bob", "bob@example.org")]),
        (b"<bob@example.org>", [("", "bob@example.org")]),
        (b'"Doe, John" <j@example.org>', [("Doe, John", "j@example.org")]),
        (b'"a \\"b\\" \\\\ c" <j@example.org>', [('a "b" \\ c', "j@example.org")]),
        (b'John "Q" Public <j@example.org>', [("John Q Public", "j@example.org")]),
        (b"John Q. Public <j@example.org>", [("John Q. Public", "j@example.org")]),
        (b"a@example.org, B <b@example.org>", [("", "a@example.org"), ("B", "b@example.org")]),
        (b"Bob\r\n <bob@example.org>", [("Bob", "bob@example.org")]),
        (b"\r\n bob@example.org", [("", "bob@example.org")]),
        (b"Bob\n\t<bob@example.org>", [("Bob", "bob@example.org")]),
        (b"(one (two \\) )) bob@example.org (three)", [("", "bob@example.org")]),
        (b"Bob (the @ builder <x@example.net>) <bob@example.org>", [("Bob", "bob@example.org")]),
        (b"< bob@example.org >", [("", "bob@example.org")]),
        (b'"two words"@example.org', [("", '"two words"@example.org')]),
        (b"bob@[192.0.2.1]", [("", "bob@[192.0.2.1]")]),
        (b"bob@[IPv6:2001:db8::1]", [("", "bob@[IPv6:2001:db8::1]")]),
        (b"=?utf-8?q?B=C3=B6b?= <bob@example.org>", [("=?utf-8?q?B=C3=B6b?=", "bob@example.org")]),
        ("Bøb <bøb@bücher.example>".encode(), [("Bøb", "bøb@bücher.example")]),
        (b'"" <bob@example.org>', [("", "bob@example.org")]),
        (b"Undisclosed recipients:;", []),
        (b"Nobody: ( really ) ;", []),
    ],
)
def test_a_list_is_read(value: bytes, found: list[tuple[str, str]]) -> None:
    assert read(value) == found


def test_members_of_a_group_know_its_name() -> None:
    """A group may stand between mailboxes (RFC 5322 §3.4), and in From as well (RFC 6854 §2.1)."""
    mailboxes = parse_mailboxes(b'a@example.org, "The Team": B <b@example.org>, c@example.org;, d@example.org')
    assert [(str(m.address), m.group) for m in mailboxes] == [
        ("a@example.org", ""),
        ("b@example.org", "The Team"),
        ("c@example.org", "The Team"),
        ("d@example.org", ""),
    ]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"   ",
        b"bob",
        b"Bob <bob>",
        b"<>",
        b"<@example.org>",
        b"good@example.org <evil@example.net>",
        b"evil@example.net(good@example.org)@example.com",
        b"good@example.org@example.net",
        b"good@example.org, ",
        b", good@example.org",
        b"a@example.org,,b@example.org",
        b"a@example.org;",
        b"a@example.org b@example.org",
        b"<a@example.org> <b@example.org>",
        b"<a@example.org>, trailing",
        b"<a@example.org> trailing",
        b"<@relay.example:a@example.org>",
        b"a @example.org",
        b"a@ example.org",
        b"a(comment)@example.org",
        b"a@(comment)example.org",
        b"a.@example.org",
        b".a@example.org",
        b"a..b@example.org",
        b"a@example..org",
        b"a@example.org.",
        b"a@-example.org",
        b"a@exam_ple.org",
        b"a@[300.0.2.1]",
        b'"open <a@example.org>',
        b"(open a@example.org",
        b"a@example.org)",
        b"<a@example.org",
        b"a@example.org>",
        b"G: H: a@example.org;;",
        b"G: a@example.org",
        b'"": a@example.org;',
        b"G: a@example.org,;",
        b"a@example.org\r\nb@example.net",
        b"a@example.org\r\n \r\n b@example.net",
        b"a@example.org,\r\n\r\n b@example.net",
        b"a@example.org\rX: y",
        b"a\0@example.org",
        b"Bob\x7f <bob@example.org>",
        b"\xff <bob@example.org>",
        b"B\xc2\x85b <bob@example.org>",
        b'"a\xe2\x80\xa8b" <bob@example.org>',
        "a@ｅxample.org".encode(),
        b"undisclosed: a@example.org; b@example.org",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(value: bytes) -> None:
    """Each of these names somebody else to some reader, or nobody."""
    with pytest.raises(MailboxSyntaxError):
        parse_mailboxes(value)


def test_a_fault_quotes_nothing() -> None:
    """Its text may be logged, and addresses may not."""
    for value in (b"secret@example.org nonsense", b"secret", b"secret@secret@example.org", b"<secret@example..org>"):
        with pytest.raises(MailboxSyntaxError) as fault:
            parse_mailboxes(value)
        assert "secret" not in str(fault.value)


def test_the_bounds_hold() -> None:
    nested = b"(" * COMMENT_DEPTH_LIMIT + b")" * COMMENT_DEPTH_LIMIT
    assert read(nested + b"a@example.org") == [("", "a@example.org")]
    many = b",".join([b"a@example.org"] * MAILBOX_LIMIT)
    assert len(parse_mailboxes(many)) == MAILBOX_LIMIT
    for value in (b"(" + nested + b")a@example.org", many + b",a@example.org", b"a@b.c" + b" " * VALUE_LIMIT):
        with pytest.raises(MailboxSyntaxError, match=r"more than|deeper than|longer than"):
            parse_mailboxes(value)


@pytest.mark.parametrize(
    "piece",
    [
        b"(",
        b"()",
        b'"',
        b'"\\',
        b'""',
        b"a ",
        b"a.",
        b"<",
        b"\\",
        b"a@b,",
        b"a:",
        b"(a",
        b"\r\n x",
        b"a@",
        b'"a" ',
        b"=?a?= ",
    ],
)
def test_the_worst_input_takes_linear_time(piece: bytes) -> None:
    """In a long field: in a short one, what copies its rest again and again hides behind honest work."""

    def read(octets: int) -> None:
        with contextlib.suppress(MailboxSyntaxError):
            parse_mailboxes(piece * (octets // len(piece)))

    check_linear(read, VALUE_LIMIT // 8)


names = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=("Cc", "Cs")), max_size=12)
locals_ = st.from_regex(r"[a-z0-9+]{1,6}(\.[a-z0-9]{1,4})?", fullmatch=True) | st.text(
    'ab "\\@,<>()', min_size=1, max_size=6
)
domains = st.from_regex(r"[a-z]{1,5}(\.[a-z]{2,4}){1,2}", fullmatch=True) | st.sampled_from(
    ["bücher.example", "[192.0.2.1]"]
)
mailbox_values = st.builds(
    lambda name, local, domain: Mailbox(name, Address(local, domain)),
    names.map(lambda n: " ".join(n.split())),
    locals_,
    domains,
)


@given(st.lists(mailbox_values, min_size=1, max_size=4))
def test_what_is_written_is_read_back(mailboxes: list[Mailbox]) -> None:
    text = ", ".join(map(str, mailboxes)).encode()
    assert list(parse_mailboxes(text)) == mailboxes
    folded = ",\r\n ".join(map(str, mailboxes)).encode()
    assert list(parse_mailboxes(folded)) == mailboxes


pieces = st.lists(
    st.sampled_from(
        [
            "a",
            "b@example.org",
            "<",
            ">",
            ",",
            " ",
            '"x"',
            "(c)",
            "@",
            ":",
            ";",
            ".",
            "example.net",
            "c@example.net",
            "\\",
            "Jo",
        ]
    ),
    max_size=9,
).map("".join)


@given(pieces)
def test_the_standard_library_finds_the_same_addresses(text: str) -> None:
    """Where we read something, a lenient reader reads no other address: ours is a part of its language."""
    try:
        ours = parse_mailboxes(text.encode())
    except MailboxSyntaxError:
        return
    parsed = email.policy.default.header_factory("to", text)
    assert isinstance(parsed, AddressHeader)
    theirs = [address.addr_spec.replace("\\", "") for address in parsed.addresses]
    assert theirs == [str(mailbox.address).replace("\\", "") for mailbox in ours]


@given(
    st.lists(mailbox_values.filter(lambda m: m.address.is_ascii and m.address.local.isalnum()), min_size=1, max_size=3)
)
def test_the_older_parser_finds_the_same_too(mailboxes: list[Mailbox]) -> None:
    text = ", ".join(map(str, mailboxes))
    assert [address for _, address in email.utils.getaddresses([text])] == [str(m.address) for m in mailboxes]


DECIDED = {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN"}


def test_the_suite_of_addresses_agrees(suites: Path) -> None:
    """What the suite calls valid is read, but for what SMTP cannot carry; what it calls an error is refused."""
    read_ones = refused = 0
    for case in ElementTree.parse(suites / "addr-isemail" / "tests.xml").getroot().iter("test"):
        text = "".join(chr(ord(c) - 0x2400) if 0x2400 <= ord(c) < 0x2420 else c for c in case.findtext("address") or "")
        category, diagnosis = case.findtext("category"), case.findtext("diagnosis") or ""
        try:
            found = parse_mailboxes(text.encode())
        except MailboxSyntaxError:
            refused += 1
            assert category not in DECIDED or not _is_host(text), text
            continue
        read_ones += 1
        # A comment or a space around the address is part of a field, as is a list; the suite knows addresses alone.
        is_field_syntax = diagnosis in ("ISEMAIL_CFWS_COMMENT", "ISEMAIL_CFWS_FWS") or text != str(found[0].address)
        assert category != "ISEMAIL_ERR" or is_field_syntax, (text, diagnosis)
    assert read_ones > 30 and refused > 80


def _is_host(text: str) -> bool:
    """Has this a domain that can be one: no underscore, no label that is too long or begins with a hyphen?"""
    return all(
        0 < len(label) < 64 and label.replace("-", "a").isalnum() for label in text.rpartition("@")[2].split(".")
    )
