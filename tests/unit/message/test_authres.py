"""Authentication-Results: what is read, what is written, and that one is the other's inverse (RFC 8601)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import authres
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samotop.message.authres import (
    FIELD_LIMIT,
    AuthenticationResults,
    MethodResult,
    Property,
    ResultsSyntaxError,
    parse_results,
)
from samotop.message.authreswriting import VALUE_LIMIT, format_results
from samotop.message.header import iterate_fields
from tests.fakes.effort import check_linear


def value_of(field: bytes) -> bytes:
    return next(iterate_fields(field)).value


def make(*results: MethodResult, name: str = "example.org", version: int = 1) -> AuthenticationResults:
    return AuthenticationResults(name, version, results)


EXAMPLES = [
    # RFC 8601 appendix B, from B.2 on.
    (b" example.org 1; none", make()),
    (
        b" example.com;\r\n          spf=pass smtp.mailfrom=example.net",
        make(
            MethodResult("spf", "pass", properties=(Property("smtp", "mailfrom", "example.net"),)), name="example.com"
        ),
    ),
    (
        b" example.com;\r\n\tauth=pass (cram-md5) smtp.auth=sender@example.net;\r\n"
        b"\tspf=pass smtp.mailfrom=example.net",
        make(
            MethodResult("auth", "pass", properties=(Property("smtp", "auth", "sender@example.net"),)),
            MethodResult("spf", "pass", properties=(Property("smtp", "mailfrom", "example.net"),)),
            name="example.com",
        ),
    ),
    (
        b' example.com; dkim=pass reason="good signature"\r\n header.i=@mail-router.example.net; dkim=fail '
        b'reason="bad signature" header.i=@newyork.example.com',
        make(
            MethodResult("dkim", "pass", 1, "good signature", (Property("header", "i", "@mail-router.example.net"),)),
            MethodResult("dkim", "fail", 1, "bad signature", (Property("header", "i", "@newyork.example.com"),)),
            name="example.com",
        ),
    ),
    (
        # B.7: comments wherever the grammar has them
        b" foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
        b" policy (A dot can go here) . (like that) expired\r\n (this surprised me) = (as I wasn't expecting it) "
        b"1362471462",
        make(
            MethodResult("dkim", "fail", properties=(Property("policy", "expired", "1362471462"),)),
            name="foo.example.net",
        ),
    ),
]


@pytest.mark.parametrize(("value", "expected"), EXAMPLES)
def test_the_examples_of_the_standard(value: bytes, expected: AuthenticationResults) -> None:
    """RFC 8601 appendix B."""
    assert parse_results(value) == expected


@pytest.mark.parametrize(
    ("value", "properties"),
    [
        (b"a; iprev=pass policy.iprev=2001:db8::1", [("policy", "iprev", "2001:db8::1")]),
        (b"a; dkim=pass header.b=aB/c+d==", [("header", "b", "aB/c+d==")]),
        (b'a; dkim=pass header.b="aB/c+d=="', [("header", "b", "aB/c+d==")]),
        (b"a; spf=none smtp.mailfrom=<>", [("smtp", "mailfrom", "<>")]),
        (b"a; spf=none smtp.mailfrom=", [("smtp", "mailfrom", "")]),
        (b"a; spf=pass smtp.mailfrom=b+x=y@c.example", [("smtp", "mailfrom", "b+x=y@c.example")]),
        (b'a; spf=pass smtp.mailfrom="b c"@d.example', [("smtp", "mailfrom", '"b c"@d.example')]),
        (b"a; dmarc=pass action=none header.from=b", [("", "action", "none"), ("header", "from", "b")]),
        (b"a; dmarc=pass header.from=b;", [("header", "from", "b")]),
        (b'a; x=pass smtp.a="b"smtp.c=d', [("smtp", "a", "b"), ("smtp", "c", "d")]),
        (b'a; x=pass y.z="q\\"\\\\(;"', [("y", "z", 'q"\\(;')]),
        ("a; dmarc=pass header.from=bücher.example".encode(), [("header", "from", "bücher.example")]),
        (b"a; SPF=Pass SMTP.MailFrom=B", [("smtp", "mailfrom", "B")]),
        (b"a; x-own=pass weird.x_y=b", [("weird", "x_y", "b")]),
    ],
)
def test_what_large_servers_write(value: bytes, properties: list[tuple[str, str, str]]) -> None:
    """Not all by the grammar, but to be read in one way only. Unregistered methods and types are kept."""
    (result,) = parse_results(value).results
    assert [(p.type, p.name, p.value) for p in result.properties] == properties
    assert result.method == result.method.lower()
    assert result.result in ("pass", "none")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"example.org",
        b"example.org;",
        b"; spf=pass",
        b"spf=pass smtp.mailfrom=a",  # without an identifier, as some write it
        b"a; none; spf=pass",
        b"a; spf",
        b"a; spf=",
        b"a; spf=pass smtp",
        b"a; spf=pass smtp.mailfrom",
        b"a; spf=pass smtp.=b",
        b"a; spf=pass smtp.mailfrom= smtp.helo=b",
        b"a; spf=pass reason=x reason=y",
        b"a; spf/=pass",
        b"a; spf/x=pass",
        b"a 1 2; spf=pass",
        b"a 1234567890; spf=pass",
        b'"a; spf=pass',
        b'""; spf=pass',
        b'a; spf=pass smtp.mailfrom="b',
        b'a; spf=pass smtp.mailfrom="b"@',
        b"a (; spf=pass",
        b"a ); spf=pass",
        b"a (\\); spf=pass",
        b"(" * 200 + b")" * 200 + b"a; spf=pass",
        b"a; spf=pass smtp.a=b\\c",
        b"a;\r\nspf=pass",
        b"a;\rspf=pass",
        b"a;\0spf=pass",
        b'a; spf=pass smtp.a="\x01"',
        b"a; spf=pass smtp.a=\xff",
        b"\xff; spf=pass",
        b"a; spf=pass, dkim=pass",
        b"a" * (FIELD_LIMIT + 1),
    ],
)
def test_what_is_no_such_field(value: bytes) -> None:
    """Refused, and nothing of it is repeated in the error."""
    with pytest.raises(ResultsSyntaxError) as caught:
        parse_results(value)
    assert "mailfrom" not in str(caught.value)


def test_a_version_is_read_and_left_to_the_caller() -> None:
    """RFC 8601 §2.2: another version may mean anything."""
    found = parse_results(b"a 2; spf/3=pass")
    assert (found.version, found.results[0].version) == (2, 3)
    assert parse_results(value_of(format_results(found))) == found


def test_comments_may_nest_and_hide_anything() -> None:
    """Also octets that are no UTF-8; up to a depth."""
    assert parse_results(b"(x) a (1;(2 \\( \xff)) ; (y) spf (z) = pass (the;end)").results == (
        MethodResult("spf", "pass"),
    )
    parse_results(b"(" * 100 + b")" * 100 + b"a; none")


def test_a_property_is_found_by_its_name() -> None:
    (result,) = parse_results(b"a; dkim=pass header.d=b header.d=c").results
    assert result.find("header", "d") == "b"
    assert result.find("header", "x") is None


def test_a_field_is_folded_where_it_can_be() -> None:
    """RFC 5322 §2.1.1, one result a line."""
    results = make(
        MethodResult("spf", "softfail", 1, "it is not theirs", (Property("smtp", "mailfrom", "alice@example.net"),)),
        MethodResult("dkim", "pass", properties=(Property("header", "d", "d" * 60), Property("header", "s", "2024"))),
        MethodResult("iprev", "pass", properties=(Property("policy", "iprev", "2001:db8::1"),)),
        name="mx.example.org",
    )
    assert format_results(results).decode() == (
        "Authentication-Results: mx.example.org;\r\n"
        '\tspf=softfail reason="it is not theirs" smtp.mailfrom=alice@example.net;\r\n'
        f"\tdkim=pass\r\n\theader.d={'d' * 60}\r\n\theader.s=2024;\r\n"
        '\tiprev=pass policy.iprev="2001:db8::1"\r\n'
    )


def test_no_result_is_none() -> None:
    assert format_results(make()) == b"Authentication-Results: example.org;\r\n\tnone\r\n"


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\0b", "\x1b[1m", "\ud800", "\u2028", "x" * (VALUE_LIMIT + 1)])
def test_a_value_that_cannot_be_written_is_left_out(value: str) -> None:
    """Altered it would be another identity; the result stays."""
    told = MethodResult("spf", "pass", properties=(Property("smtp", "mailfrom", value), Property("smtp", "helo", "b")))
    left = MethodResult("spf", "pass", properties=(Property("smtp", "helo", "b"),))
    assert parse_results(value_of(format_results(make(told)))) == make(left)


def test_names_that_are_no_keywords_are_left_out() -> None:
    told = make(MethodResult("s pf", "pass"), MethodResult("spf", "p;ass"), MethodResult("spf", ""))
    assert format_results(told).endswith(b"none\r\n")
    bad = MethodResult(
        "spf", "pass", properties=(Property("", "a", "b"), Property("a", "b=c", "d"), Property("a", "-", "d"))
    )
    assert parse_results(value_of(format_results(make(bad)))) == make(MethodResult("spf", "pass"))


def test_reasons_are_for_people() -> None:
    """Shortened, and without what moves a terminal's cursor."""
    field = format_results(make(MethodResult("spf", "fail", 1, 'a "quote"\r\n\x1b' + "x" * 1000)))
    (result,) = parse_results(value_of(field)).results
    assert result.reason.startswith('a "quote"???x')
    assert len(result.reason) == 200


