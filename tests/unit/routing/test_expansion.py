"""Whom aliases and lists stand for, under which sender, and that it always ends."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.address import NULL_PATH, Address, ReversePath
from samotop.envelope import Envelope, MailParameters, Notify, Placement, Recipient, Ret
from samotop.routing import Mailbox, Rewrite, Route, Router, RoutingRules, Unknown, parse_via
from samotop.routing.addressbook import ADDRESSES_LIMIT, AddressBook, TooManyAddresses
from samotop.routing.aliases import Alias, AliasRules, MailingList
from samotop.routing.destinations import Destination, Expanding, Local, Returning
from samotop.routing.expansion import Expansion, plan_expansion
from samotop.routing.srs import SrsRules, rewrite_sender
from tests.fakes.queue import FakeAccounts, parse

DOMAINS = ("example.org", "second.example")
SRS = SrsRules("example.org", (b"secret",))
DAY = 20000
SENDER = parse("eve@sender.example")
FRIENDS = MailingList("friends@example.org", ("alice", "dora@elsewhere.example"), "bob", "Friends")


def make_book(
    *aliases: Alias,
    lists: Sequence[MailingList] = (),
    rules: RoutingRules = RoutingRules(DOMAINS),
    accounts: Sequence[str] = ("alice", "bob"),
) -> AddressBook:
    return AddressBook(AliasRules(DOMAINS, aliases, tuple(lists)), Router(rules, FakeAccounts(*accounts)), SRS)


def expand(book: AddressBook, *recipients: str | Recipient, sender: ReversePath = SENDER) -> Expansion:
    each = tuple(one if isinstance(one, Recipient) else Recipient(parse(one)) for one in recipients)
    return plan_expansion(Envelope(sender, each), book, DAY)


def told(expansion: Expansion) -> dict[str, list[str]]:
    """Reverse-path to recipients."""
    return {
        str(one.envelope.reverse_path): [str(recipient.address) for recipient in one.envelope.recipients]
        for one in expansion.planned
    }


def rewritten(sender: str) -> str:
    return str(rewrite_sender(parse(sender), SRS, DAY))


def test_who_stands_for_nobody_else_stays() -> None:
    """The usual message is not touched: the same envelope, not one like it."""
    book = make_book(Alias("team@example.org", ("alice",)))
    envelope = Envelope(SENDER, (Recipient(parse("alice@example.org")), Recipient(parse("x@foreign.example"))))
    (planned,) = plan_expansion(envelope, book, DAY).planned
    assert planned.envelope is envelope and planned.is_unchanged


def test_an_alias_for_accounts_keeps_the_reverse_path() -> None:
    """RFC 5321 §3.9.1; one envelope, whose content is what arrived."""
    book = make_book(Alias("team@example.org", ("alice", "bob@example.org")))
    (planned,) = expand(book, "Team@Example.ORG").planned
    assert planned.is_unchanged and planned.envelope.reverse_path == SENDER
    assert [str(one.address) for one in planned.envelope.recipients] == ["alice@example.org", "bob@example.org"]
    assert {one.original for one in planned.envelope.recipients} == {"rfc822;Team@Example.ORG"}


def test_what_is_forwarded_has_a_sender_of_ours() -> None:
    """SPF of the sender's domain does not know us; the copy says by which alias it came."""
    book = make_book(Alias("team@example.org", ("alice", "carol@elsewhere.example")))
    expansion = expand(book, "team@example.org")
    assert told(expansion) == {
        "eve@sender.example": ["alice@example.org"],
        rewritten("eve@sender.example"): ["carol@elsewhere.example"],
    }
    assert [one.marks for one in expansion.planned] == [(), ("team@example.org",)]


def test_all_who_leave_by_one_address_share_an_entry() -> None:
    """Each entry has a copy of the content: not one for each alias on the way. Two recipients have two, as one must
    not be told of the other, who may have been a Bcc."""
    book = make_book(
        Alias("all@example.org", ("team@example.org", "x@elsewhere.example", "local@example.org")),
        Alias("team@example.org", ("y@elsewhere.example",)),
        Alias("local@example.org", ("alice",)),
        Alias("more@example.org", ("z@elsewhere.example",)),
    )
    here, there, other = expand(book, "all@example.org", "more@example.org").planned
    assert here.is_unchanged
    assert there.marks == ("all@example.org", "team@example.org")
    assert [str(one.address) for one in there.envelope.recipients] == ["y@elsewhere.example", "x@elsewhere.example"]
    assert other.marks == ("more@example.org",)


