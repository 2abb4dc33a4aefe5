"""`samotop queue`: what the operator sees and does."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from samotop.address import Address
from samotop.cli import main
from samotop.cli.show import clean, format_age, format_octets, without_addresses
from samotop.envelope import Envelope, MailParameters, Recipient
from samotop.net.clock import SystemClock
from samotop.ports.spool import NewEntry, SpoolFault
from samotop.queue.deadlines import UNATTENDED_AFTER
from samotop.queue.entry import Pending, Protection, Settled, State, Trace
from samotop.store.database import Database
from samotop.store.spool import SqliteSpool

CONTENT = b"Subject: Hello\r\n\r\nHi\r\n"


@pytest.fixture
def ids(home: Path) -> list[str]:
    """Two queued messages and a held one, whose reason names somebody."""
    envelope = Envelope(Address("carol", "example.net"), (Recipient(Address("al\x1b[2Jice", "example.org")),))
    states = ((State.QUEUED, ""), (State.QUEUED, ""), (State.HELD, "550 bob@example.net is full"))
    return [queue_one(home, envelope, state, reason) for state, reason in states]


def queue_one(home: Path, envelope: Envelope, state: State = State.QUEUED, reason: str = "") -> str:
    """As reception does; the id."""
    clock = SystemClock()
    database = Database(str(home / "state.db"))
    spool = SqliteSpool(database, str(home / "spool"), clock, lambda call: call())
    spool.start()
    draft = spool.begin(lambda: None)
    draft.write(CONTENT)
    done = threading.Event()
    faults: list[SpoolFault | None] = []

    def finish(fault: SpoolFault | None) -> None:
        faults.append(fault)
        done.set()

    trace = Trace("client.example.net", "192.0.2.1", "ESMTP", clock.time())
    draft.commit(NewEntry(envelope, trace, state, reason), finish)
    assert done.wait(10)
    assert faults == [None]
    spool.close()
    database.close()
    return draft.id


def test_a_listing_names_nobody(run, home: Path, ids: list[str]) -> None:
    """It is what gets pasted into tickets."""
    for flags in ((), ("--json",)):
        status, out, _ = run("queue", "list", *flags, "--home", str(home))
        assert status == 0
        assert all(name in out for name in ids)
        assert "@" not in out
        assert "is full" in out


def test_a_listing_can_be_of_one_state(run, home: Path, ids: list[str]) -> None:
    found = json.loads(run("queue", "list", "--state", "held", "--json", "--home", str(home))[1])
    assert [one["id"] for one in found] == ids[2:]
    assert found[0]["due"] is None
    assert found[0]["recipients"] == 1
    assert found[0]["size"] == len(CONTENT)


def test_what_has_been_held_for_long_is_told(run, home: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else ever moves it, and it is not dropped in silence."""
    assert run("queue", "list", "--home", str(home))[2] == ""
    later = time.time() + UNATTENDED_AFTER + 60
    monkeypatch.setattr(time, "time", lambda: later)
    for verb in (("queue", "list"), ("queue", "list", "--state", "held"), ("check",)):
        status, _, err = run(*verb, "--home", str(home))
        assert status == 0
        assert "note: 1 message has waited for you for more than 30 days" in err
    assert run("queue", "list", "--state", "queued", "--home", str(home))[2] == ""


def test_one_message_is_shown_with_its_addresses(run, home: Path, ids: list[str]) -> None:
    status, out, _ = run("queue", "show", ids[0], "--home", str(home))
    assert status == 0
    assert "carol@example.net" in out
    assert "192.0.2.1" in out


def test_who_was_never_tried_is_said_to_be(run, home: Path, ids: list[str]) -> None:
    assert "not tried yet" in run("queue", "show", ids[0], "--home", str(home))[1]
    assert json.loads(run("queue", "show", ids[0], "--json", "--home", str(home))[1])["pending"][0]["tls"] is None


