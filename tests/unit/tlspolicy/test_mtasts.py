"""MTA-STS: what is a policy, when it is fetched, and that cutting things off takes none away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from samotop.msgauth.results import Result
from samotop.testing.zones import ZoneResolver
from samotop.tlspolicy.levels import Failure
from samotop.tlspolicy.mtasts import (
    AGE_LIMIT,
    PATTERN_LIMIT,
    POLICY_LIMIT,
    BadPolicy,
    Fetched,
    FetchStatus,
    Mode,
    StsEntry,
    StsPolicy,
    StsRules,
    choose_record,
    format_policy,
    format_sts_record,
    lookup_sts,
    match_host,
    parse_policy,
    parse_sts_record,
    plan_fetch,
)

NOW = 1.7e9
DAY = 86400.0
WEEK = 7 * 86400
TEXT = b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n"  # noqa: E501 - a policy in one piece
POLICY = StsPolicy(Mode.ENFORCE, ("mail.example.com", "*.example.net", "backupmx.example.com"), WEEK)


def test_the_example_of_the_rfc() -> None:
    assert parse_policy(TEXT) == POLICY


def test_ours_is_read_as_it_was_meant() -> None:
    assert format_policy(POLICY) == TEXT
    record = format_sts_record(POLICY)
    assert parse_sts_record(record.encode()) in record
    assert format_sts_record(replace(POLICY, mode=Mode.TESTING)) != record, "another policy, another id"


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace(b"\r\n", b"\n"),
        TEXT.rstrip(),
        TEXT.replace(b": ", b":\t  ").replace(b"\r\n", b" \r\n"),
        TEXT + b"\r\nfuture: x\r\nno field\r\nmode: none\r\nmax_age: 1\r\n",
        TEXT.replace(b"mail.example.com", b"MAIL.example.com."),
    ],
)
def test_what_means_the_same_is_read_the_same(text: bytes) -> None:
    """Line ends, white space, fields that are not known, and of a field that stands twice the first (RFC 8461 §3.2)."""
    assert parse_policy(text) == POLICY


@pytest.mark.parametrize(
    "text",
    [
        b"",
        TEXT.replace(b"STSv1", b"STSv2"),
        TEXT.replace(b"version: STSv1\r\n", b""),
        TEXT.replace(b"enforce", b"Enforce"),
        TEXT.replace(b"mode: enforce\r\n", b""),
        TEXT.replace(b"604800", b"-1"),
        TEXT.replace(b"604800", b"1 week"),
        TEXT.replace(b"604800", b"99999999999"),
        TEXT.replace(b"max_age: 604800\r\n", b""),
        TEXT.replace(b"mx: ", b"xm: "),
        TEXT.replace(b"*.example.net", b"*.*.example.net"),
        TEXT.replace(b"*.example.net", b"mx*.example.net"),
        TEXT.replace(b"*.example.net", b"*"),
        TEXT.replace(b"*.example.net", b"a b.example.net"),
        TEXT.replace(b"*.example.net", b""),
        TEXT.replace(b"mail", b"\xff"),
        TEXT + b"mx: x.example\r\n" * 5000,
        TEXT + b"".join(b"mx: h%d.example\n" % number for number in range(PATTERN_LIMIT)),
    ],
)  # fmt: skip
def test_what_is_no_policy_is_refused(text: bytes) -> None:
    if len(text) > POLICY_LIMIT or b"mx: x.example" not in text:
        with pytest.raises(BadPolicy):
            parse_policy(text)
    else:
        assert len(parse_policy(text).patterns) == 4, "the same host again is the same host"


def test_a_policy_may_say_that_there_is_none() -> None:
    assert parse_policy(b"version: STSv1\nmode: none\nmax_age: 60") == StsPolicy(Mode.NONE, (), 60)
    assert not StsPolicy(Mode.NONE, (), 60).is_live


def test_no_policy_lives_longer_than_a_year() -> None:
    assert parse_policy(TEXT.replace(b"604800", b"9999999999")).max_age == AGE_LIMIT


@pytest.mark.parametrize(
    ("host", "is_named"),
    [
        ("mail.example.com", True),
        ("MAIL.EXAMPLE.COM.", True),
        ("a.example.net", True),
        ("a.b.example.net", False),
        ("example.net", False),
        ("other.example.com", False),
        ("*.example.net", True),
        ("", False),
        ("a..b", False),
    ],
)
def test_an_asterisk_is_one_label(host: str, is_named: bool) -> None:
    assert match_host(POLICY, host) is is_named


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"v=STSv1; id=20160831085700Z;", "20160831085700Z"),
        (b"v=STSv1;id=a", "a"),
        (b"v=STSv1 ; x=y ; id = b ; id=c", "b"),
        (b"v=STSv1; ext.name=!(x)<y>; id=d;", "d"),
    ],
)
def test_records_that_are_right(text: bytes, found: str) -> None:
    assert parse_sts_record(text) == found
    assert choose_record([b"v=spf1 -all", text]) == found


@pytest.mark.parametrize(
    "text",
    [b"", b"v=STSv2; id=a", b"v=STSv1", b"v=STSv1;", b"v=STSv1; id=", b"v=STSv1; id=a-b", b"v=STSv1; id=" + b"a" * 33,
     b"v=STSv1; id=a;;", b"v=STSv1; =x; id=a", b"v=STSv1; id=\xc3\xa9", b"v=STSv1 id=a", b"v=STSv1; " + b"x=y;" * 2000],
)  # fmt: skip
def test_records_that_are_not(text: bytes) -> None:
    with pytest.raises(BadPolicy):
        parse_sts_record(text)
    assert choose_record([text]) == ""


def test_of_two_records_none_counts() -> None:
    assert choose_record([b"v=STSv1; id=a;", b"v=STSv1; id=b;"]) == ""


class Web:
    """A web server that answers as told, and counts."""

    def __init__(self, *answers: Fetched | bytes) -> None:
        self.answers = list(answers)
        self.urls: list[str] = []

    async def fetch(self, url: str) -> Fetched:
        self.urls.append(url)
        answer = self.answers.pop(0)
        return answer if isinstance(answer, Fetched) else Fetched(FetchStatus.OK, answer)


def announce(policy_id: str) -> ZoneResolver:
    return ZoneResolver({"_mta-sts.a.example": {"TXT": [f'"v=STSv1; id={policy_id};"']}})


KEPT = StsEntry("a.example", POLICY, "one", NOW - 3600)


async def test_a_policy_is_fetched_where_one_is_announced() -> None:
    web = Web(TEXT)
    found = await lookup_sts("A.example", None, announce("one"), web, now=NOW)
    assert web.urls == ["https://mta-sts.a.example/.well-known/mta-sts.txt"]
    assert (found.result, found.policy, found.is_new) == (Result.PASS, POLICY, True)
    assert found.entry == StsEntry("a.example", POLICY, "one", NOW)


async def test_nothing_is_fetched_where_none_is_announced() -> None:
    web = Web()
    found = await lookup_sts("a.example", None, ZoneResolver({}), web, now=NOW)
    assert (found.result, found.policy, found.is_new) == (Result.NONE, None, False)


async def test_a_kept_policy_is_not_fetched_again_the_same_day() -> None:
    found = await lookup_sts("a.example", KEPT, announce("one"), Web(), now=NOW)
    assert found.policy == POLICY and not found.is_new


@pytest.mark.parametrize("resolver", [ZoneResolver({}), ZoneResolver({"_mta-sts.a.example": "TIMEOUT"})])
async def test_a_kept_policy_outlives_its_record(resolver: ZoneResolver) -> None:
    """Else whoever can forge DNS takes the policy away with it (RFC 8461 §5.1)."""
    found = await lookup_sts("a.example", KEPT, resolver, Web(), now=NOW)
    assert found.policy == POLICY


async def test_a_kept_policy_ends_when_it_said() -> None:
    assert (await lookup_sts("a.example", KEPT, ZoneResolver({}), Web(), now=KEPT.ends_at)).policy == POLICY
    assert (await lookup_sts("a.example", KEPT, ZoneResolver({}), Web(), now=KEPT.ends_at + 1)).policy is None


async def test_a_new_id_means_a_new_policy() -> None:
    other = TEXT.replace(b"enforce", b"testing")
    found = await lookup_sts("a.example", KEPT, announce("two"), Web(other), now=NOW)
    assert found.policy is not None and found.policy.mode is Mode.TESTING and found.entry is not None
    assert found.entry.id == "two"


FAILURES = [
    (Fetched(FetchStatus.UNTRUSTED, reason="x"), Failure.STS_WEBPKI),
    (Fetched(FetchStatus.REFUSED, reason="x"), Failure.STS_FETCH),
    (Fetched(FetchStatus.FAILED, reason="x"), Failure.STS_FETCH),
    (b"<html>", Failure.STS_INVALID),
]


@pytest.mark.parametrize(("answer", "failure"), FAILURES)
async def test_a_kept_policy_outlives_its_web_server(answer: Fetched | bytes, failure: Failure) -> None:
    found = await lookup_sts("a.example", KEPT, announce("two"), Web(answer), now=NOW)
    assert (found.result, found.policy, found.failure, found.is_new) == (Result.PASS, POLICY, failure, True)
    assert found.entry is not None and found.entry.policy == POLICY and found.reason


@pytest.mark.parametrize(("answer", "failure"), FAILURES)
async def test_a_failure_is_not_repeated_at_once(answer: Fetched | bytes, failure: Failure) -> None:
    web = Web(answer, answer)
    first = await lookup_sts("a.example", None, announce("one"), web, now=NOW)
    assert (first.result, first.policy, first.failure) == (Result.TEMPERROR, None, failure)
    again = await lookup_sts("a.example", first.entry, announce("one"), web, now=NOW + 299)
    assert len(web.urls) == 1 and again.policy is None
    await lookup_sts("a.example", first.entry, announce("one"), web, now=NOW + 300)
    assert len(web.urls) == 2


async def test_another_id_is_asked_for_after_a_failure() -> None:
    first = await lookup_sts("a.example", None, announce("one"), Web(b"?"), now=NOW)
    found = await lookup_sts("a.example", first.entry, announce("two"), Web(TEXT), now=NOW + 1)
    assert found.policy == POLICY and found.entry is not None and found.entry.failed_id == ""


async def test_a_message_is_not_returned_for_a_policy_that_is_gone() -> None:
    """Before it is, the policy is fetched once more, whatever its age (RFC 8461 §5.1)."""
    web = Web(TEXT.replace(b"enforce", b"none"))
    found = await lookup_sts("a.example", KEPT, announce("one"), web, now=NOW, must_refresh=True)
    assert found.policy is not None and not found.policy.is_live


@pytest.mark.parametrize("domain", ["", "a..b", "x" * 64])
async def test_what_is_no_domain_has_no_policy(domain: str) -> None:
    assert (await lookup_sts(domain, None, ZoneResolver({}), Web(), now=NOW)).result is Result.NONE


@pytest.mark.parametrize(
    ("entry", "announced", "is_due"),
    [
        (None, "", False),
        (None, "one", True),
        (KEPT, "", False),
        (KEPT, "one", False),
        (KEPT, "two", True),
        (replace(KEPT, fetched_at=NOW - DAY), "one", True),
        (replace(KEPT, fetched_at=NOW - 8 * DAY), "one", True),
        (replace(KEPT, failed_at=NOW - 10, failed_id="two"), "two", False),
        (replace(KEPT, failed_at=NOW - 10, failed_id="two"), "three", True),
        (replace(KEPT, failed_at=NOW - 301, failed_id="two"), "two", True),
    ],
)
def test_when_a_policy_is_fetched(entry: StsEntry | None, announced: str, is_due: bool) -> None:
    assert plan_fetch(entry, announced, now=NOW, rules=StsRules()) is is_due


def test_the_largest_policy_costs_no_more_than_its_lines() -> None:
    """A file of one-octet lines is as long as any, and is refused or read without looking at a line twice."""
    lines = b"version: STSv1\nmode: none\nmax_age: 60\n"
    assert parse_policy(lines + b"\n" * (POLICY_LIMIT - len(lines))).mode is Mode.NONE
    assert parse_policy(lines + b":" * (POLICY_LIMIT - len(lines))).mode is Mode.NONE
