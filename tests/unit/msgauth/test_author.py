"""One From field that means one thing is an author, and anything else is none."""

from __future__ import annotations

import pytest

from samotop.msgauth.author import find_author


def test_a_single_address_is_the_author() -> None:
    author = find_author(b"To: x@example.net\r\nFrom: Bob <bob@Example.ORG>\r\nSubject: y\r\n\r\n")
    assert (author.domain, author.domains, author.reason) == ("example.org", ("example.org",), "")
    assert [str(address) for address in author.addresses] == ["bob@Example.ORG"]


def test_the_name_is_read_in_any_case_and_the_blank_line_ends_it() -> None:
    """What follows the blank line is body, whatever it looks like."""
    author = find_author(b"FROM: bob@example.org\r\n\r\nFrom: eve@example.net\r\n")
    assert author.domain == "example.org"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"", "no From field"),
        (b"Sender: bob@example.org\r\n", "no From field"),
        (b"From: a@example.org\r\nFrom: a@example.org\r\n", "2 From fields"),
        (b"From: a@example.org\r\nX: y\r\nfrom: b@example.net\r\n", "2 From fields"),
        (b"From : a@example.org\r\n", "space before its colon"),
        (b"From: a@example.org\r\nFrom\t: b@example.net\r\n", "space before its colon"),
        (b" From: a@example.org\r\nFrom: b@example.net\r\n", "looks like a From field"),
        (b"From: a@example.org\r\n\x00From: b@example.net\r\n", "looks like a From field"),
        (b"From:\r\n", "From: an address is missing"),
        (b"From: bob\r\n", "a name without an address"),
        (b"From: a@example.org <b@example.net>\r\n", "more than addresses"),
        (b"From: Nobody:;\r\n", "a group without a member"),
        (b"From: a@example.org\rFrom: b@example.net\r\n", "control character"),
        (b"From: a@" + b"a." * 127 + b"a\r\n", "From:"),
    ],
)
def test_what_is_no_author_says_why(header: bytes, reason: str) -> None:
    author = find_author(header)
    assert reason in author.reason
    assert (author.domain, author.domains, author.addresses) == ("", (), ())
    assert "@" not in author.reason or "an @" in author.reason


def test_several_addresses_of_one_domain_have_that_domain() -> None:
    author = find_author(b"From: a@example.org, B <b@EXAMPLE.org>\r\n")
    assert author.domain == "example.org"
    assert len(author.addresses) == 2


def test_several_domains_are_listed_and_none_is_the_one() -> None:
    """Whichever a reader shows, it must have been looked at (RFC 9989 §11.5)."""
    author = find_author(b"From: a@example.org, b@example.net, c@example.org\r\n")
    assert author.domain == ""
    assert author.domains == ("example.org", "example.net")
    assert not author.reason


def test_domains_are_compared_as_a_labels() -> None:
    """One domain may be written in two ways, and is asked for in one (RFC 9989 §5.3.1)."""
    author = find_author("From: a@bücher.example, b@XN--bcher-kva.example\r\n".encode())
    assert author.domains == ("xn--bcher-kva.example",)


def test_a_literal_stays_a_literal() -> None:
    """There is no policy for it, and it must not be mistaken for a name."""
    assert find_author(b"From: a@[IPv6:2001:DB8::1]\r\n").domains == ("[ipv6:2001:db8::1]",)


@pytest.mark.parametrize(
    ("header", "claimed"),
    [
        ("From: ceo@victim.example <a@evil.example>", "victim.example evil.example"),
        ("From: <ceo@victim.example", "victim.example"),
        ("From: x, ceo@Victim.Example.", "victim.example"),
        ("From: ceo @ victim . example", "victim.example"),
        ("From: ceo@(a (b) c)victim.example", "victim.example"),
        ("From: a@evil.example\r\nFrom : ceo@victim.example", "evil.example victim.example"),
        ("From: a@evil.example\r\nFrom\r\n : ceo@victim.example", "evil.example victim.example"),
        ("From: a@evil.example\r\nFrom\0: ceo@victim.example", "evil.example victim.example"),
        ("From: a@evil.example\r\nFrom\u00a0: ceo@victim.example", "evil.example victim.example"),
        ("From: ceo@b\u00fccher\u3002example;", "xn--bcher-kva.example"),
        ("From: a@-_.example, x", "-_.example"),
        ("From: Mail <MAILER-DAEMON>", ""),
        ("From: " + " ".join(f"@{n}.example" for n in range(100)), " ".join(f"{n}.example" for n in range(16))),
        ("From: ceo@victim.example", ""),
        ("Subject: ceo@victim.example", ""),
    ],
)
def test_who_is_no_author_is_claimed_all_the_same(header: str, claimed: str) -> None:
    """A field that only a careless reader can read must not get around the policy of whom it shows him."""
    author = find_author(f"{header}\r\n".encode())
    assert author.claimed == tuple(claimed.split())
    assert not (author.claimed and author.domains)