def test_the_last_attempts_tls_is_shown_with_who_demanded_it(run, home: Path, ids: list[str]) -> None:
    """Whatever came of it: who asks why a message waits wants to know that TLS was in order, too."""
    seen = Protection("example.org", "mx.example.org", "verified", "MTA-STS", "the policy asks for it", "none")
    recipient = Recipient(Address("alice", "example.org"))
    settle(home, Settled(ids[0], (Pending(recipient, 2, "450 later", protection=seen),), due=9e9))
    settle(home, Settled(ids[1], (Pending(recipient, 1, "4.4.1 gone", protection=Protection("a.example", "mx")),)))
    out = run("queue", "show", ids[0], "--home", str(home))[1]
    assert "2 attempts: 450 later\n    next hop example.org, its server mx.example.org\n" in out
    assert (
        "TLS demanded: verified, by MTA-STS: the policy asks for it\n    TLS reached: none: nothing was sent\n" in out
    )
    shown = json.loads(run("queue", "show", ids[0], "--json", "--home", str(home))[1])
    assert shown["pending"][0]["tls"] == {
        "next_hop": "example.org",
        "host": "mx.example.org",
        "demanded": "verified",
        "by": "MTA-STS",
        "why": "the policy asks for it",
        "reached": "none",
    }
    assert "TLS" not in run("queue", "show", ids[1], "--home", str(home))[1]


@pytest.mark.parametrize(
    ("demanded", "text"),
    [
        ("opportunistic", "none, in the clear"),
        ("none", "none, in the clear"),
        ("encrypted", "none: nothing was sent"),
        ("dane", "none: nothing was sent"),
    ],
)
def test_nothing_is_said_to_have_gone_in_the_clear_that_did_not(
    run, home: Path, ids: list[str], demanded: str, text: str
) -> None:
    """A handshake that is given up for its certificate ends the attempt where TLS is demanded."""
    seen = Protection("example.org", "mx.example.org", demanded, "DANE", "why", "none")
    settle(home, Settled(ids[0], (Pending(Recipient(Address("a", "example.org")), 1, "4.7.5", protection=seen),)))
    assert f"TLS reached: {text}\n" in run("queue", "show", ids[0], "--home", str(home))[1]


def settle(home: Path, outcome: Settled) -> None:
    """As delivery does."""
    database = Database(str(home / "state.db"))
    spool = SqliteSpool(database, str(home / "spool"), SystemClock(), lambda call: call())
    spool.start()
    done = threading.Event()
    spool.settle([outcome], done.set)
    assert done.wait(10)
    spool.close()
    database.close()


def test_nothing_that_a_peer_chose_drives_the_terminal(run, home: Path, ids: list[str]) -> None:
    assert "\x1b" not in run("queue", "show", ids[0], "--home", str(home))[1]
    assert clean("a\x1b[2J\u202eb\n") == "a?[2J?b?"


def test_the_content_is_printed_on_demand(home: Path, ids: list[str], capfdbinary) -> None:
    """Octet by octet, so that it can be piped on."""
    assert main(["queue", "show", ids[0], "--content", "--home", str(home)]) == 0
    assert capfdbinary.readouterr().out == CONTENT


def test_messages_are_held_released_retried_and_dropped(run, home: Path, ids: list[str]) -> None:
    where = ("--home", str(home))

    def states() -> dict[str, str]:
        return {one["id"]: one["state"] for one in json.loads(run("queue", "list", "--json", *where)[1])}

    assert run("queue", "hold", ids[0], *where)[:2] == (0, "1 held\n")
    assert states()[ids[0]] == "held"
    assert run("queue", "release", "--all", *where)[:2] == (0, "2 released\n")
    assert set(states().values()) == {"queued"}
    assert run("queue", "retry", ids[0], ids[1], *where)[:2] == (0, "2 retried\n")
    assert run("queue", "drop", ids[0], *where)[:2] == (0, "1 dropped\n")
    assert ids[0] not in states()
    assert run("queue", "drop", "--all", *where)[:2] == (0, "2 dropped\n")
    assert "empty" in run("queue", "list", *where)[1]


