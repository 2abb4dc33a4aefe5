"""Which checks are asked about whom, and how their verdicts combine."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from samotop.facts import ConnectionFacts
from samotop.msgauth.listing import Listing
from samotop.msgauth.results import Result
from samotop.policy.allowed import Named, collect
from samotop.policy.buckets import Rate
from samotop.policy.cause import code_of
from samotop.policy.content import content_rules
from samotop.policy.harvesting import PATIENCE, SLOWEST, WAITING_LIMIT
from samotop.policy.hello import HelloRules
from samotop.policy.rules import PolicyRules
from samotop.policy.stage import Checks, Stage, Tools
from samotop.verdict import ABSTAIN
from tests.unit.policy import cases

OURS = HelloRules("ours", "mx.example.org", frozenset(("example.org",)))
STRICT = PolicyRules(
    hello=HelloRules("strict", "mx.example.org", frozenset(("example.org",))),
    enforces_pipelining=True,
    require_reverse=True,
    require_tls="1.2",
    enforces_spf=True,
    dnsbl=("zen.example",),
    no_bounces=frozenset(("info@example.org",)),
    content=content_rules((".exe",)),
)


def checks(
    rules: PolicyRules = PolicyRules(hello=OURS), named: Named | None = None, now: list[float] | None = None
) -> Checks:
    clock = now or [0.0]
    return Checks(Tools(rules, named or Named(), lambda: clock[0]), lambda address: address.startswith("10."))


def test_the_default_refuses_no_honest_stranger() -> None:
    """One without a reverse name, without TLS, with a bad EHLO and a softfail: many are."""
    found = cases.found(reverse=Result.FAIL, hello=Result.PERMERROR, spf=Result.FAIL)
    facts = cases.mail(name="localhost", found=found, hasty=True)
    asked = checks()
    assert asked.connection(facts.connection) is ABSTAIN
    assert asked.hello(facts.hello) is ABSTAIN
    assert asked.mail(facts) is ABSTAIN
    assert asked.recipient(cases.rcpt(facts=facts)) is ABSTAIN
    assert asked.content(cases.content(facts)) is ABSTAIN
    assert not asked.reads_body
    assert asked.findings(cases.content(facts)) == (
        "not encrypted",
        "no reverse name",
        "hello is no name",
        "SPF fail",
        "does not wait for answers",
    )


@pytest.mark.parametrize(
    "peer",
    [
        cases.connection(login="alice"),
        cases.connection(protocol="submission"),
        cases.connection(protocol="lmtp"),
        cases.connection("10.0.0.1"),
        cases.connection(""),
    ],
)
def test_who_is_no_stranger_is_not_asked(peer: ConnectionFacts) -> None:
    """Our own users, exempt and trusted peers, a front server, this machine's sockets."""
    from dataclasses import replace

    facts = cases.mail(name="mx.example.org", found=cases.found(reverse=Result.FAIL, spf=Result.FAIL), hasty=True)
    facts = replace(facts, hello=replace(facts.hello, connection=peer))
    asked = checks(STRICT)
    assert not asked.is_stranger(peer)
    assert asked.hello(facts.hello) is ABSTAIN
    assert asked.mail(facts) is ABSTAIN
    assert asked.recipient(cases.rcpt(facts=facts)) is ABSTAIN
    assert asked.findings(cases.content(facts)) == ()
    assert not asked.needs_names(facts)


def test_the_first_that_refuses_decides() -> None:
    """The order of the table, not the weight: nothing adds up."""
    found = cases.found(reverse=Result.FAIL, spf=Result.FAIL)
    facts = cases.mail(found=found, listings=(Listing("zen.example", ("127.0.0.2",)),))
    asked = checks(STRICT)
    assert code_of(asked.mail(facts)) == "encrypted-required"
    assert code_of(asked.recipient(cases.rcpt(facts=facts))) == "dnsbl-listed"


@pytest.mark.parametrize("local", ["postmaster", "Abuse"])
def test_who_is_refused_can_write_to_the_postmaster(local: str) -> None:
    """RFC 5321 §4.5.1: by mistake somebody honest may be."""
    facts = cases.mail(listings=(Listing("zen.example", ("127.0.0.2",)),))
    assert checks(STRICT).recipient(cases.rcpt(f"{local}@example.org", facts)) is ABSTAIN


def test_an_allowed_network_is_spared_the_checks_of_the_unproven() -> None:
    facts = cases.mail(name="mx.example.org", found=cases.found(reverse=Result.FAIL, spf=Result.FAIL))
    asked = checks(STRICT, Named(allowed=collect((), (), [ip_network("192.0.2.0/24")])))
    assert asked.hello(facts.hello) is ABSTAIN
    assert asked.mail(facts) is ABSTAIN
    assert asked.recipient(cases.rcpt(facts=facts)) is ABSTAIN


@pytest.mark.parametrize(("result", "is_spared"), [(Result.PASS, True), (Result.NONE, False), (Result.SOFTFAIL, False)])
def test_an_allowed_domain_must_be_proven(result: Result, is_spared: bool) -> None:
    """Else everybody would claim to be who is allowed."""
    facts = cases.mail(found=cases.found(reverse=Result.FAIL, spf=result))
    asked = checks(STRICT, Named(allowed=collect((), (".example.net",), ())))
    assert (asked.recipient(cases.rcpt(facts=facts)) is ABSTAIN) is is_spared


@pytest.mark.parametrize(
    ("signer", "is_allowed"), [("example.net", True), ("mail.example.net", True), ("example.com", False), ("", False)]
)
def test_an_allowed_author_must_be_proven(signer: str, is_allowed: bool) -> None:
    facts = cases.content(cases.mail(found=cases.found(signer=signer)))
    assert checks(named=Named(allowed=collect(("bob@example.net",), (), ()))).allows_author(facts) is is_allowed


