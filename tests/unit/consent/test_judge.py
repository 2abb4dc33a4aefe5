"""Where a message goes, for each combination of standing, evidence and the owner's wish."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from samotop.consent.contact import Binding, Contact, Origin, Standing, bind
from samotop.consent.evidence import NO_EVIDENCE, Evidence
from samotop.consent.identity import Identity, IdentityKind
from samotop.consent.judge import Case, Place, TagUse, judge
from samotop.consent.wishes import Bounces, Unknown, Wishes

NOW = 1_800_000_000.0
BOB = Identity(IdentityKind.ADDRESS, "bob@example.net")
NET = Identity(IdentityKind.DOMAIN, "example.net")
LIST = Identity(IdentityKind.LIST, "friends.lists.example")
PROVEN = Evidence("example.net", ("dkim",), ("example.net",), network="192.0.2.0/24")
BY_LIST = Evidence(signers=("lists.example",), network="198.51.100.0/24")
WEAK = Evidence(network="192.0.2.0/24", reverse_name="mail1.example.net")
UNPROVEN = Evidence(network="203.0.113.0/24")
CASE = Case(NOW, (BOB, NET), PROVEN)


def approved(identity: Identity = BOB, binding: Binding = Binding()) -> Contact:
    return Contact(identity, Standing.APPROVED, binding)


def rejected(identity: Identity = BOB, binding: Binding = Binding()) -> Contact:
    return Contact(identity, Standing.REJECTED, binding)


def knows(case: Case, *contacts: Contact) -> Case:
    return replace(case, contacts={one.identity: one for one in contacts})


@pytest.mark.parametrize(
    ("contact", "evidence", "place", "code"),
    [
        (approved(), PROVEN, Place.INBOX, "approved"),
        (approved(binding=Binding("example.net")), PROVEN, Place.INBOX, "approved"),
        (approved(NET), PROVEN, Place.INBOX, "approved"),
        (approved(), UNPROVEN, Place.DEFERRED, "differs"),
        (approved(NET), UNPROVEN, Place.DEFERRED, "differs"),
        (approved(binding=Binding("example.net", "aa")), PROVEN, Place.REQUESTS, "differs"),
        (
            approved(binding=Binding("example.net", "aa")),
            replace(PROVEN, keys=frozenset({"aa"})),
            Place.INBOX,
            "approved",
        ),
        (approved(binding=Binding(network="192.0.2.0/24")), WEAK, Place.INBOX, "approved"),
        (approved(binding=Binding(reverse_name="mail9.example.net")), WEAK, Place.INBOX, "approved"),
        (approved(binding=Binding(network="192.0.2.0/24")), UNPROVEN, Place.DEFERRED, "differs"),
        (approved(binding=Binding(network="192.0.2.0/24")), PROVEN, Place.INBOX, "approved"),
        (rejected(), PROVEN, Place.REFUSED, "rejected"),
        (rejected(), UNPROVEN, Place.REFUSED, "rejected"),
        (rejected(NET), PROVEN, Place.REFUSED, "rejected"),
        (rejected(binding=Binding("example.net")), PROVEN, Place.REFUSED, "rejected"),
        (rejected(binding=Binding("example.net")), UNPROVEN, Place.DEFERRED, "greylist"),
    ],
)
def test_a_decision_counts_for_whom_it_was_about(contact: Contact, evidence: Evidence, place: Place, code: str) -> None:
    found = judge(knows(replace(CASE, evidence=evidence), contact))
    assert (found.place, found.code) == (place, code)


@pytest.mark.parametrize("wish", list(Unknown))
@pytest.mark.parametrize("evidence", [PROVEN, WEAK, UNPROVEN, NO_EVIDENCE])
@pytest.mark.parametrize("has_waited", [False, True])
@pytest.mark.parametrize(
    "contact", [approved(binding=Binding("example.net", "pinned")), rejected(binding=Binding("x.example"))]
)
def test_nobody_learns_from_an_answer_whom_the_owner_knows(
    wish: Unknown, evidence: Evidence, has_waited: bool, contact: Contact
) -> None:
    """Who claims a known name without its evidence hears what a stranger hears: 250 is 250, wherever it goes."""
    case = replace(CASE, evidence=evidence, has_waited=has_waited)
    heard = {Place.INBOX: 250, Place.REQUESTS: 250, Place.DEFERRED: 450, Place.REFUSED: 550}
    stranger, claimant = judge(case, Wishes(wish)), judge(knows(case, contact), Wishes(wish))
    assert heard[claimant.place] == heard[stranger.place]
    assert contact.standing is Standing.REJECTED or claimant.place is not Place.INBOX


@pytest.mark.parametrize(
    ("wish", "evidence", "first_seen", "has_waited", "place", "flagged"),
    [
        (Unknown.ACCEPT, UNPROVEN, None, False, Place.INBOX, False),
        (Unknown.REQUEST, PROVEN, None, False, Place.REQUESTS, False),
        (Unknown.REQUEST, UNPROVEN, None, False, Place.DEFERRED, False),
        (Unknown.REQUEST, UNPROVEN, NOW - 600, True, Place.REQUESTS, True),
        (Unknown.DEFER, PROVEN, None, False, Place.DEFERRED, False),
        (Unknown.DEFER, PROVEN, NOW - 4 * 3600 + 1, True, Place.DEFERRED, False),
        (Unknown.DEFER, PROVEN, NOW - 4 * 3600, True, Place.REQUESTS, False),
        (Unknown.DEFER, UNPROVEN, NOW - 4 * 3600, True, Place.REQUESTS, True),
    ],
)
def test_the_unknown_are_treated_as_the_owner_wishes(
    wish: Unknown, evidence: Evidence, first_seen: float | None, has_waited: bool, place: Place, flagged: bool
) -> None:
    case = replace(CASE, evidence=evidence, first_seen=first_seen, has_waited=has_waited)
    found = judge(case, Wishes(wish))
    assert (found.place, found.is_flagged) == (place, flagged)


def test_a_list_is_looked_up_before_its_author() -> None:
    case = replace(CASE, identities=(LIST, BOB, NET), evidence=BY_LIST)
    assert judge(knows(case, approved(LIST, Binding("lists.example")), rejected())).code == "approved"
    assert judge(knows(case, rejected(LIST, Binding("lists.example")), approved())).code == "rejected"


def test_a_forged_list_does_not_come_in_on_its_authors_approval() -> None:
    case = replace(CASE, identities=(LIST, BOB, NET), evidence=UNPROVEN, has_waited=True)
    found = judge(knows(case, approved(LIST, Binding("lists.example")), approved()))
    assert (found.place, found.is_flagged) == (Place.REQUESTS, True)
    assert found.reason == (
        "claims to come from list:friends.lists.example, which lists.example signs; this is not signed by lists.example"
    )


def test_what_differs_is_said_in_words() -> None:
    case = replace(CASE, evidence=UNPROVEN, has_waited=True)
    found = judge(knows(case, approved(binding=Binding("example.net"))))
    assert (
        found.reason == "claims to be bob@example.net; mail of bob@example.net was proven by example.net, this is not"
    )


def test_a_decision_ends_with_its_time() -> None:
    case = knows(CASE, replace(approved(), expires_at=NOW))
    assert judge(case).code == "unknown"
    assert judge(replace(case, now=NOW - 1)).code == "approved"


def test_an_answer_comes_in_and_makes_its_network_known() -> None:
    """A correspondent who signs nothing could never answer otherwise: writing to them approved their address alone."""
    case = knows(replace(CASE, evidence=WEAK, is_answer=True), approved())
    found = judge(case)
    assert found.place is Place.INBOX
    assert found.learned is not None
    assert found.learned.binding == Binding(network="192.0.2.0/24", reverse_name="mail1.example.net")
    assert judge(knows(replace(CASE, evidence=WEAK), found.learned)).place is Place.INBOX


def test_an_answer_by_somebody_rejected_does_not_come_in() -> None:
    assert judge(knows(replace(CASE, is_answer=True), rejected())).place is Place.REFUSED


def test_an_invitation_approves_who_brings_it() -> None:
    found = judge(replace(CASE, tag=TagUse("join", is_invitation=True)))
    assert found.learned == Contact(BOB, Standing.APPROVED, Binding("example.net"), Origin.INVITED, NOW)


@pytest.mark.parametrize(("evidence", "place"), [(PROVEN, Place.INBOX), (UNPROVEN, Place.DEFERRED)])
def test_expected_strangers_must_prove_who_they_are(evidence: Evidence, place: Place) -> None:
    assert judge(replace(CASE, evidence=evidence, expected="you expect somebody")).place is place


@pytest.mark.parametrize(("bounces", "place"), [(Bounces.HOLD, Place.REQUESTS), (Bounces.REFUSE, Place.REFUSED)])
def test_notifications_about_mail_of_others_are_held(bounces: Bounces, place: Place) -> None:
    case = replace(CASE, identities=(), evidence=UNPROVEN, is_notification=True)
    assert judge(case, Wishes(bounces=bounces)).place is place
    assert judge(replace(case, is_answer=True), Wishes(bounces=bounces)).place is Place.INBOX


def test_who_takes_everybody_takes_notifications_too() -> None:
    case = replace(CASE, identities=(), evidence=UNPROVEN, is_notification=True)
    assert judge(case, Wishes(Unknown.ACCEPT)).place is Place.INBOX
    assert judge(case, Wishes(Unknown.ACCEPT, bounces=Bounces.REFUSE)).place is Place.REFUSED


class TestTags:
    SHOP = Contact(Identity(IdentityKind.ADDRESS, "news@shop.example"), Standing.APPROVED, Binding("shop.example"))

    def test_who_comes_first_has_it(self) -> None:
        found = judge(replace(CASE, tag=TagUse("shop", is_keyed=True)))
        assert (found.place, found.code) == (Place.INBOX, "tag-taken")
        assert found.learned is not None
        assert found.learned.origin is Origin.TAG

    @pytest.mark.parametrize(("evidence", "place"), [(PROVEN, Place.REQUESTS), (UNPROVEN, Place.DEFERRED)])
    def test_of_one_that_can_be_guessed_the_owner_is_asked(self, evidence: Evidence, place: Place) -> None:
        """Otherwise every spammer would think of one."""
        assert judge(replace(CASE, evidence=evidence, tag=TagUse("shop"))).place is place

    def test_its_holders_organization_may_use_it(self) -> None:
        other = Identity(IdentityKind.ADDRESS, "orders@shop.example")
        case = Case(NOW, (other,), Evidence("shop.example", ("spf",)), tag=TagUse("shop", self.SHOP))
        assert judge(case).place is Place.INBOX

    def test_anybody_else_shows_who_passed_it_on(self) -> None:
        found = judge(replace(CASE, tag=TagUse("shop", self.SHOP)))
        assert (found.place, found.code) == (Place.REQUESTS, "tag-leaked")
        assert "news@shop.example" in found.reason

    def test_one_that_ended_takes_nothing(self) -> None:
        case = knows(replace(CASE, tag=TagUse("shop", ended="was revoked")), approved())
        assert judge(case).place is Place.REFUSED


def test_without_an_author_nobody_is_known() -> None:
    case = Case(NOW, (), UNPROVEN, no_author="2 From fields", has_waited=True)
    found = judge(case)
    assert (found.place, found.code) == (Place.REQUESTS, "no-author")


@pytest.mark.parametrize("binding", [Binding("example.net"), Binding("example.net", "aa")])
@pytest.mark.parametrize("brought", [{"is_answer": True}, {"tag": TagUse("join", is_invitation=True)}])
def test_what_a_forger_may_have_seen_is_no_evidence(binding: Binding, brought: dict[str, Any]) -> None:
    """Message-IDs stand in the archives of lists, and invitations on web pages: Bob's domain has proven him before."""
    found = judge(
        knows(replace(CASE, evidence=UNPROVEN, **brought), approved(binding=binding)), Wishes(greylists=False)
    )
    assert (found.place, found.code, found.learned) == (Place.REQUESTS, "differs", None)


