"""The table of outcomes: the page shows what the code does, and what it does is never a downgrade."""

from __future__ import annotations

import pytest

from samotop.msgauth.results import Result
from samotop.tlspolicy import Failure, Level
from tests.fakes.tlsmatrix import COLUMNS, evaluate_matrix
from tools.tls_page import PAGE, rewrite_page

DEMANDS = {"dane": Level.DANE, "enforce": Level.VERIFIED, "memory": Level.VERIFIED, "requiretls": Level.VERIFIED}


def test_the_page_is_what_the_code_says() -> None:
    """Where this fails and the change is meant: tools/tls_page.py --write, and read the difference."""
    text = PAGE.read_text(encoding="utf-8")
    assert rewrite_page(text) == text


@pytest.mark.parametrize("column", DEMANDS)
def test_nothing_is_delivered_below_the_demand(column: str) -> None:
    demanded = DEMANDS[column]
    for name, cells in evaluate_matrix().items():
        cell = cells[column]
        if cell.judged.result is Result.PASS and not (column == "dane" and not cell.plan.records):
            assert cell.judged.reached.covers(demanded), name
        elif cell.judged.result is not Result.PASS:
            assert cell.judged.status is not None and cell.judged.status.klass in (4, 5), name
            assert cell.judged.reason, name


@pytest.mark.parametrize("column", ["testing", "nobody"])
def test_who_demands_nothing_gets_everything_but_broken_dns(column: str) -> None:
    refused = {name for name, cells in evaluate_matrix().items() if cells[column].judged.result is not Result.PASS}
    assert refused == {"bogus"}


def test_a_policy_that_is_tested_tells_what_would_have_failed() -> None:
    for name, cells in evaluate_matrix().items():
        enforced = cells["enforce"].judged
        if name != "bogus":
            assert cells["testing"].judged.failure == enforced.failure, name


DANE_OUTCOMES = {
    "match": None,
    "sha512": None,
    "whole": None,
    "authority": None,
    "hidden": Failure.UNTRUSTED,
    "carried": None,
    "rolled": None,
    "mismatch": Failure.UNTRUSTED,
    "agility": Failure.UNTRUSTED,
    "expired-ee": None,
    "expired-ta": Failure.EXPIRED,
    "misnamed-ee": None,
    "misnamed-ta": Failure.NAME,
    "self": None,
    "self-ta": Failure.UNTRUSTED,
    "private": None,
    "alias": None,
    "alias-tlsa": None,
    "bogus": Failure.DNSSEC,
    "plain": Failure.STARTTLS,
    "broken": Failure.VALIDATION,
    "unlisted": None,
    "no-requiretls": None,
}
"""What RFC 7672 says of each row; ``pkix`` alone is neither: delivered with TLS and no more."""


def test_the_outcomes_under_dane_are_those_of_the_rfc() -> None:
    matrix = evaluate_matrix()
    assert set(DANE_OUTCOMES) | {"pkix"} == set(matrix)
    for name, failure in DANE_OUTCOMES.items():
        judged = matrix[name]["dane"].judged
        assert judged.failure == failure, name
        assert (judged.result is Result.PASS) == (failure is None), name
        assert failure is not None or judged.reached is Level.DANE, name
    unusable = matrix["pkix"]["dane"]
    assert unusable.plan.level is Level.ENCRYPTED and unusable.judged.failure is Failure.TLSA
    assert unusable.judged.result is Result.PASS


def test_every_column_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(title in text for title in COLUMNS.values())
