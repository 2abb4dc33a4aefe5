"""The reply to RCPT, by what routing found."""

from __future__ import annotations

import pytest

from samotop.address import NULL_PATH
from samotop.envelope import NO_PARAMETERS, Recipient
from samotop.facts import ConnectionFacts, HelloFacts, MailFacts, RecipientFacts
from samotop.peer import Peer
from samotop.policy.recipient import check_recipient
from samotop.routing import Destination, Foreign, Local, Route, Unknown, Via, parse_via
from samotop.verdict import Action, refusal_reply
from tests.fakes.queue import parse

FACTS = RecipientFacts(
    MailFacts(HelloFacts(ConnectionFacts(Peer(), "mx.example.org"), "a", True), NULL_PATH, NO_PARAMETERS),
    Recipient(parse("bob@example.org")),
)
ROUTE = Route("*", parse_via("smtp://hop.example"))


@pytest.mark.parametrize("may_relay", [True, False])
def test_nobody_is_550_5_1_1_for_everybody(may_relay: bool) -> None:
    """A login does not make a mailbox."""
    verdict = check_recipient(FACTS, Unknown(), may_relay)
    assert verdict.action is Action.REJECT
    assert refusal_reply(verdict).wire.startswith(b"550 5.1.1 ")


@pytest.mark.parametrize("destination", [Foreign(), Via(ROUTE, needs_permission=True)])
def test_relaying_is_for_those_who_may(destination: Destination) -> None:
    """The difference between a mail server and an open relay."""
    assert check_recipient(FACTS, destination, True).action is Action.ACCEPT
    assert refusal_reply(check_recipient(FACTS, destination, False)).wire.startswith(b"550 5.7.1 ")


@pytest.mark.parametrize("destination", [Local("bob"), Via(ROUTE)])
def test_what_has_a_destination_is_accepted(destination: Destination) -> None:
    """From anybody: that is what receiving mail is."""
    assert check_recipient(FACTS, destination, False).action is Action.ACCEPT