@pytest.fixture
def later(home: Path) -> str:
    """A message that its sender wants kept for a day (RFC 4865)."""
    parameters = MailParameters(hold_for=86400)
    recipients = (Recipient(Address("alice", "example.org")),)
    return queue_one(home, Envelope(Address("carol", "example.net"), recipients, parameters))


def test_what_its_sender_wants_later_is_not_said_to_be_retried(run, home: Path, ids: list[str], later: str) -> None:
    """Delivery would put it back at once: the time is its sender's to say (RFC 4865 §4.2)."""
    status, out, err = run("queue", "retry", ids[0], later, "--home", str(home))
    assert (status, out) == (1, "1 retried\n")
    assert err.startswith(f"samotop: {later} not before ")
    assert "its sender wants it kept until then" in err
    found = {one["id"]: one["due"] for one in json.loads(run("queue", "list", "--json", "--home", str(home))[1])}
    assert found[ids[0]] <= time.time()


def test_all_that_can_be_retried_leaves_out_what_its_sender_wants_later(run, home: Path, ids, later: str) -> None:
    assert run("queue", "retry", "--all", "--home", str(home)) == (0, "2 retried\n", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("release", 0), "samotop: 1 of them is not in the queue, or is not held\n  samotop queue list\n"),
        (("hold", 2), "samotop: 1 of them is not in the queue, or is not queued\n  samotop queue list\n"),
        (("retry", 2), "samotop: 1 of them is not in the queue, or is neither queued nor damaged\n"),
        (("drop",), "samotop: 2 of them are not in the queue\n"),
    ],
)
def test_who_names_too_much_is_told_in_plain_words(run, home: Path, ids, words: tuple, said: str) -> None:
    verb, *chosen = words
    named = [ids[at] for at in chosen] or ["NOTHING", "NOR-THIS"]
    status, _, err = run("queue", verb, *named, "--home", str(home))
    assert status == 1
    assert err.startswith(said)


def test_what_is_not_there_is_status_1(run, home: Path, ids: list[str]) -> None:
    for words in (("show", "NOTHING"), ("release", ids[0]), ("drop", "NOTHING")):
        assert run("queue", *words, "--home", str(home))[0] == 1


@pytest.mark.parametrize("words", [("retry",), ("drop",), ("drop", "X", "--all"), ("show",), ("bounce", "X")])
def test_neither_or_both_of_ids_and_all_is_usage(run, home: Path, ids: list[str], words: tuple[str, ...]) -> None:
    """`drop` without a word must not mean everything."""
    assert run("queue", *words, "--home", str(home))[0] == 2
    assert len(json.loads(run("queue", "list", "--json", "--home", str(home))[1])) == 3


def test_the_queue_of_a_home_that_never_served_is_empty(run, home: Path) -> None:
    (home / "state.db").unlink()
    assert run("queue", "list", "--home", str(home))[:2] == (0, "The queue is empty.\n")
    assert json.loads(run("queue", "list", "--json", "--home", str(home))[1]) == []


def test_addresses_are_taken_out_of_a_reason() -> None:
    assert without_addresses("550 <bob@example.net>: user=x@y.z full") == "550 <(address)>: (address) full"


@pytest.mark.parametrize(("seconds", "text"), [(-1, "0s"), (59.9, "59s"), (60, "1m"), (7200, "2h"), (200_000, "2d")])
def test_an_age_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    assert format_age(seconds) == text


@pytest.mark.parametrize(
    ("octets", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (4321, "4.3 kB"), (50_000_000, "50 MB"), (999_900, "1.0 MB")],
)
def test_a_size_is_told_at_a_glance(octets: int, text: str) -> None:
    assert format_octets(octets) == text
