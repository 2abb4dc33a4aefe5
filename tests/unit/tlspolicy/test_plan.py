"""Who demands what of a next hop: the strongest demand holds, its reason is told, and nothing lowers it silently."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import product

import pytest

from samotop.dns.records import Mx, Tlsa
from samotop.msgauth.results import Result
from samotop.tlspolicy import (
    DaneFound,
    DaneStatus,
    Demand,
    Exchanges,
    Failure,
    FirstUseRules,
    Level,
    Memory,
    Mode,
    Session,
    Source,
    StsPolicy,
    TlsPlan,
    Trust,
    Wish,
    judge_tls,
    make_permanent,
    plan_tls,
)
from samotop.tlspolicy.plan import NO_REQUIRETLS, NO_SECURITY, NOT_OFFERED, NOT_PROVEN
from tests.fakes.certificates import DAY, NOW, make_certificate
from tests.fakes.tlsmatrix import make_cast, make_trust

DOMAIN, HOST = "example.org", "mx.example.org"
MX = Exchanges(DOMAIN, Result.PASS, (Mx(10, HOST),), is_secure=True)
UNSIGNED = replace(MX, is_secure=False)
USABLE = DaneFound(HOST, DaneStatus.USABLE, "TLSA records", HOST, (Tlsa(3, 1, 1, b"x" * 32),), (HOST, DOMAIN))
UNUSABLE = DaneFound(HOST, DaneStatus.UNUSABLE, "none", HOST, (), (HOST, DOMAIN))
ABSENT = DaneFound(HOST, DaneStatus.ABSENT)
INSECURE = DaneFound(HOST, DaneStatus.INSECURE)
FAILED = DaneFound(HOST, DaneStatus.FAILED, "DNS does not answer for the TLSA records")
ENFORCE = StsPolicy(Mode.ENFORCE, (HOST,), 86400)
TESTING = replace(ENFORCE, mode=Mode.TESTING)
GONE = StsPolicy(Mode.NONE, (), 86400)
ELSEWHERE = replace(ENFORCE, patterns=("other.example.org",))


def plan(**given) -> TlsPlan:
    return plan_tls(DOMAIN, HOST, **{"now": NOW, "mx": MX, **given})


def seen(level: Level) -> Memory:
    return Memory(DOMAIN, level, NOW - DAY)


@pytest.mark.parametrize(
    ("given", "level", "source"),
    [
        ({}, Level.OPPORTUNISTIC, Source.NOBODY),
        ({"dane": ABSENT, "sts": GONE}, Level.OPPORTUNISTIC, Source.NOBODY),
        ({"dane": USABLE}, Level.DANE, Source.DANE),
        ({"dane": UNUSABLE}, Level.ENCRYPTED, Source.DANE),
        ({"sts": ENFORCE}, Level.VERIFIED, Source.STS),
        ({"sts": TESTING}, Level.OPPORTUNISTIC, Source.NOBODY),
        ({"dane": USABLE, "sts": ENFORCE}, Level.DANE, Source.DANE),
        ({"dane": UNUSABLE, "sts": ENFORCE}, Level.VERIFIED, Source.STS),
        ({"dane": INSECURE, "sts": ENFORCE}, Level.VERIFIED, Source.STS),
        ({"wish": Wish.REQUIRES}, Level.VERIFIED, Source.REQUIRETLS),
        ({"wish": Wish.REQUIRES, "dane": USABLE}, Level.DANE, Source.DANE),
        ({"wish": Wish.WAIVES, "dane": USABLE, "sts": ENFORCE}, Level.OPPORTUNISTIC, Source.SENDER),
        ({"wish": Wish.WAIVES, "memory": seen(Level.DANE)}, Level.OPPORTUNISTIC, Source.SENDER),
        ({"wish": Wish.WAIVES, "dane": FAILED}, Level.OPPORTUNISTIC, Source.SENDER),
        ({"wish": Wish.WAIVES, "demand": Demand(Level.VERIFIED)}, Level.VERIFIED, Source.OPERATOR),
        ({"memory": seen(Level.ENCRYPTED)}, Level.ENCRYPTED, Source.MEMORY),
        ({"memory": seen(Level.VERIFIED)}, Level.VERIFIED, Source.MEMORY),
        ({"memory": seen(Level.VERIFIED), "dane": USABLE}, Level.DANE, Source.DANE),
        ({"memory": seen(Level.VERIFIED), "rules": FirstUseRules(is_used=False)}, Level.OPPORTUNISTIC, Source.NOBODY),
        ({"memory": Memory(DOMAIN, Level.VERIFIED, NOW - 31 * DAY)}, Level.OPPORTUNISTIC, Source.NOBODY),
        ({"memory": seen(Level.DANE), "dane": ABSENT}, Level.ENCRYPTED, Source.MEMORY),
        ({"memory": seen(Level.DANE), "dane": INSECURE}, Level.VERIFIED, Source.MEMORY),
        ({"memory": seen(Level.DANE)}, Level.VERIFIED, Source.MEMORY),
        ({"memory": seen(Level.DANE), "dane": USABLE}, Level.DANE, Source.DANE),
        ({"demand": Demand(Level.ENCRYPTED)}, Level.ENCRYPTED, Source.OPERATOR),
        ({"demand": Demand(Level.ENCRYPTED), "sts": ENFORCE}, Level.VERIFIED, Source.STS),
        ({"demand": Demand(Level.VERIFIED), "sts": ENFORCE}, Level.VERIFIED, Source.OPERATOR),
        ({"demand": Demand(Level.DANE), "dane": USABLE}, Level.DANE, Source.OPERATOR),
        ({"demand": Demand(Level.NONE), "dane": USABLE, "sts": ENFORCE}, Level.NONE, Source.OPERATOR),
        ({"demand": Demand(Level.PINNED, (b"x" * 32,)), "dane": USABLE}, Level.PINNED, Source.OPERATOR),
    ],
)  # fmt: skip
def test_the_strongest_demand_holds(given: dict, level: Level, source: Source) -> None:
    made = plan(**given)
    assert (made.level, made.source, made.refusal) == (level, source, None)
    assert made.reason and "\n" not in made.reason


@pytest.mark.parametrize(
    ("given", "status", "failure"),
    [
        ({"dane": FAILED}, NOT_PROVEN, Failure.DNSSEC),
        ({"dane": FAILED, "sts": ENFORCE}, NOT_PROVEN, Failure.DNSSEC),
        ({"sts": ELSEWHERE}, NO_SECURITY, Failure.VALIDATION),
        ({"sts": ELSEWHERE, "dane": UNUSABLE}, NO_SECURITY, Failure.VALIDATION),
        ({"demand": Demand(Level.DANE)}, NOT_PROVEN, Failure.DANE_REQUIRED),
        ({"demand": Demand(Level.DANE), "dane": UNUSABLE}, NOT_PROVEN, Failure.DANE_REQUIRED),
        ({"demand": Demand(Level.NONE), "wish": Wish.REQUIRES}, NO_REQUIRETLS, None),
        ({"mx": UNSIGNED, "wish": Wish.REQUIRES}, NO_REQUIRETLS, None),
        ({"mx": UNSIGNED, "wish": Wish.REQUIRES, "sts": GONE}, NO_REQUIRETLS, None),
        ({"mx": UNSIGNED, "wish": Wish.REQUIRES, "sts": replace(ELSEWHERE, mode=Mode.TESTING)}, NO_REQUIRETLS, None),
    ],
)  # fmt: skip
def test_some_hosts_are_not_even_tried(given: dict, status: object, failure: Failure | None) -> None:
    made = plan(**given)
    assert made.refusal is not None and not made.may_be_plain
    assert (made.refusal.status, made.refusal.failure) == (status, failure)
    judged = judge_tls(made, Session(True, (make_cast().good.der,), True), make_trust(), NOW)
    assert (judged.result, judged.status) == (Result.FAIL, status), "whatever it shows"


def test_dane_needs_no_policy_to_name_the_host() -> None:
    assert plan(dane=USABLE, sts=ELSEWHERE).refusal is None


@pytest.mark.parametrize("sts", [ENFORCE, TESTING])
def test_a_policy_vouches_for_a_host_as_dnssec_does(sts: StsPolicy) -> None:
    """RFC 8689 §4.2.1: the host's name must come from somewhere that can be believed."""
    assert plan(mx=UNSIGNED, wish=Wish.REQUIRES, sts=sts).refusal is None
    assert plan(mx=None, wish=Wish.REQUIRES).refusal is None, "the operator has named it"


