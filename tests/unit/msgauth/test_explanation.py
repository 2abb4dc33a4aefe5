"""A trusted sealer's word instead of a DMARC pass: what it takes, and what is not enough."""

from __future__ import annotations

from dataclasses import replace

import pytest

from samotop.message.authres import parse_results
from samotop.msgauth.arc import ArcResult, ArcSet
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.author import find_author
from samotop.msgauth.dmarc import DmarcResult, Policy
from samotop.msgauth.explanation import find_explanation, is_explanation_open
from samotop.msgauth.results import Result

TRUSTED = {"lists.example"}


def sealed(*sets: tuple[str, bytes], result: Result = Result.PASS) -> Authentication:
    """A message of bob@news.example.net that fails DMARC, sealed by these domains with these results."""
    chain = tuple(
        ArcSet(number, domain, "s", parse_results(b"mx." + domain.encode() + b"; " + found) if found else None, "pass")
        for number, (domain, found) in enumerate(sets, 1)
    )
    dmarc = DmarcResult(Result.FAIL, Policy.REJECT, "example.net", organizational_domain="example.net")
    author = find_author(b"From: bob@news.example.net\r\n\r\n")
    return Authentication(arc=ArcResult(result, sets=chain), author=author, dmarc=dmarc)


@pytest.mark.parametrize(
    "found",
    [
        b"dmarc=pass header.from=news.example.net",
        b"dkim=pass header.d=example.net",
        b"dkim=pass header.i=@news.example.net",
        b"spf=pass smtp.mailfrom=bounces@example.net",
        b"spf=fail smtp.mailfrom=x@example.net; dkim=pass header.d=mail.example.net",
    ],
)
def test_what_the_list_saw_before_it_changed_the_message_explains(found: bytes) -> None:
    assert find_explanation(sealed(("lists.example", found)), TRUSTED) == "lists.example"


@pytest.mark.parametrize(
    "found",
    [
        b"dmarc=fail header.from=news.example.net",
        b"dmarc=pass header.from=bank.example",
        b"dkim=pass header.d=notexample.net",
        b"dkim=fail header.d=example.net",
        b"spf=pass smtp.mailfrom=lists.example",
        b"iprev=pass policy.iprev=192.0.2.1",
        b"none",
        b"",
    ],
)
def test_what_proves_nothing_of_the_author_does_not(found: bytes) -> None:
    assert find_explanation(sealed(("lists.example", found)), TRUSTED) == ""


GOOD = b"dmarc=pass header.from=news.example.net"


def test_everybody_from_the_newest_sealer_back_must_be_trusted() -> None:
    by_trusted_after = sealed(("lists.example", GOOD), ("other.example", b"dmarc=fail header.from=news.example.net"))
    assert find_explanation(by_trusted_after, TRUSTED) == ""
    assert find_explanation(by_trusted_after, {"lists.example", "other.example"}) == "lists.example"
    assert find_explanation(sealed(("other.example", GOOD)), TRUSTED) == ""


def test_a_broken_chain_explains_nothing() -> None:
    assert find_explanation(sealed(("lists.example", GOOD), result=Result.FAIL), TRUSTED) == ""


def test_nobody_is_trusted_by_default() -> None:
    assert find_explanation(sealed(("lists.example", GOOD)), frozenset()) == ""


def test_only_a_failure_has_to_be_explained() -> None:
    found = sealed(("lists.example", GOOD))
    assert found.dmarc is not None
    passed = replace(found, dmarc=replace(found.dmarc, result=Result.PASS))
    assert find_explanation(passed, TRUSTED) == ""


def test_two_authors_are_not_proven_by_a_sealer() -> None:
    found = replace(
        sealed(("lists.example", GOOD)), author=find_author(b"From: a@x.example, b@news.example.net\r\n\r\n")
    )
    assert find_explanation(found, TRUSTED) == ""


def test_a_trusted_sealer_whose_key_dns_kept_back_may_explain_it_later() -> None:
    """Only a trusted one: otherwise every forger brings a seal whose key's name nobody answers for."""
    found = sealed(("other.example", GOOD), ("lists.example", GOOD), result=Result.FAIL)
    assert found.arc is not None
    assert found.dmarc is not None
    late = replace(found, arc=replace(found.arc, is_temporary=True))
    assert is_explanation_open(late, TRUSTED)
    assert not is_explanation_open(found, TRUSTED)
    assert not is_explanation_open(late, {"other.example"})
    assert not is_explanation_open(replace(late, arc=ArcResult(Result.FAIL, is_temporary=True)), TRUSTED)
    assert not is_explanation_open(replace(late, dmarc=replace(found.dmarc, result=Result.PASS)), TRUSTED)
    assert not is_explanation_open(Authentication(), TRUSTED)