def test_a_notification_is_no_answer_of_whom_it_names_as_its_author() -> None:
    """Whom a message went to is not compared with a notification's author, so that it could be anybody."""
    case = replace(CASE, evidence=WEAK, is_answer=True, is_notification=True)
    found = judge(knows(case, approved()), Wishes(greylists=False))
    assert (found.place, found.learned) == (Place.REQUESTS, None)


def test_an_approved_domain_may_notify_without_a_signature() -> None:
    """Most notifications are not signed, and this one is about the owner's own message."""
    case = replace(CASE, evidence=UNPROVEN, is_answer=True, is_notification=True)
    assert judge(knows(case, approved(NET, Binding("example.net")))).code == "answer"


@pytest.mark.parametrize(
    ("known", "name"),
    [
        ("shop.co.uk", "spam.co.uk"),
        ("mail.com.br", "spam.com.br"),
        ("ec2-192-0-2-1.compute.example.com", "ec2-203-0-113-9.compute.example.com"),
        ("p5b0c1234.dip0.example.net", "p5b0c9999.dip0.example.net"),
    ],
)
def test_a_provider_is_no_site(known: str, name: str) -> None:
    """Everybody may have a host beside one's correspondent there."""
    case = replace(CASE, evidence=Evidence(network="203.0.113.0/24", reverse_name=name))
    assert judge(knows(case, approved(binding=Binding("", "", "192.0.2.0/24", known)))).code == "differs"
    same = replace(case, evidence=replace(case.evidence, reverse_name=known))
    assert judge(knows(same, approved(binding=Binding("", "", "192.0.2.0/24", known)))).code == "approved"


def test_a_list_that_spf_alone_proves_is_met_again() -> None:
    """A shop's news: approved with what its request brought, the same evidence must do."""
    evidence = Evidence("example.net", ("spf",), network="192.0.2.0/24")
    news = Identity(IdentityKind.LIST, "news.example.net")
    case = replace(CASE, identities=(news, BOB, NET), evidence=evidence)
    assert judge(knows(case, approved(news, bind(news, evidence)))).code == "approved"