def test_nobody_is_allowed_past_dmarc() -> None:
    """A list of names proves nobody's identity."""
    from dataclasses import replace

    from samotop.msgauth.dmarc import DmarcResult, Policy, parse_record

    failed = DmarcResult(Result.FAIL, Policy.REJECT, "example.net", record=parse_record(b"v=DMARC1; p=reject"))
    facts = cases.content(cases.mail(found=replace(cases.found(), dmarc=failed)))
    asked = checks(named=Named(allowed=collect((), (), [ip_network("192.0.2.0/24")])))
    assert code_of(asked.content(facts)) == "dmarc-reject"
    assert not checks(PolicyRules(enforces_dmarc=False)).content(facts).is_refusal


@pytest.mark.parametrize(
    ("blocked", "stage", "code"),
    [
        (collect((), (), [ip_network("192.0.2.0/25")]), Stage.CONNECTION, "blocked-network"),
        (collect(("bob@example.net",), (), ()), Stage.MAIL, "blocked-sender"),
        (collect((), ("example.net",), ()), Stage.MAIL, "blocked-sender"),
        (collect((), (".net",), ()), Stage.CONTENT, "blocked-sender"),
        (collect((), (), [ip_network("198.51.100.0/24")]), Stage.CONNECTION, ""),
        (collect((), ("mail.example.net",), ()), Stage.MAIL, ""),
        (collect((), (".ample.net",), ()), Stage.MAIL, ""),
    ],
)
def test_who_is_blocked_is_refused_by_the_claim_alone(blocked: object, stage: Stage, code: str) -> None:
    asked = checks(named=Named(blocked=blocked))  # type: ignore[arg-type]  # the table of a case
    facts = cases.mail()
    ask = {
        Stage.CONNECTION: lambda: asked.connection(facts.connection),
        Stage.MAIL: lambda: asked.mail(facts),
        Stage.CONTENT: lambda: asked.content(cases.content(facts)),
    }
    verdict = ask[stage]()
    assert (code_of(verdict) if verdict.is_refusal else "") == code


def test_lists_that_change_count_at_once() -> None:
    named = Named()
    asked = checks(named=named)
    assert asked.mail(cases.mail()) is ABSTAIN
    named.blocked = collect(("bob@example.net",), (), ())
    assert asked.mail(cases.mail()).is_refusal


@pytest.mark.parametrize(
    ("rules", "name", "waits"),
    [
        (PolicyRules(hello=OURS), "mail.example.net", False),
        (PolicyRules(hello=OURS), "example.org", True),
        (PolicyRules(enforces_spf=True), "mail.example.net", True),
        (PolicyRules(require_reverse=True), "mail.example.net", True),
        (PolicyRules(dnsbl=("zen.example",)), "mail.example.net", True),
    ],
)
def test_a_recipient_waits_for_dns_only_where_a_check_needs_it(rules: PolicyRules, name: str, waits: bool) -> None:
    assert checks(rules).needs_names(cases.mail(name=name)) is waits


def test_a_network_sends_so_much_and_later_as_much_again() -> None:
    now = [0.0]
    asked = checks(PolicyRules(rate_network=Rate(2, 3600)), now=now)
    codes = [code_of(asked.mail(cases.mail(ip=f"192.0.2.{n}"))) for n in range(3)]
    assert codes == ["default", "default", "rates-network"], "one /24 is one sender"
    assert not asked.mail(cases.mail(ip="198.51.100.1")).is_refusal
    now[0] = 1800.0
    assert [asked.mail(cases.mail()).is_refusal for _ in range(2)] == [False, True]


def test_a_login_and_a_recipient_have_rates_of_their_own() -> None:
    asked = checks(PolicyRules(rate_login=Rate(1, 60), rate_recipient=Rate(1, 60)))
    ours = cases.mail(login="alice")
    assert [code_of(asked.mail(ours)) for _ in range(2)] == ["default", "rates-login"]
    assert not asked.mail(cases.mail(login="bob")).is_refusal
    assert [code_of(asked.recipient(cases.rcpt(one))) for one in ("a@x.y", "A@x.y", "b@x.y")] == [
        "default",
        "rates-recipient",
        "default",
    ]


def test_who_tries_names_waits_longer_and_longer_and_is_turned_away() -> None:
    asked = checks(PolicyRules(harvest=Rate(3, 3600)))
    costs = [asked.harvest(cases.rcpt(f"n{n}@example.org"), 0) for n in range(3 + PATIENCE + 2)]
    assert [one.delay for one in costs[:7]] == [0, 0, 0, 1, 2, 4, 8]
    assert [one.delay for one in costs[7:13]] == [SLOWEST] * 6
    verdicts = [one.verdict for one in costs]
    assert verdicts[: 3 + PATIENCE] == [None] * (3 + PATIENCE)
    last = verdicts[-1]
    assert last is not None
    assert (code_of(last), last.closes) == ("harvesting-limit", True)


def test_only_so_many_answers_wait() -> None:
    """Each holds a session; who wants ours to run out is turned away instead."""
    asked = checks(PolicyRules(harvest=Rate(1, 3600)))
    asked.harvest(cases.rcpt(), 0)
    assert asked.harvest(cases.rcpt(), WAITING_LIMIT).verdict is not None


def test_our_own_users_may_mistype_names() -> None:
    asked = checks(PolicyRules(harvest=Rate(1, 3600)))
    facts = cases.rcpt(facts=cases.mail(login="alice"))
    assert [asked.harvest(facts, 0).delay for _ in range(5)] == [0] * 5