@pytest.mark.parametrize("sender", [NULL_PATH, parse("alice@example.org"), parse("x@second.example")])
def test_no_sender_and_our_own_stay_when_forwarded(sender: ReversePath) -> None:
    """Nobody is told of a notification that fails; and our own domains' SPF knows us."""
    book = make_book(Alias("team@example.org", ("carol@elsewhere.example",)))
    (planned,) = expand(book, "team@example.org", sender=sender).planned
    assert planned.envelope.reverse_path == sender and planned.marks == ("team@example.org",)


def test_a_sender_too_long_to_rewrite_is_left_out() -> None:
    """Better no notification than no mail: and never somebody else's address."""
    book = make_book(Alias("team@example.org", ("carol@elsewhere.example",)))
    (planned,) = expand(book, "team@example.org", sender=Address("x" * 200, "sender.example")).planned
    assert planned.envelope.reverse_path == NULL_PATH


def test_a_rewritten_sender_leads_back() -> None:
    """A notification to it goes to the original sender; a forged or old one to nobody."""
    book = make_book()
    back = rewritten("eve@sender.example")
    assert book.resolve(parse(back), DAY) == Returning(SENDER)
    assert told(expand(book, back, sender=NULL_PATH)) == {"": ["eve@sender.example"]}
    assert book.resolve(parse(back.replace("example.org", "Second.example")), DAY) == Returning(SENDER)
    assert book.resolve(parse(back), DAY + 22) == Unknown()
    assert book.resolve(parse(back.replace("eve", "mallory")), DAY) == Unknown()


def test_nobody_gets_two_copies() -> None:
    """Who is named himself gets the message as such, whatever else leads to him."""
    book = make_book(
        Alias("team@example.org", ("alice", "bob", "ALICE@example.org")),
        Alias("all@example.org", ("team@example.org", "bob")),
        lists=[FRIENDS],
    )
    expansion = expand(book, "team@example.org", "alice@example.org", "all@example.org", "friends@example.org")
    assert told(expansion) == {
        "eve@sender.example": ["alice@example.org", "bob@example.org"],
        "friends-bounces@example.org": ["dora@elsewhere.example"],
    }
    assert expansion.planned[0].envelope.recipients[0].original is None


def test_a_list_sends_in_its_own_name() -> None:
    """RFC 5321 §3.9.2, RFC 3461 §5.2.7: one envelope for all members, and none of its author's wishes."""
    book = make_book(lists=[FRIENDS])
    envelope = Envelope(
        SENDER,
        (Recipient(parse("friends@example.org"), Notify.SUCCESS | Notify.DELAY, "rfc822;x@y"),),
        MailParameters(ret=Ret.FULL, envelope_id="e1", is_utf8=True),
    )
    expansion = plan_expansion(envelope, book, DAY)
    (planned,) = expansion.planned
    assert str(planned.envelope.reverse_path) == "friends-bounces@example.org"
    assert planned.list == FRIENDS and planned.marks == ("friends@example.org",)
    assert planned.envelope.parameters == MailParameters(is_utf8=True)
    assert planned.envelope.recipients == (
        Recipient(parse("alice@example.org"), Notify.FAILURE),
        Recipient(parse("dora@elsewhere.example"), Notify.FAILURE),
    )
    assert expansion.posted == envelope.recipients and not expansion.expanded


@pytest.mark.parametrize("address", ["friends-owner@example.org", "friends-bounces@example.org"])
def test_a_lists_owner_has_its_other_addresses(address: str) -> None:
    """Who writes to them writes to a person."""
    assert told(expand(make_book(lists=[FRIENDS]), address)) == {"eve@sender.example": ["bob@example.org"]}


def test_a_notification_to_a_list_goes_to_its_owner() -> None:
    """Not refused at RCPT, as our own notifications are not: the members must not get it all the same."""
    book = make_book(lists=[FRIENDS])
    assert told(expand(book, "friends@example.org", sender=NULL_PATH)) == {"": ["bob@example.org"]}


@pytest.mark.parametrize(
    ("to", "given", "expected", "is_expanded"),
    [
        (("alice",), Notify.SUCCESS | Notify.FAILURE, Notify.SUCCESS | Notify.FAILURE, False),
        (("alice", "bob"), Notify.SUCCESS | Notify.FAILURE, Notify.FAILURE, True),
        (("alice", "bob"), Notify.SUCCESS, Notify.NEVER, True),
        (("alice", "bob"), Notify.NEVER, Notify.NEVER, False),
        (("alice", "bob"), None, None, False),
    ],
)
def test_wishes_go_through_aliases(
    to: tuple[str, ...], given: Notify | None, expected: Notify | None, is_expanded: bool
) -> None:
    """RFC 3461 §5.2.7.3: one address gets all of them; several all but SUCCESS, which the alias itself answers."""
    recipient = Recipient(parse("team@example.org"), given, "rfc822;first@example.com")
    expansion = expand(make_book(Alias("team", to)), recipient)
    for one in expansion.planned[0].envelope.recipients:
        assert (one.notify, one.original) == (expected, "rfc822;first@example.com")
    assert (expansion.expanded == (recipient,)) is is_expanded


