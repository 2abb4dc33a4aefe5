"""Whatever is known, claimed and wished: strangers stay outside, and claims are answered as strangers are."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from samotop.consent.contact import Binding, Contact, Standing, compare
from samotop.consent.evidence import Evidence
from samotop.consent.identity import Identity, parse_identity
from samotop.consent.judge import Case, Place, TagUse, judge
from samotop.consent.wishes import Bounces, Unknown, Wishes

NOW = 1_800_000_000.0
NAMES = ("bob@example.net", "example.net", "list:friends.example.org", "eve@example.com", "example.com")
IDENTITIES = tuple(map(parse_identity, NAMES))
DOMAINS = ("", "example.net", "example.com", "example.org")
NETWORKS = ("", "192.0.2.0/24", "203.0.113.0/24")
HOSTS = ("", "mail.example.net", "a.host.example")
VISIBLE = {Place.INBOX: "250", Place.REQUESTS: "250", Place.JUNK: "250", Place.DEFERRED: "450", Place.REFUSED: "550"}

evidence = st.builds(
    Evidence,
    domain=st.sampled_from(DOMAINS),
    signers=st.lists(st.sampled_from(DOMAINS[1:]), max_size=2).map(tuple),
    keys=st.frozensets(st.sampled_from(("aa", "bb")), max_size=2),
    network=st.sampled_from(NETWORKS),
    reverse_name=st.sampled_from(HOSTS),
)
bindings = st.builds(
    Binding,
    st.sampled_from(DOMAINS),
    st.sampled_from(("", "aa", "cc")),
    st.sampled_from(NETWORKS),
    st.sampled_from(HOSTS),
)


@st.composite
def known(draw: st.DrawFn, standings: tuple[Standing, ...]) -> dict[Identity, Contact]:
    chosen = draw(st.lists(st.sampled_from(IDENTITIES), unique=True, max_size=3))
    return {one: Contact(one, draw(st.sampled_from(standings)), draw(bindings)) for one in chosen}


wishes = st.builds(
    Wishes, st.sampled_from(Unknown), st.just(4 * 3600.0), st.sampled_from(Bounces), greylists=st.booleans()
)
cases = st.builds(
    Case,
    now=st.just(NOW),
    identities=st.lists(st.sampled_from(IDENTITIES), unique=True, max_size=3).map(tuple),
    evidence=evidence,
    contacts=known((Standing.APPROVED, Standing.REJECTED)),
    is_notification=st.booleans(),
    expected=st.sampled_from(("", "you expect somebody")),
    tag=st.sampled_from((None, TagUse("shop"), TagUse("old", ended="was revoked"))),
    first_seen=st.sampled_from((None, NOW - 60, NOW - 5 * 3600)),
    has_waited=st.booleans(),
    no_author=st.sampled_from(("", "two From fields")),
)


@given(cases, wishes.filter(lambda one: one.unknown is not Unknown.ACCEPT))
def test_a_stranger_without_proof_is_never_in_the_inbox(case: Case, wishes: Wishes) -> None:
    """But by an answer, an invitation or a keyed address, which are not among these cases."""
    found = judge(case, wishes)
    if found.place is not Place.INBOX:
        return
    approved = [one for one in case.contacts.values() if one.standing is Standing.APPROVED]
    is_met = any(one.identity in case.identities and not compare(one, case.evidence) for one in approved)
    assert is_met or (case.evidence.is_proven and case.expected), found


@given(cases, wishes, known((Standing.APPROVED,)))
def test_a_claim_is_answered_as_a_stranger_is(case: Case, wishes: Wishes, contacts: dict[Identity, Contact]) -> None:
    """Whoever lacks the evidence learns nothing: what is replied is what would be replied if nobody were known."""
    unmet = {identity: one for identity, one in contacts.items() if compare(one, case.evidence)}
    case = replace(case, contacts=unmet, expected="")
    claim, stranger = judge(case, wishes), judge(replace(case, contacts={}), wishes)
    if case.is_notification or wishes.unknown is Unknown.ACCEPT:
        assert claim.place is not Place.REFUSED or stranger.place is Place.REFUSED
        return
    assert VISIBLE[claim.place] == VISIBLE[stranger.place]


@given(cases, wishes)
def test_nothing_is_dropped_and_everything_has_its_reason(case: Case, wishes: Wishes) -> None:
    found = judge(case, wishes)
    assert found.place in VISIBLE
    assert found.code
    assert found.reason
