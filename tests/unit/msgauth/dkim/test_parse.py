"""Reading a DKIM-Signature field: each rule of RFC 6376 §3.5 and §6.1.1."""

from __future__ import annotations

import pytest

from samotop.msgauth.dkim.parse import Signature, SignatureError, parse_signature
from samotop.msgauth.results import Result
from samotop.msgauth.signature import Canonicalization
from samotop.msgauth.signature.scope import NAMES_LIMIT

NEUTRAL, PERMERROR = Result.NEUTRAL, Result.PERMERROR
GOOD = {
    "v": "1",
    "a": "rsa-sha256",
    "d": "example.org",
    "s": "sel",
    "h": "From:To",
    "bh": "AQID",
    "b": "BAUG",
}


def build(**tags: str | None) -> bytes:
    return "; ".join(f"{name}={value}" for name, value in (GOOD | tags).items() if value is not None).encode()


def parse(**tags: str | None) -> Signature:
    return parse_signature(build(**tags))


def refuse(**tags: str | None) -> SignatureError:
    with pytest.raises(SignatureError) as caught:
        parse(**tags)
    return caught.value


def test_a_signature_is_read() -> None:
    read = parse_signature(
        b" v=1; a=rsa-sha256; c=relaxed/simple; d=Example.ORG; s=Sel;\r\n\tq=dns/txt:other;"
        b" i=bob=3Bjr@Mail.Example.org; l=10; t=5; x=9;\r\n h=From : to :\r\n SUBJECT;"
        b" bh=AQ ID; b=BAUG\r\n BwgJ; z=From:x"
    )
    assert (read.domain, read.selector, read.key_name) == ("example.org", "sel", "sel._domainkey.example.org")
    assert (read.header_form, read.body_form) == (Canonicalization.RELAXED, Canonicalization.SIMPLE)
    assert read.identity == "bob;jr@mail.example.org"
    assert (read.length, read.timestamp, read.expires) == (10, 5, 9)
    assert read.names == (b"from", b"to", b"subject")
    assert (read.body_hash, read.signature) == (b"\1\2\3", b"\4\5\6\7\x08\t")
    assert read.start == "BAUGBwgJ"


def test_what_is_not_said_has_a_default() -> None:
    read = parse()
    assert (read.header_form, read.body_form) == (Canonicalization.SIMPLE, Canonicalization.SIMPLE)
    assert read.identity == "@example.org"
    assert (read.length, read.timestamp, read.expires) == (None, None, None)
    assert parse(c="relaxed").body_form is Canonicalization.SIMPLE


@pytest.mark.parametrize("name", list(GOOD))
def test_a_required_tag_is_required(name: str) -> None:
    error = refuse(**{name: None})
    assert error.result is PERMERROR
    assert f"{name}=" in error.reason


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("v", "2", NEUTRAL),
        ("v", "1.0", NEUTRAL),
        ("v", "", NEUTRAL),
        ("a", "rsa-sha512", NEUTRAL),
        ("a", "", NEUTRAL),
        ("b", "", NEUTRAL),
        ("b", "%", NEUTRAL),
        ("bh", "abc", NEUTRAL),
        ("c", "nofws", NEUTRAL),
        ("c", "simple/", NEUTRAL),
        ("c", "/simple", NEUTRAL),
        ("c", "relaxed/simple/x", NEUTRAL),
        ("c", "Relaxed/RELAXED", None),
        ("d", "", NEUTRAL),
        ("d", "org", NEUTRAL),
        ("d", "example.org.", NEUTRAL),
        ("d", ".example.org", NEUTRAL),
        ("d", "legitimate.com(.attacker.com", NEUTRAL),
        ("d", "exa mple.org", NEUTRAL),
        ("d", "-a.example.org", NEUTRAL),
        ("d", "a-.example.org", NEUTRAL),
        ("d", "a" * 64 + ".org", NEUTRAL),
        ("d", "*.example.org", NEUTRAL),
        ("d", "a\\.example.org", NEUTRAL),
        ("d", "under_score.example.org", None),
        ("s", "", NEUTRAL),
        ("s", "a..b", NEUTRAL),
        ("s", "a/b", NEUTRAL),
        ("s", "2024.a-b_c", None),
        ("s", "a." * 118 + "a", NEUTRAL),
        ("h", "to:subject", PERMERROR),
        ("h", "", NEUTRAL),
        ("h", "from::to", NEUTRAL),
        ("h", "from:", NEUTRAL),
        ("h", "from:t o", NEUTRAL),
        ("h", "From", None),
        ("h", ":".join(["from"] * NAMES_LIMIT), None),
        ("h", ":".join(["from"] * (NAMES_LIMIT + 1)), NEUTRAL),
        ("i", "example.org", NEUTRAL),
        ("i", "@example.com", PERMERROR),
        ("i", "@xexample.org", PERMERROR),
        ("i", "@org", NEUTRAL),
        ("i", "", NEUTRAL),
        ("i", "a@b@example.org", None),
        ("i", "=0D=0AX-Evil:1@example.org", NEUTRAL),
        ("i", "=C2=85@example.org", NEUTRAL),
        ("i", "=FF@example.org", NEUTRAL),
        ("i", "=zz@example.org", NEUTRAL),
        ("i", "a=3@example.org", NEUTRAL),
        ("i", "x" * 300 + "@example.org", NEUTRAL),
        ("i", "a=20b@sub.example.org", None),
        ("l", "-1", NEUTRAL),
        ("l", "1" * 77, NEUTRAL),
        ("l", "1" * 76, None),
        ("l", "", NEUTRAL),
        ("q", "dns", NEUTRAL),
        ("q", "", NEUTRAL),
        ("q", "other:DNS/txt", None),
        ("t", "now", NEUTRAL),
        ("t", "1" * 12, None),
        ("x", "-5", NEUTRAL),
        ("x", "10", None),
    ],
)
def test_a_tag_is_held_to_its_grammar(name: str, value: str, result: Result | None) -> None:
    if result is None:
        parse(**{name: value})
    else:
        assert refuse(**{name: value}).result is result


def test_expiry_comes_after_the_time_of_signing() -> None:
    """RFC 6376 §3.5, x=."""
    assert refuse(t="10", x="10").result is PERMERROR
    assert refuse(t="11", x="10").result is PERMERROR
    assert parse(t="10", x="11").expires == 11


def test_what_was_readable_is_told_of_what_was_not() -> None:
    """A report names the domain whose signature is broken."""
    error = refuse(a="unknown")
    assert (error.domain, error.selector) == ("example.org", "sel")
    assert refuse(d="x").domain == ""


def test_a_reason_quotes_nothing() -> None:
    """It ends up in logs."""
    for error in (refuse(i="secret@example.com"), refuse(h="secret"), refuse(d="secret"), refuse(c="secret")):
        assert "secret" not in error.reason


def test_u_labels_are_a_labels() -> None:
    """RFC 8616 §5: mail in UTF-8 has them in d=, s= and i=."""
    read = parse(d="Bücher.example", s="schlüssel", i="jürgen@post.bücher.example")
    assert read.key_name == "xn--schlssel-95a._domainkey.xn--bcher-kva.example"
    assert read.identity == "jürgen@post.xn--bcher-kva.example"
    assert parse(d="xn--bcher-kva.example", i="@BÜCHER.example").domain == "xn--bcher-kva.example"