def test_a_name_without_a_domain_is_in_every_domain_served() -> None:
    """``postmaster`` once, for all of them; and for ``<postmaster>``, which has none."""
    book = make_book(Alias("postmaster", ("bob",)))
    for address in ("postmaster@example.org", "postmaster@second.example"):
        assert told(expand(book, address)) == {"eve@sender.example": ["bob@example.org"]}
    assert told(expand(book, Recipient(Address("Postmaster", "")))) == {"eve@sender.example": ["bob@example.org"]}


def test_an_account_forwards_its_own_address_and_keeps_a_copy() -> None:
    """As an account's name, and as the address itself: that means the mailbox then."""
    for own in ("alice", "alice@example.org"):
        book = make_book(Alias("alice@example.org", (own, "carol@elsewhere.example")))
        assert told(expand(book, "alice@example.org")) == {
            "eve@sender.example": ["alice@example.org"],
            rewritten("eve@sender.example"): ["carol@elsewhere.example"],
        }


def test_circles_end() -> None:
    """Whom nobody has but a circle is nobody's; who else is on the way gets one copy."""
    book = make_book(
        Alias("a@example.org", ("b@example.org",)),
        Alias("b@example.org", ("c@example.org", "bob")),
        Alias("c@example.org", ("a@example.org",)),
        Alias("d@example.org", ("e@example.org",)),
        Alias("e@example.org", ("d@example.org",)),
    )
    assert told(expand(book, "c@example.org")) == {"eve@sender.example": ["bob@example.org"]}
    assert book.resolve(parse("a@example.org"), DAY) == Expanding()
    assert book.resolve(parse("d@example.org"), DAY) == Unknown()


def test_an_alias_comes_after_routes_and_before_mailboxes() -> None:
    """And rewritings before both: as ``router`` has it for the rest."""
    rules = RoutingRules(
        ("example.org",),
        (Mailbox("alice", addresses=("sales@example.org",)),),
        (Rewrite(r"old-(.*)@example\.org", r"\1@example.org"),),
        (Route("routed@example.org", parse_via("discard")),),
    )
    book = make_book(
        Alias("sales@example.org", ("bob",)),
        Alias("routed@example.org", ("bob",)),
        rules=rules,
    )
    assert told(expand(book, "old-sales@example.org")) == {"eve@sender.example": ["bob@example.org"]}
    assert told(expand(book, "routed@example.org")) == {"eve@sender.example": ["routed@example.org"]}


def test_an_account_is_reached_by_an_address_that_it_has() -> None:
    """Whatever its mailbox claims; one that is gone is left out."""
    mailboxes = (
        Mailbox("alice", addresses=("a.liddell@example.org",)),
        Mailbox("bob", smart=("b+*@second.example",)),
        Mailbox("carol", domains=("catchall.example",)),
        Mailbox("dan", smart=("*@dan.example.org",)),
    )
    names = ("alice", "bob", "carol", "dan", "gone")
    book = make_book(
        Alias("team@example.org", names),
        rules=RoutingRules(DOMAINS, mailboxes),
        accounts=names[:-1],
    )
    (planned,) = expand(book, "team@example.org").planned
    found = [book.router.resolve(one.address) for one in planned.envelope.recipients]
    assert found == [Local(name) for name in names[:-1]]


def test_who_has_gone_since_rcpt_is_not_lost() -> None:
    """Delivery finds nobody at the alias's own address, and says so to the sender."""
    book = make_book(Alias("team@example.org", ("gone",)))
    assert told(expand(book, "team@example.org")) == {"eve@sender.example": ["team@example.org"]}


def test_an_alias_may_be_shared_with_its_accounts() -> None:
    """Who gets the mail of an address may answer it, where the operator says so."""
    book = make_book(
        Alias("shared@example.org", ("alice", "friends@example.org"), is_shared=True),
        Alias("team@example.org", ("alice",)),
        lists=[MailingList("friends@example.org", ("bob",), "alice")],
    )
    assert book.may_write_as("alice", parse("shared@example.org"))
    assert not book.may_write_as("bob", parse("shared@example.org"))
    assert not book.may_write_as("alice", parse("team@example.org"))


