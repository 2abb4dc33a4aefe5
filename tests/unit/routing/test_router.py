"""Who gets what: priorities, names of domains, and what must never be refused or opened."""

from __future__ import annotations

import pytest

from samotop.address import Address
from samotop.errors import SetupError
from samotop.routing import Foreign, Local, Mailbox, Rewrite, Route, Router, RoutingRules, Unknown, Via, parse_via
from tests.fakes.queue import FakeAccounts, parse

ALICE = Mailbox(
    "alice",
    addresses=("alice@example.org", "a.liddell@example.org"),
    smart=("alice+*@example.org", "*@alice.example.org"),
)
CATCHALL = Mailbox("alice", domains=("example.org",))
DISCARD = parse_via("discard")


def route(rules: RoutingRules, address: str, accounts: FakeAccounts | None = None) -> object:
    return Router(rules, accounts or FakeAccounts("alice", "bob")).resolve(parse(address))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("alice@example.org", Local("alice")),
        ("A.Liddell@EXAMPLE.org", Local("alice")),
        ("bob@example.org", Local("bob")),
        ("bob@second.example", Local("bob")),
        ("BOB@example.org", Local("bob")),
        ("alice+shop@example.org", Local("alice")),
        ("alice+@example.org", Local("alice")),
        ("anything@alice.example.org", Local("alice")),
        ("alice@second.example", Unknown()),
        ("carol@example.org", Unknown()),
        ("bob@alice.example.org", Local("alice")),
        ("bob@foreign.example", Foreign()),
        ("bob@[192.0.2.1]", Foreign()),
    ],
)
def test_users_and_patterns(address: str, expected: object) -> None:
    """An account with claims has those and no others; one without has its name at every domain."""
    assert route(RoutingRules(("example.org", "second.example"), (ALICE,)), address) == expected


def test_unclaimed_addresses_come_last() -> None:
    """A catch-all takes nothing from anybody."""
    rules = RoutingRules(("example.org",), (CATCHALL, Mailbox("bob", addresses=("sales@example.org",))))
    accounts = FakeAccounts("alice", "bob", "carol")
    assert route(rules, "sales@example.org", accounts) == Local("bob")
    assert route(rules, "carol@example.org", accounts) == Local("carol")
    assert route(rules, "alice@example.org", accounts) == Local("alice")
    assert route(rules, "nobody@example.org", accounts) == Local("alice")


def test_an_account_that_is_gone_has_no_addresses() -> None:
    """Its mail must be refused and not pile up, and no answer may outlive the account."""
    accounts = FakeAccounts("alice")
    router = Router(RoutingRules(("example.org",), (ALICE, CATCHALL)), accounts)
    address = parse("a.liddell@example.org")
    assert router.resolve(address) == Local("alice")
    accounts.known.clear()
    assert router.resolve(address) == Unknown()
    assert router.resolve(parse("alice+x@example.org")) == Unknown()


@pytest.mark.parametrize("local", ["../alice", "..", "alice/../bob", "/etc/passwd", "alice\0", "", "new", "."])
def test_a_local_part_is_never_a_path(local: str) -> None:
    """Path traversal through RCPT: a mailbox has the name of an account, or there is none."""
    router = Router(RoutingRules(("example.org",)), FakeAccounts("alice", "bob"))
    assert router.resolve(Address(local, "example.org")) == Unknown()
    caught = Router(RoutingRules(("example.org",), (CATCHALL,)), FakeAccounts("alice"))
    assert caught.resolve(Address(local, "example.org")) == Local("alice")