def test_whoever_requires_tls_requires_the_promise() -> None:
    cast = make_cast()
    chain = (cast.good.der, cast.middle.der)
    made = plan(wish=Wish.REQUIRES)
    assert judge_tls(made, Session(True, chain, True), make_trust(), NOW).result is Result.PASS
    judged = judge_tls(made, Session(True, chain, False), make_trust(), NOW)
    assert (judged.result, judged.status) == (Result.FAIL, NO_REQUIRETLS)


EVERYTHING = list(
    product(
        [None, USABLE, UNUSABLE, ABSENT, INSECURE, FAILED],
        [None, ENFORCE, TESTING, GONE, ELSEWHERE],
        [None, *(seen(level) for level in (Level.ENCRYPTED, Level.VERIFIED, Level.DANE))],
        [Wish.NOTHING, Wish.REQUIRES],
        [Demand(), Demand(Level.ENCRYPTED), Demand(Level.VERIFIED), Demand(Level.DANE)],
    )
)


def test_one_more_demand_never_lowers_the_level() -> None:
    """Over all combinations: what any one of them asks for alone is asked for by all together, or nothing goes."""
    for dane, sts, memory, wish, demand in EVERYTHING:
        together = plan(dane=dane, sts=sts, memory=memory, wish=wish, demand=demand)
        if together.refusal is not None:
            continue
        for alone in (plan(dane=dane), plan(sts=sts, dane=dane), plan(wish=wish), plan(dane=dane, memory=memory),
                      plan(demand=demand, dane=dane)):  # fmt: skip
            assert alone.refusal is None
            assert together.level.rank >= alone.level.rank


