"""Which Authentication-Results fields pass for ours, and so have to go (RFC 8601 §5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.message.authres import AuthenticationResults, MethodResult
from samotop.message.authreswriting import format_results
from samotop.message.claims import claims_to_be
from samotop.message.header import iterate_fields
from tests.fakes.effort import check_linear

HOST = "mx.example.org"


@pytest.mark.parametrize(
    "value",
    [
        b" mx.example.org; spf=pass",
        b"MX.Example.ORG.; spf=pass",
        b"mx.example.org",
        b"mx.example.org 1; none",
        b"mx.example.org(x); none",
        b"mx.example.org/1; none",
        b"\r\n\tmx.example.org;\r\n spf=pass",
        b"(a comment) mx.example.org; none",
        b"(a (nested) one)(and more)\r\n mx.example.org; none",
        b'"mx.example.org"; none',
        b'"m\\x.example.org"; none',
        b'" mx.example.org "; none',
        b'"mx.example.org; none',  # no end: who knows what a reader makes of it
        b"(mx.example.org; none",
        b"(x\\) mx.example.org; dkim=pass ) other.example; none",  # a reader without backslashes ends it early
        b"(x (y) mx.example.org; dkim=pass ) other.example; none",  # and one without nesting
        b"; mx.example.org; spf=pass",
        b"=mx.example.org; not at all",
        b"\x00\x01 mx.example.org",
        b'"" mx.example.org; none',
        b"mx . example.\r\n\torg; none",
        b"mx.example.org . evil.example; none",
        "mx\u3002example\uff0eorg\uff61; none".encode(),
        b"(" * 500 + b" mx.example.org; none",
        b"(" + b"word " * 2000 + b"; none",  # nobody's honest field, and not worth more work
    ],
)
def test_what_claims_our_name(value: bytes) -> None:
    """By any reading of a tolerant reader."""
    assert claims_to_be(value, HOST)
    assert claims_to_be(value, "Mx.Example.Org.")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"other.example; spf=pass smtp.helo=mx.example.org",
        b"mx.example.org.evil.example; none",
        b"amx.example.org; none",
        b"example.org; none",
        b"(mx.example.org) other.example; none",
        b'"other.example" mx.example.org; none',
        b"other.example (mx.example.org); none",
        b"other.example mx.example.org",
        b"\xff\xfe; none",
        b'"',
        b"()",
    ],
)
def test_what_is_another_s(value: bytes) -> None:
    """It tells of the message's way; whether to believe it is not ours to say."""
    assert not claims_to_be(value, HOST)


@pytest.mark.parametrize("host", ["mx.bücher.example", "mx.xn--bcher-kva.example"])
@pytest.mark.parametrize(
    "value",
    [
        "mx.bücher.example",
        "MX.BÜCHER.example.",
        "mx.xn--bcher-kva.example",
        "mx.XN--BCHER-KVA.example",
        "mx.bu\u0308cher.example",
    ],
)
def test_both_forms_of_an_international_name_are_ours(host: str, value: str) -> None:
    """RFC 8601 §2.3 with RFC 6532: the same name for every reader."""
    assert claims_to_be(f"{value}; spf=pass".encode(), host)


def test_broken_labels_are_no_exception() -> None:
    for value in (b"xn--; none", b"xn--\xff; none", b"xn--" + b"9" * 60 + b"; none", b"xn--" + b"a" * 5000 + b"; none"):
        assert not claims_to_be(value, HOST)


@given(st.sampled_from([HOST, "b", "bücher.example", "a b", 'a"b', "a@b"]), st.booleans())
def test_what_we_write_claims_to_be_ours(host: str, has_results: bool) -> None:
    results = (MethodResult("spf", "pass"),) if has_results else ()
    field = format_results(AuthenticationResults(host, 1, results))
    assert claims_to_be(next(iterate_fields(field)).value, host)


@pytest.mark.parametrize(
    "make_worst",
    [
        lambda n: b"(" * n,
        lambda n: b"()" * n,
        lambda n: b"(\\a)" * n,
        lambda n: b'""' * n,
        lambda n: b'"' + b"\\a" * n,
        lambda n: b"(" + b"a " * n,
        lambda n: b"(()" + b"xn--a " * n + b")",
        lambda n: b"." * n,
        lambda n: b"a" * n,
        lambda n: "\ufdfa".encode() * n,
    ],
)
def test_the_work_grows_with_the_field(make_worst: Callable[[int], bytes]) -> None:
    """And not faster, in a field far longer than any honest one."""
    check_linear(lambda size: claims_to_be(make_worst(size), HOST), 16 * 1024)