@pytest.mark.parametrize("name", ["postmaster", "Postmaster", "ABUSE", "abuse"])
def test_somebody_gets_what_every_domain_answers_for(name: str) -> None:
    """RFC 5321 §4.5.1 and RFC 2142: these must be accepted."""
    address = f"{name}@example.org"
    accounts = FakeAccounts("carol", "bob")
    assert route(RoutingRules(("example.org",)), address, accounts) == Local("bob")
    assert route(RoutingRules(("example.org",), (Mailbox("carol", ("x@example.org",)),)), address, accounts) == Local(
        "carol"
    )
    assert route(RoutingRules(("example.org",), postmaster="carol"), address, accounts) == Local("carol")
    assert route(RoutingRules(("example.org",), (CATCHALL,), postmaster="bob"), address, accounts) == Local("bob")
    assert route(
        RoutingRules(("example.org",), (Mailbox("carol", (address,)),), postmaster="bob"), address, accounts
    ) == Local("carol")
    assert route(RoutingRules(("example.org",)), f"{name}@foreign.example", accounts) == Foreign()


def test_postmaster_without_a_domain() -> None:
    """The only address that may come without one."""
    router = Router(RoutingRules(("example.org",), postmaster="alice"), FakeAccounts("alice", "bob"))
    assert router.resolve(Address("Postmaster", "")) == Local("alice")
    assert Router(RoutingRules(("example.org",)), FakeAccounts()).resolve(Address("postmaster", "")) == Unknown()


@pytest.mark.parametrize(
    ("served", "asked", "expected"),
    [
        ("xn--bcher-kva.example", "bücher.example", Local("bob")),
        ("bücher.example", "xn--BCHER-kva.example", Local("bob")),
        ("bücher.example", "BÜCHER.example", Local("bob")),
        ("example.org", "example.org.", Local("bob")),
        ("example.org", "\u2488.example", Unknown()),
        ("example.org", "bücher.example", Foreign()),
    ],
)
def test_domains_compare_as_a_labels(served: str, asked: str, expected: object) -> None:
    """One domain has two spellings; what is neither is nobody's."""
    router = Router(RoutingRules((served,)), FakeAccounts("bob"))
    assert router.resolve(Address("bob", asked)) == expected


def test_local_parts_beyond_ascii_compare_composed() -> None:
    """Two ways to type one letter are one mailbox."""
    rules = RoutingRules(("example.org",), (Mailbox("bob", ("ren\u00e9@example.org",)),))
    assert route(rules, "RENE\u0301@example.org") == Local("bob")


@pytest.mark.parametrize(
    ("match", "hits", "misses"),
    [
        ("lists.example", "x@Lists.Example", "x@a.lists.example"),
        ("x@lists.example", "X@lists.example", "y@lists.example"),
        ("*.lists.example", "x@a.lists.example", "x@lists.example"),
        ("list-*@example.org", "list-a@example.org", "list-a@other.example"),
        ("*@example.org", "bob@example.org", "bob@other.example"),
        ("*", "bob@anywhere.example", None),
        ("a*b*c@example.org", "axbxxc@example.org", "axcxb@example.org"),
        ("ab*ba@example.org", "abba@example.org", "aba@example.org"),
    ],
)
def test_routes_match_a_domain_an_address_or_a_pattern(match: str, hits: str, misses: str | None) -> None:
    """As the configuration's reference says."""
    rules = RoutingRules(("example.org",), routes=(Route(match, DISCARD),))
    assert route(rules, hits) == Via(Route(match, DISCARD))
    assert misses is None or not isinstance(route(rules, misses), Via)


def test_the_first_route_that_matches_wins_over_everything_else() -> None:
    """In the order written, whether found by name or by pattern, and before mailboxes."""
    first, second, third = (parse_via(f"maildir:{name}") for name in "abc")
    routes = (Route("li*@example.org", first), Route("example.org", second), Route("list@example.org", third))
    rules = RoutingRules(("example.org",), (CATCHALL,), routes=routes)
    assert route(rules, "list@example.org") == Via(routes[0])
    assert route(rules, "alice@example.org") == Via(routes[1])
    reverse = RoutingRules(("example.org",), routes=routes[::-1])
    assert route(reverse, "list@example.org") == Via(routes[2])
    assert route(reverse, "lift@example.org") == Via(routes[1])