def test_a_target_beyond_ascii_needs_smtputf8() -> None:
    """The sender's message did not; whoever has such an address takes it."""
    book = make_book(Alias("team@example.org", ("alice", "d\u00f6ra@elsewhere.example")))
    flags = [one.envelope.parameters.is_utf8 for one in expand(book, "team@example.org").planned]
    assert flags == [False, True]


def test_too_many_addresses_are_a_fault() -> None:
    """And not a part of them: nobody would know who got the message."""
    members = tuple(f"m{number}@elsewhere.example" for number in range(ADDRESSES_LIMIT))
    book = make_book(lists=[MailingList("friends@example.org", members, "bob")])
    assert len(expand(book, "friends@example.org").planned[0].envelope.recipients) == ADDRESSES_LIMIT
    book = make_book(lists=[MailingList("friends@example.org", (*members, "alice"), "bob")])
    with pytest.raises(TooManyAddresses):
        expand(book, "friends@example.org")


NAMES = [f"{name}@example.org" for name in "abcdef"]
TARGETS = st.sampled_from([*NAMES, "alice", "bob", "gone", "x@foreign.example", "y@foreign.example"])


def test_who_is_named_a_hundred_times_is_followed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger names a large list in every RCPT: nobody else may wait for what that would cost."""
    large = MailingList("large@example.org", tuple(f"m{number}@elsewhere.example" for number in range(500)), "bob")
    book = make_book(lists=[large])
    asked = 0
    resolve = book.router.resolve

    def counted(address: Address) -> Destination:
        nonlocal asked
        asked += 1
        return resolve(address)

    monkeypatch.setattr(book.router, "resolve", counted)
    expansion = expand(book, *["large@example.org", "LARGE@Example.org"] * 50)
    assert [len(one.envelope.recipients) for one in expansion.planned] == [500]
    assert asked < 2000


@given(st.lists(st.lists(TARGETS, min_size=1, max_size=6), max_size=6), st.lists(st.sampled_from(NAMES), min_size=1))
def test_whatever_is_written_down_it_ends_and_doubles_nobody(table: list[list[str]], recipients: list[str]) -> None:
    """Each alias is followed once: no table makes a walk long, and nobody is in two envelopes."""
    aliases = [Alias(name, tuple(to)) for name, to in zip(NAMES, table, strict=False)]
    expansion = expand(make_book(*aliases), *dict.fromkeys(recipients))
    reached = [str(one.address) for planned in expansion.planned for one in planned.envelope.recipients]
    assert len(reached) == len(set(reached))
    assert set(reached) <= {
        *recipients,
        "alice@example.org",
        "bob@example.org",
        "x@foreign.example",
        "y@foreign.example",
    }


def test_what_owners_said_goes_with_their_copies() -> None:
    """And with nobody else's: what leaves for another server has no folder."""
    book = make_book(Alias("team@example.org", ("alice", "bob", "x@elsewhere.example")))
    copies = (
        Placement(parse("Alice@example.org"), "Requests", "unknown: unknown"),
        Placement(parse("bob@example.org"), "", "approved: you approved them"),
    )
    found = expand(book, Recipient(parse("team@example.org"), folder="Junk", copies=copies))
    said = {str(one.address): (one.folder, one.verdict) for each in found.planned for one in each.envelope.recipients}
    assert said == {
        "alice@example.org": ("Requests", "unknown: unknown"),
        "bob@example.org": ("", "approved: you approved them"),
        "x@elsewhere.example": ("", ""),
    }
    assert not any(one.copies for each in found.planned for one in each.envelope.recipients)


def test_what_was_said_of_an_alias_for_one_account_is_said_of_it() -> None:
    """It was asked as that account."""
    book = make_book(Alias("info@example.org", ("alice",)))
    (planned,) = expand(book, Recipient(parse("info@example.org"), folder="Requests", verdict="unknown: x")).planned
    (one,) = planned.envelope.recipients
    assert (str(one.address), one.folder, one.verdict) == ("alice@example.org", "Requests", "unknown: x")


def test_a_list_takes_its_members_folders_along() -> None:
    book = make_book(lists=(FRIENDS,))
    copies = (Placement(parse("alice@example.org"), "Requests", "unknown: x"),)
    found = expand(book, Recipient(parse("friends@example.org"), copies=copies))
    said = {str(one.address): one.folder for each in found.planned for one in each.envelope.recipients}
    assert said == {"alice@example.org": "Requests", "dora@elsewhere.example": ""}