def test_nothing_in_the_clear_is_taken_where_anybody_demands_tls() -> None:
    for dane, sts, memory, wish, demand in EVERYTHING:
        made = plan(dane=dane, sts=sts, memory=memory, wish=wish, demand=demand)
        judged = judge_tls(made, Session(False), make_trust(), NOW)
        is_free = made.level is Level.OPPORTUNISTIC and made.refusal is None
        assert (judged.result is Result.PASS) == is_free == made.may_be_plain
        if not is_free:
            assert judged.status is not None and judged.reason


def test_a_host_without_tls_is_told_from_one_whose_handshake_fails() -> None:
    made = plan(sts=ENFORCE)
    absent = judge_tls(made, Session(False), None, NOW)
    failed = judge_tls(made, Session(False, fault="timeout"), None, NOW)
    assert (absent.status, absent.failure) == (NOT_OFFERED, Failure.STARTTLS)
    assert (failed.status, failed.failure) == (NOT_PROVEN, Failure.VALIDATION)
    assert "timeout" in failed.reason and "MTA-STS" in failed.reason


def test_waiting_ends_with_a_bounce_of_the_same_kind() -> None:
    assert [str(make_permanent(status)) for status in (NO_SECURITY, NOT_OFFERED, NOT_PROVEN)] == [
        "5.7.0",
        "5.7.4",
        "5.7.5",
    ]
    assert make_permanent(NO_REQUIRETLS) == NO_REQUIRETLS


def test_a_pinned_key_is_compared() -> None:
    own, other = make_certificate(HOST), make_certificate(HOST)
    made = plan(demand=Demand(Level.PINNED, (hashlib.sha256(own.key_der).digest(), b"y" * 32)))
    judged = judge_tls(made, Session(True, (own.der,)), None, NOW)
    assert (judged.result, judged.reached) == (Result.PASS, Level.PINNED)
    assert judge_tls(made, Session(True, (other.der,)), None, NOW).failure is Failure.UNTRUSTED
    for chain in ((), (b"junk",)):
        assert judge_tls(made, Session(True, chain), None, NOW).failure is Failure.VALIDATION


def test_the_operator_may_name_whom_the_certificate_is_for() -> None:
    cast = make_cast()
    chain = (cast.misnamed.der, cast.middle.der)
    for names, result in (((), Result.FAIL), (("mail.example.com",), Result.PASS)):
        made = plan(demand=Demand(Level.VERIFIED, names=names))
        assert judge_tls(made, Session(True, chain), make_trust(), NOW).result is result


@pytest.mark.parametrize("trust", [None, Trust([])])
def test_where_no_authority_is_known_nothing_is_verified(trust: Trust | None) -> None:
    cast = make_cast()
    chain = (cast.good.der, cast.middle.der)
    judged = judge_tls(plan(), Session(True, chain), trust, NOW)
    assert (judged.result, judged.reached) == (Result.PASS, Level.ENCRYPTED)
    assert judge_tls(plan(sts=ENFORCE), Session(True, chain), trust, NOW).failure is Failure.UNTRUSTED


@pytest.mark.parametrize("chain", [(), (b"junk",), (b"\x30\x00",)])
def test_certificates_that_cannot_be_read_are_none(chain: tuple[bytes, ...]) -> None:
    assert judge_tls(plan(), Session(True, chain), make_trust(), NOW).reached is Level.ENCRYPTED
    judged = judge_tls(plan(sts=ENFORCE), Session(True, chain), make_trust(), NOW)
    assert (judged.result, judged.failure) == (Result.FAIL, Failure.VALIDATION)


def test_the_name_for_sni_is_that_of_the_records() -> None:
    """RFC 7672 §8.1."""
    alias = replace(USABLE, base="mx.example.net", names=("mx.example.net", DOMAIN))
    assert plan(dane=alias).server_name == "mx.example.net"
    assert plan(dane=INSECURE).server_name == plan().server_name == HOST


def test_an_operators_no_is_no() -> None:
    made = plan(demand=Demand(Level.NONE))
    assert not made.tries_tls
    assert judge_tls(made, Session(False), None, NOW).result is Result.PASS
