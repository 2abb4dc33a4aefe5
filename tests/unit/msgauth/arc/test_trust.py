"""Whose word counts in a chain that passes (RFC 8617 §7.2)."""

from __future__ import annotations

from dataclasses import replace

from samotop.message.authres import AuthenticationResults
from samotop.msgauth.arc import ArcResult, ArcSet, find_trusted, iterate_trusted
from samotop.msgauth.results import Result


def make_set(instance: int, domain: str) -> ArcSet:
    cv = "none" if instance == 1 else "pass"
    return ArcSet(instance, domain, "s", AuthenticationResults(f"mx.{domain}"), cv)


SETS = (make_set(1, "first.example"), make_set(2, "second.example"), make_set(3, "third.example"))
PASS = ArcResult(Result.PASS, "", SETS, 0)


def test_the_newest_sealer_must_be_trusted() -> None:
    """Behind one that is not, older sets may have been moved to another message's body."""
    assert find_trusted(PASS, ["third.example"]) == AuthenticationResults("mx.third.example")
    assert find_trusted(PASS, ["first.example", "second.example"]) is None
    assert find_trusted(PASS, []) is None


def test_a_chain_that_does_not_pass_has_no_word() -> None:
    for result in (Result.FAIL, Result.NONE):
        assert find_trusted(replace(PASS, result=result), ["third.example"]) is None
        assert list(iterate_trusted(replace(PASS, result=result), ["third.example"])) == []
    assert find_trusted(ArcResult(Result.PASS), ["third.example"]) is None


def test_names_are_compared_as_a_whole_in_any_spelling() -> None:
    """Whoever gets a name below a trusted one gets no trust with it."""
    assert find_trusted(PASS, {"Third.Example."}) is not None
    assert find_trusted(PASS, {"example", "d.example", "a..b", "x" * 300}) is None
    under = replace(PASS, sets=(make_set(1, "lists.third.example"),))
    assert find_trusted(under, {"third.example"}) is None
    international = replace(PASS, sets=(make_set(1, "xn--bcher-kva.example"),))
    assert find_trusted(international, {"bücher.example"}) is not None


def test_trust_reaches_back_to_the_first_stranger() -> None:
    trusted = ["first.example", "third.example"]
    assert [one.instance for one in iterate_trusted(PASS, trusted)] == [3]
    assert [one.instance for one in iterate_trusted(PASS, [*trusted, "second.example"])] == [3, 2, 1]


def test_results_that_are_not_understood_are_none() -> None:
    """Unreadable, or of a version that may mean something else (RFC 8601 §2.2)."""
    for found in (None, AuthenticationResults("mx.third.example", 2)):
        sets = (replace(SETS[2], authentication_results=found),)
        assert find_trusted(replace(PASS, sets=sets), ["third.example"]) is None