@pytest.mark.parametrize(
    ("match", "via", "address", "needs"),
    [
        ("*", "smtp://hop.example", "x@foreign.example", True),
        ("x@*", "smtp://hop.example", "x@foreign.example", True),
        ("*", "smtp://hop.example", "x@example.org", False),
        ("*", "discard", "x@foreign.example", False),
        ("foreign.example", "smtp://hop.example", "x@foreign.example", False),
    ],
)
def test_a_careless_route_does_not_open_the_relay(match: str, via: str, address: str, needs: bool) -> None:
    """Everything to a next hop is what a smarthost looks like, and what spammers look for."""
    found = route(RoutingRules(("example.org",), routes=(Route(match, parse_via(via)),)), address)
    assert isinstance(found, Via)
    assert found.needs_permission is needs


def test_the_first_rewriting_that_matches_is_done_once() -> None:
    """An ordered list, and no loops."""
    rules = RoutingRules(
        ("example.org",),
        rewrites=(
            Rewrite(r"([^@]*)@old\.example", r"\1@example.org"),
            Rewrite(r"bob@example\.org", "nobody@example.org"),
            Rewrite(r"(.*)-x@.*", r"\1@old.example"),
            Rewrite(r"broken@.*", "bro\\\\ken"),
        ),
    )
    assert route(rules, "Bob@OLD.example") == Local("bob")
    assert route(rules, "bob@example.org") == Unknown()
    assert route(rules, "bob-x@example.org") == Foreign()
    assert route(rules, "broken@example.org") == Unknown()
    assert route(rules, "alice@example.org") == Local("alice")
    assert route(rules, f"{'b' * 400}@old.example") == Foreign()


@pytest.mark.parametrize(
    ("match", "to"),
    [
        ("(a+)+@x", "b@x"),
        ("(a|aa)*@x", "b@x"),
        ("((a*)b)+@x", "b@x"),
        ("(?:a*){2,}@x", "b@x"),
        ("(?P<n>a*)*@x", "b@x"),
        (".*.*.*.*@x", "b@x"),
        ("(unclosed@x", "b@x"),
        ("a@x", r"\1@x"),
        ("a@x", r"\g<name>@x"),
        ("a@x", "no address"),
    ],
)
def test_expressions_that_could_run_for_ever_or_not_at_all_are_refused(match: str, to: str) -> None:
    """The expression is ours, the address a stranger's: the one must not keep the other busy."""
    with pytest.raises(SetupError) as raised:
        Router(RoutingRules(("x",), rewrites=(Rewrite(match, to),)), FakeAccounts())
    assert raised.value.remedy


@pytest.mark.parametrize(
    "match", [r"([^@]*)@old\.example", r"(a|b)@x", r"[(*+]+@x", r"\(+a@x", r"(?i:a)@x", r"(.*)\.(.*)@(.*)", "a{3}@x"]
)
def test_usual_expressions_are_taken(match: str) -> None:
    """The rule must not be in the way."""
    Router(RoutingRules(("x",), rewrites=(Rewrite(match, "b@x"),)), FakeAccounts())


def test_the_worst_expression_that_is_taken_ends_in_time() -> None:
    """What the limits leave is cubic in 320 characters; a hang here would be the time limit's failure."""
    router = Router(RoutingRules(("x",), rewrites=(Rewrite("(.*)a(.*)a(.*)ab@x", "b@x"),)), FakeAccounts())
    assert router.resolve(Address("a" * 310, "x")) == Unknown()


@pytest.mark.parametrize("bad", ["alice", "@example.org", "alice@"])
def test_what_is_no_address_is_refused_at_once(bad: str) -> None:
    """A mistake in the configuration is found at the start."""
    with pytest.raises(SetupError):
        Router(RoutingRules(("x",), (Mailbox("alice", addresses=(bad,)),)), FakeAccounts())