ANY = st.text(st.characters(codec=None), max_size=40)  # type: ignore[arg-type]  # halves of surrogate pairs as well
KEYWORD = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,4})?", fullmatch=True)
PRINTABLE = st.text(st.characters(codec="utf-8"), max_size=60).filter(str.isprintable)
ADDRESS = st.from_regex(r"([a-z0-9.+=/-]{1,20})?@[a-z0-9.-]{1,30}", fullmatch=True)
VALUE = PRINTABLE | ADDRESS | st.from_regex(r'"[a-z ;]{0,9}"@[a-z.]{1,9}', fullmatch=True)
PROPERTY = st.builds(Property, KEYWORD, KEYWORD, VALUE)
RESULT = st.builds(
    MethodResult, KEYWORD, KEYWORD, st.integers(0, 999), PRINTABLE, st.lists(PROPERTY, max_size=5).map(tuple)
)
RESULTS = st.builds(
    AuthenticationResults, PRINTABLE.filter(bool), st.integers(0, 999), st.lists(RESULT, max_size=5).map(tuple)
)


@given(RESULTS)
def test_what_is_written_is_read_back(results: AuthenticationResults) -> None:
    """The round trip, for everything that can be written."""
    field = format_results(results)
    assert parse_results(value_of(field)) == results
    assert len(list(iterate_fields(field))) == 1


