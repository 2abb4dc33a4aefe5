"""What an approval moves, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from samotop.consent.contact import Binding, Contact, Standing
from samotop.consent.evidence import Evidence
from samotop.consent.identity import parse_identity
from samotop.ports.contacts import ContactRequest
from samotop.store.database import Database
from samotop.store.ledger.contacts import SqliteContacts
from samotop.store.ledger.opening import open_ledger
from samotop.transport.releasing import release_approved

NOW = 1_800_000_000.0
BOB = parse_identity("bob@example.net")
NET = parse_identity("example.net")
PROVEN = Evidence("example.net", ("dkim",))
FORGED = Evidence(network="203.0.113.0/24")


@pytest.fixture
def contacts(tmp_path: Path) -> SqliteContacts:
    (tmp_path / "keys").mkdir()
    return open_ledger(Database(str(tmp_path / "state.db")), tmp_path, {})[0]


@pytest.fixture
def box(tmp_path: Path) -> Path:
    box = tmp_path / "mail"
    for folder in ("new", "cur", ".Requests/new", ".Requests/cur"):
        (box / folder).mkdir(parents=True)
    for name in ("TRUE", "FALSE"):
        (box / ".Requests/new" / f"1.{name}.host").write_text(name)
    return box


def inbox(box: Path) -> list[str]:
    return sorted(path.read_text() for path in box.glob("new/*"))


def ask(contacts: SqliteContacts, evidence: Evidence, entry: str, since: float = NOW) -> None:
    contacts.note_request(
        "alice", ContactRequest(BOB, (BOB, NET), evidence, first_seen=since, last_seen=since, entries=(entry,))
    )


@pytest.mark.parametrize("forged_at", [NOW - 9, NOW + 9], ids=["before", "after"])
def test_what_is_forged_does_not_come_in_with_what_is_true(
    contacts: SqliteContacts, box: Path, forged_at: float
) -> None:
    """Both asked in Bob's name. One request for both would let the forger in, or bind the approval to his network."""
    ask(contacts, PROVEN, "TRUE")
    ask(contacts, FORGED, "FALSE", forged_at)
    contacts.decide("alice", [Contact(BOB, Standing.APPROVED, Binding("example.net"))])
    assert release_approved(contacts, "alice", box, NOW) == 1
    assert inbox(box) == ["TRUE"]
    assert [one.evidence for one in contacts.requests("alice")] == [FORGED]


def test_a_forged_message_after_the_approval_is_not_swept_into_the_inbox(contacts: SqliteContacts, box: Path) -> None:
    """The server sweeps after each decision of anybody."""
    contacts.decide("alice", [Contact(BOB, Standing.APPROVED, Binding("example.net"))])
    ask(contacts, FORGED, "FALSE")
    assert release_approved(contacts, "alice", box, NOW) == 0
    assert inbox(box) == []


def test_approving_it_once_more_says_that_it_was_true(contacts: SqliteContacts, box: Path) -> None:
    contacts.decide("alice", [Contact(NET, Standing.APPROVED, Binding("example.net"))])
    ask(contacts, FORGED, "FALSE")
    contacts.decide("alice", [Contact(BOB, Standing.APPROVED, Binding(network="203.0.113.0/24"))])
    assert release_approved(contacts, "alice", box, NOW) == 1
    assert inbox(box) == ["FALSE"]
    assert contacts.requests("alice") == []


def test_what_waited_at_its_sender_has_nothing_to_move(contacts: SqliteContacts, box: Path) -> None:
    contacts.note_request("alice", ContactRequest(BOB, (BOB, NET), PROVEN, first_seen=NOW, last_seen=NOW))
    contacts.decide("alice", [Contact(BOB, Standing.APPROVED, Binding("example.net"))])
    assert release_approved(contacts, "alice", box, NOW) == 0
    assert contacts.requests("alice") == []


def test_a_rejected_request_is_over_and_its_messages_stay(contacts: SqliteContacts, box: Path) -> None:
    ask(contacts, PROVEN, "TRUE")
    contacts.decide("alice", [Contact(BOB, Standing.REJECTED)])
    assert release_approved(contacts, "alice", box, NOW) == 0
    assert contacts.requests("alice") == []
    assert len(list(box.glob(".Requests/new/*"))) == 2
