"""Records name nobody, keep what checks compare, and tell what other rules would have done."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from samotop.address import Address
from samotop.facts import ContentFacts, HelloFacts, MailFacts, RecipientFacts
from samotop.msgauth.dmarc import DmarcResult, Policy, parse_record
from samotop.msgauth.listing import Listing
from samotop.msgauth.results import Result
from samotop.policy.allowed import Named, collect
from samotop.policy.hello import HelloRules
from samotop.policy.pseudonyms import Pseudonyms
from samotop.policy.record import Record, describe, format_record
from samotop.policy.record import parse_record as parse_line
from samotop.policy.replay import Change, Replay, hide_rules
from samotop.policy.rules import PolicyRules
from samotop.policy.stage import Checks, Stage, Tools
from samotop.verdict import ABSTAIN, Verdict
from tests.unit.policy import cases

HIDE = Pseudonyms(b"k" * 32)
OURS = HelloRules("ours", "mx.example.org", frozenset(("example.org",)))
MILD = PolicyRules(hello=OURS)


def recorded(facts: object, rules: PolicyRules = MILD) -> Record:
    """The record of what these rules say of these facts, written and read again."""
    checks = Checks(Tools(rules, Named(), lambda: 0.0), lambda address: False)
    if isinstance(facts, ContentFacts):
        stage, verdict = Stage.CONTENT, checks.content(facts)
    elif isinstance(facts, RecipientFacts):
        stage, verdict = Stage.RECIPIENT, checks.recipient(facts)
    elif isinstance(facts, MailFacts):
        stage, verdict = Stage.MAIL, checks.mail(facts)
    else:
        assert isinstance(facts, HelloFacts)
        stage, verdict = Stage.HELLO, checks.hello(facts)
    return parse_line(format_record(describe(stage.value, facts, verdict, 1000.5), HIDE))  # type: ignore[arg-type]  # as asked above


def replayed(record: Record, rules: PolicyRules, named: Named | None = None) -> list[tuple[str, str]]:
    run = Replay(hide_rules(rules, HIDE), named or Named(), lambda address: False)
    return [(one.before, one.after) for one in run.run([record])]


FULL = replace(
    cases.found(reverse=Result.FAIL, hello=Result.FAIL, spf=Result.FAIL, signer="mail.example.net"),
    dmarc=DmarcResult(
        Result.FAIL, Policy.REJECT, "example.net", "example.net", record=parse_record(b"v=DMARC1; p=reject")
    ),
)
LISTED = (Listing("zen.example", ("127.0.0.2",)),)


def test_a_record_names_nobody() -> None:
    facts = cases.content(cases.mail(found=FULL, listings=LISTED))
    line = format_record(describe("content", facts, ABSTAIN, 1.0), HIDE)
    for word in (b"bob", b"alice", b"example.net", b"example.org", b"192.0.2", b"hello\r", b"Subject"):
        assert word not in line
    assert b"zen.example" in line, "a list is nobody"


@pytest.mark.parametrize(
    ("rules", "after"),
    [
        (MILD, "dmarc-reject"),
        (replace(MILD, enforces_dmarc=False), ""),
        (replace(MILD, enforces_spf=True), "spf-fail"),
        (replace(MILD, require_reverse=True), "reverse-none"),
        (replace(MILD, require_tls="any"), "encrypted-required"),
        (replace(MILD, dnsbl=("zen.example",)), "dnsbl-listed"),
        (replace(MILD, hello=replace(OURS, hostname="mail.example.net")), "hello-ours"),
        (replace(MILD, hello=replace(OURS, domains=frozenset(("mail.example.net",)))), "hello-domain"),
    ],
)
def test_each_rule_decides_of_a_record_as_of_the_facts(rules: PolicyRules, after: str) -> None:
    """The facts were hidden, and so were the rules."""
    record = recorded(cases.content(cases.mail(found=FULL, listings=LISTED)), replace(MILD, enforces_dmarc=False))
    assert replayed(record, rules) == ([("", after)] if after else [])


def test_what_was_refused_may_pass() -> None:
    record = recorded(cases.hello("mx.example.org"))
    assert record.outcomes == (("hello-ours", "reject"),)
    assert replayed(record, MILD) == []
    assert replayed(record, replace(MILD, hello=replace(OURS, mode="off"))) == [("hello-ours", "")]


@pytest.mark.parametrize(
    "entries",
    [
        collect(("bob@example.net",), (), ()),
        collect((), ("example.net",), ()),
        collect((), (".net",), ()),
        collect((), (), [ip_network("192.0.2.0/24")]),
        collect((), (), [ip_network("192.0.0.0/13")]),
        collect((), (), [ip_network("192.0.2.7/32")]),
    ],
)
def test_lists_match_in_disguise(entries: object) -> None:
    record = recorded(cases.content())
    named = Named(blocked=HIDE.entries(entries))  # type: ignore[arg-type]  # the table of a case
    assert [after[:7] for _, after in replayed(record, MILD, named)] == ["blocked"]


def test_lists_of_others_do_not_match_in_disguise() -> None:
    others = collect(("dora@example.net",), ("example.com", ".ample.net"), [ip_network("192.0.3.0/24")])
    assert replayed(recorded(cases.content()), MILD, Named(blocked=HIDE.entries(others))) == []


def test_a_refused_recipient_is_decided_alone() -> None:
    facts = cases.rcpt(facts=cases.mail(""), taken=1)
    record = recorded(facts)
    assert record.outcomes == (("null-several", "defer"),)
    assert replayed(record, replace(MILD, null_recipients=0)) == [("null-several", "")]
    assert replayed(record, MILD) == []


def test_what_owners_decide_is_no_change() -> None:
    """The ledger is not in the record: an owner's refusal is not one of the policy's."""
    facts = cases.content()
    verdict = Verdict.reject("consent", "rejected: you rejected them")
    record = parse_line(format_record(describe("content", facts, [verdict], 1.0), HIDE))
    assert replayed(record, MILD) == []


def test_rates_are_counted_by_the_records_times() -> None:
    rules = replace(MILD, rate_network=replace(MILD.harvest, count=1, seconds=60.0))
    records = [replace(recorded(cases.content()), at=at) for at in (0, 10, 70)]
    run = Replay(hide_rules(rules, HIDE), Named(), lambda address: False)
    assert list(run.run(records)) == [Change(10, "content", "", "rates-network")]
    assert run.count == 3


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b"no", b'{"v":2}', b'{"v":1}', b"\xff", b"[" * 5000, b"x" * 100_000]
)
def test_what_is_no_record_is_told_apart(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_line(line)


@pytest.mark.parametrize(("one", "other", "shared"), [("192.0.2.7", "192.0.2.200", 24), ("10.0.0.1", "11.0.0.1", 7)])
def test_addresses_share_as_many_leading_bits_as_before(one: str, other: str, shared: int) -> None:
    a, b = (int(ip_address(HIDE.ip(text))) for text in (one, other))
    assert 32 - (a ^ b).bit_length() == shared


def test_pseudonyms_depend_on_the_key_and_on_nothing_else() -> None:
    address = Address("Bob", "Mail.Example.NET")
    assert HIDE.address(address) == Pseudonyms(b"k" * 32).address(Address("bob", "mail.example.net"))
    assert HIDE.address(address) != Pseudonyms(b"l" * 32).address(address)
    assert HIDE.domain("mail.example.net").partition(".")[2] == HIDE.domain("example.net")
    assert HIDE.ip("2001:db8::1") == Pseudonyms(b"k" * 32).ip("2001:db8::1")
