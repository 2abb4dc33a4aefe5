"""What the author's domain asks for, and when it is given."""

from __future__ import annotations

import pytest

from samotop import NULL_PATH, Content, Envelope
from samotop.envelope import MailParameters
from samotop.facts import ConnectionFacts, ContentFacts, HelloFacts, MailFacts
from samotop.msgauth.arc import ArcResult
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.dmarc import DmarcResult, Policy, parse_record
from samotop.msgauth.results import Result
from samotop.peer import Peer
from samotop.policy.dmarc import check_dmarc
from samotop.verdict import Action, refusal_reply


def facts(found: Authentication | None) -> ContentFacts:
    hello = HelloFacts(ConnectionFacts(Peer("192.0.2.1"), "mx.example.org"), "client.example", True)
    mail = MailFacts(hello, NULL_PATH, MailParameters())
    return ContentFacts(mail, Envelope(NULL_PATH, (), MailParameters()), Content.from_bytes(b""), "1", found)


def dmarc(result: Result, policy: Policy = Policy.REJECT, record: str = "v=DMARC1; p=reject") -> DmarcResult:
    return DmarcResult(result, policy, "example.net", record=parse_record(record.encode()))


def test_a_failure_is_refused_where_the_domain_wants_that() -> None:
    verdict = check_dmarc(facts(Authentication(dmarc=dmarc(Result.FAIL))))
    reply = refusal_reply(verdict)
    assert (verdict.action, reply.code, str(reply.status)) == (Action.REJECT, 550, "5.7.26")


@pytest.mark.parametrize("policy", [Policy.NONE, Policy.QUARANTINE])
def test_a_softer_wish_refuses_nothing(policy: Policy) -> None:
    assert check_dmarc(facts(Authentication(dmarc=dmarc(Result.FAIL, policy)))).action is Action.ABSTAIN


@pytest.mark.parametrize("result", [Result.PASS, Result.NONE, Result.PERMERROR])
def test_what_does_not_fail_is_not_refused(result: Result) -> None:
    assert check_dmarc(facts(Authentication(dmarc=dmarc(result)))).action is Action.ABSTAIN


def test_a_domain_that_is_testing_gets_one_level_less() -> None:
    """RFC 9989 §4.7: t=y."""
    found = Authentication(dmarc=dmarc(Result.FAIL, record="v=DMARC1; p=reject; t=y"))
    assert check_dmarc(facts(found)).action is Action.ABSTAIN


def test_a_trusted_sealer_explains_a_failure() -> None:
    found = Authentication(dmarc=dmarc(Result.FAIL), explained_by="lists.example")
    assert check_dmarc(facts(found)).action is Action.ABSTAIN


def test_what_dns_could_not_tell_is_asked_to_come_back() -> None:
    verdict = check_dmarc(facts(Authentication(dmarc=dmarc(Result.TEMPERROR))))
    reply = refusal_reply(verdict)
    assert (verdict.action, reply.code, str(reply.status)) == (Action.DEFER, 450, "4.7.26")


def test_a_trusted_chain_that_dns_kept_back_might_have_explained_it() -> None:
    found = Authentication(dmarc=dmarc(Result.FAIL), might_be_explained=True)
    assert check_dmarc(facts(found)).action is Action.DEFER


def test_a_chain_of_anybody_that_dns_kept_back_puts_nothing_off() -> None:
    """Else a forger would only have to add one."""
    found = Authentication(dmarc=dmarc(Result.FAIL), arc=ArcResult(Result.FAIL, is_temporary=True))
    assert check_dmarc(facts(found)).action is Action.REJECT


def test_a_crowd_of_authors_hides_somebody() -> None:
    """There are more domains than are evaluated, so that nobody knows what each of them wants."""
    found = Authentication(dmarc=DmarcResult(Result.FAIL, reason="more than 4 author's domains"))
    assert check_dmarc(facts(found)).action is Action.REJECT


def test_without_results_there_is_no_opinion() -> None:
    assert check_dmarc(facts(None)).action is Action.ABSTAIN
    assert check_dmarc(facts(Authentication())).action is Action.ABSTAIN