@given(
    st.builds(
        AuthenticationResults,
        ANY,
        st.integers(),
        st.lists(
            st.builds(
                MethodResult, ANY, ANY, st.integers(), ANY, st.lists(st.builds(Property, ANY, ANY, ANY)).map(tuple)
            ),
            max_size=4,
        ).map(tuple),
    )
)
def test_nothing_that_is_written_can_begin_a_field(results: AuthenticationResults) -> None:
    """Hostile names come from DNS, from HELO and from the message itself."""
    field = format_results(results)
    (one,) = iterate_fields(field)
    assert one.name == b"Authentication-Results"
    assert one.raw == field
    parse_results(one.value)
    lines = field.removesuffix(b"\r\n").split(b"\r\n")
    assert all(line.startswith(b"\t") for line in lines[1:])
    assert max(map(len, lines)) <= 998
    assert not set(field.replace(b"\r\n", b"")) & (set(range(9)) | set(range(10, 32)))


@given(st.binary(max_size=300))
def test_octets_are_results_or_are_refused(value: bytes) -> None:
    """And what was read once can be written, and read again."""
    try:
        results = parse_results(value)
    except ResultsSyntaxError:
        return
    again = parse_results(value_of(format_results(results)))
    assert parse_results(value_of(format_results(again))) == again


HONEST_VALUE = st.from_regex(r"([a-z0-9.+-]{1,20}@)?[a-z0-9]{1,10}(\.[a-z0-9]{1,10}){1,3}", fullmatch=True)
HONEST = st.builds(
    MethodResult,
    st.sampled_from(["spf", "dkim", "dmarc", "iprev", "arc", "auth"]),
    st.sampled_from(["none", "pass", "fail", "softfail", "neutral", "temperror", "permerror"]),
    st.just(1),
    st.from_regex(r"([a-z]{1,9}( [a-z:;()]{1,9}){0,3})?", fullmatch=True),
    st.lists(st.builds(Property, st.sampled_from(["smtp", "header", "policy"]), KEYWORD, HONEST_VALUE), max_size=4).map(
        tuple
    ),
)


@settings(max_examples=40)  # the other reader is slow
@given(st.builds(AuthenticationResults, st.just("mx.example.org"), st.just(1), st.lists(HONEST, min_size=1).map(tuple)))
def test_another_reader_reads_the_same(results: AuthenticationResults) -> None:
    """The library authres, on fields as an honest server writes them."""
    text = format_results(results).decode().removesuffix("\r\n")
    theirs = authres.AuthenticationResultsHeader.parse(text)
    assert theirs.authserv_id == results.authserv_id
    assert [
        (one.method, one.result, one.reason or "", [(p.type, p.name, p.value) for p in one.properties])
        for one in theirs.results
    ] == [
        (one.method, one.result, one.reason, [(p.type, p.name, p.value) for p in one.properties])
        for one in results.results
    ]
    assert parse_results(str(theirs).partition(":")[2].encode()) == results


@pytest.mark.parametrize(
    "make_worst",
    [
        lambda n: b"(" * 100 + b"\\)" * n + b")" * 100 + b"a; none",
        lambda n: b"()" * n + b"a; none",
        lambda n: b"a; " + b"x=pass;" * n,
        lambda n: b"a; x=pass " + b"y.z=w " * n,
        lambda n: b'a; x=pass y.z="' + b"\\a" * n + b'"',
        lambda n: b"a;" + b" \r\n" * n + b" none",
        lambda n: b"a;" * n,
        lambda n: b"a; x=pass y.z=" + b"=" * n,
    ],
)
def test_the_work_grows_with_the_field(make_worst: Callable[[int], bytes]) -> None:
    """And not faster, up to the longest field."""

    def read(size: int) -> None:
        with contextlib.suppress(ResultsSyntaxError):
            parse_results(make_worst(size)[:size])

    check_linear(read, FIELD_LIMIT // 4)
