"""The ledger in state.db: decisions are obeyed at once and everywhere, and nobody is listed in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from samotop.consent.contact import Binding, Contact, Origin, Standing
from samotop.consent.evidence import Evidence
from samotop.consent.identity import parse_identity
from samotop.errors import SetupError
from samotop.ports.contacts import ContactRequest
from samotop.store.database import Database
from samotop.store.ledger.allowances import ANSWER_SECONDS, SqliteAllowances
from samotop.store.ledger.contacts import ENTRIES_LIMIT, REQUEST_SECONDS, Sealed, SqliteContacts
from samotop.store.ledger.secrets import OwnerSecrets, find_wrapping_key

NOW = 1_800_000_000.0
KEY = bytes(range(32))
BOB = parse_identity("Bob@Example.net")
NET = parse_identity("example.net")
CONTACT = Contact(
    BOB, Standing.APPROVED, Binding("example.net", "aa", "192.0.2.0/24", "mx.example.net"), decided_at=NOW
)
EVIDENCE = Evidence("example.net", ("dkim", "spf"), ("example.net",), frozenset({"aa"}), is_secure=True)
REQUEST = ContactRequest(
    BOB, (NET,), EVIDENCE, "Bob", "Hello", "unknown", "unknown; DKIM", True, NOW, NOW, entries=("ID1",)
)


def open_ledger(path: Path, key: bytes = KEY) -> tuple[SqliteContacts, SqliteAllowances]:
    database = Database(str(path / "state.db"))
    sealed = Sealed(database, OwnerSecrets(database, key))
    return SqliteContacts(sealed), SqliteAllowances(sealed)


@pytest.fixture
def contacts(tmp_path: Path) -> SqliteContacts:
    return open_ledger(tmp_path)[0]


@pytest.fixture
def allowances(tmp_path: Path) -> SqliteAllowances:
    return open_ledger(tmp_path)[1]


def test_a_decision_is_found_as_it_was_written(contacts: SqliteContacts) -> None:
    contacts.decide("alice", [CONTACT])
    assert contacts.find("alice", [NET, BOB], NOW) == {BOB: CONTACT}


def test_another_process_obeys_a_decision_at_once(tmp_path: Path) -> None:
    """The server has the file open and has looked already; the command line decides."""
    server, command_line = open_ledger(tmp_path)[0], open_ledger(tmp_path)[0]
    assert server.find("alice", [BOB], NOW) == {}
    command_line.decide("alice", [CONTACT])
    assert server.find("alice", [BOB], NOW) == {BOB: CONTACT}
    command_line.decide("alice", [replace(CONTACT, standing=Standing.REJECTED)])
    assert server.find("alice", [BOB], NOW)[BOB].standing is Standing.REJECTED
    assert command_line.forget("alice", BOB)
    assert server.find("alice", [BOB], NOW) == {}


def test_owners_do_not_see_each_other(contacts: SqliteContacts) -> None:
    contacts.decide("alice", [CONTACT])
    contacts.decide("carol", [Contact(NET, Standing.REJECTED)])
    assert contacts.find("carol", [BOB], NOW) == {}
    assert [one.identity for one in contacts.contacts("carol")] == [NET]


def test_a_decision_with_an_end_ends(contacts: SqliteContacts) -> None:
    contacts.decide("alice", [replace(CONTACT, expires_at=NOW + 60)])
    assert BOB in contacts.find("alice", [BOB], NOW + 59)
    assert contacts.find("alice", [BOB], NOW + 60) == {}
    assert contacts.expire(NOW + 60) == 1
    assert contacts.contacts("alice") == []


def test_contacts_are_listed_by_standing(contacts: SqliteContacts) -> None:
    contacts.decide("alice", [CONTACT, Contact(NET, Standing.REJECTED, origin=Origin.IMPORTED)])
    assert [one.identity for one in contacts.contacts("alice", Standing.REJECTED)] == [NET]
    assert len(contacts.contacts("alice")) == 2


def test_requests_of_one_correspondent_are_one(contacts: SqliteContacts) -> None:
    assert contacts.note_request("alice", REQUEST) == REQUEST
    later = replace(REQUEST, subject="Again", first_seen=NOW + 9, last_seen=NOW + 9, entries=("ID2",))
    kept = replace(later, first_seen=NOW, count=2, entries=("ID1", "ID2"))
    assert contacts.note_request("alice", later) == kept
    assert contacts.requests("alice") == [kept]
    assert contacts.find_request("alice", BOB, EVIDENCE) == kept


def test_a_request_is_over_when_its_messages_have_been_moved(contacts: SqliteContacts) -> None:
    contacts.note_request("alice", replace(REQUEST, entries=("ID1", "ID2")))
    contacts.settle_request("alice", REQUEST, ["ID1"])
    found = contacts.find_request("alice", BOB, EVIDENCE)
    assert found is not None
    assert found.entries == ("ID2",)
    contacts.settle_request("alice", REQUEST, ["ID2"])
    assert contacts.requests("alice") == []


def test_a_request_is_bounded_and_expires(contacts: SqliteContacts) -> None:
    for number in range(ENTRIES_LIMIT + 2):
        contacts.note_request("alice", replace(REQUEST, entries=(f"ID{number}",)))
    found = contacts.find_request("alice", BOB, EVIDENCE)
    assert found is not None
    assert len(found.entries) == ENTRIES_LIMIT
    assert contacts.expire(NOW + REQUEST_SECONDS) == 1


def test_the_oldest_of_too_many_requests_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samotop.store.ledger.contacts.REQUESTS_LIMIT", 3)
    contacts = open_ledger(tmp_path)[0]
    for number in range(5):
        one = parse_identity(f"{number}@example.net")
        contacts.note_request("alice", ContactRequest(one, last_seen=NOW + number))
    assert [str(one.identity) for one in contacts.requests("alice")] == [f"{n}@example.net" for n in (4, 3, 2)]


def test_a_stolen_database_lists_nobody(tmp_path: Path) -> None:
    contacts, allowances = open_ledger(tmp_path)
    contacts.decide("alice", [CONTACT])
    contacts.note_request("alice", REQUEST)
    allowances.take_tag("alice", "shop", CONTACT, NOW)
    allowances.note_sent("alice", "<1@example.org>", [BOB], NOW)
    allowances.expect("alice", "shop.example", NOW)
    octets = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for word in (b"bob", b"Bob", b"example.net", b"Hello", b"shop", b"192.0.2", b"1@example.org"):
        assert word not in octets


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    open_ledger(tmp_path)[0].decide("alice", [CONTACT])
    with pytest.raises(SetupError, match="made with another key"):
        open_ledger(tmp_path, bytes(32))[0].find("alice", [BOB], NOW)


class TestWrappingKey:
    def test_it_is_made_once_in_the_home(self, tmp_path: Path) -> None:
        found = find_wrapping_key(tmp_path, {})
        assert find_wrapping_key(tmp_path, {}) == found
        assert (tmp_path / "keys/ledger.secret").stat().st_mode & 0o777 == 0o600

    def test_the_service_managers_comes_first(self, tmp_path: Path) -> None:
        (tmp_path / "samotop-ledger").write_bytes(b"k" * 32)
        environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
        assert find_wrapping_key(tmp_path / "home", environment) == find_wrapping_key(tmp_path / "other", environment)
        assert not (tmp_path / "home").exists()

    def test_a_short_one_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "samotop-ledger").write_bytes(b"short")
        with pytest.raises(SetupError, match="5 octets"):
            find_wrapping_key(tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})


class TestAllowances:
    def test_an_answer_is_known_from_those_it_was_sent_to(self, allowances: SqliteAllowances) -> None:
        allowances.note_sent("alice", "<1@example.org>", [BOB], NOW)
        known = ["<0@example.org>", "<1@example.org>"]
        assert allowances.is_answer("alice", known, BOB, NOW)
        assert allowances.is_answer("alice", known, None, NOW)
        assert not allowances.is_answer("alice", known, NET, NOW)
        assert not allowances.is_answer("alice", known[:1], BOB, NOW)
        assert not allowances.is_answer("carol", known, BOB, NOW)

    def test_an_answer_is_not_expected_for_ever(self, allowances: SqliteAllowances) -> None:
        allowances.note_sent("alice", "<1@example.org>", [BOB], NOW)
        assert not allowances.is_answer("alice", ["<1@example.org>"], BOB, NOW + ANSWER_SECONDS)
        assert allowances.expire(NOW + ANSWER_SECONDS) == 1

    def test_a_tag_belongs_to_its_first_user(self, allowances: SqliteAllowances) -> None:
        assert allowances.tag_use("alice", "shop", NOW).holder is None
        assert allowances.take_tag("alice", "shop", CONTACT, NOW) == CONTACT
        assert allowances.take_tag("alice", "shop", Contact(NET, Standing.APPROVED), NOW) == CONTACT
        assert allowances.tag_use("alice", "shop", NOW).holder == CONTACT

    def test_a_tag_is_taken_in_whichever_case_it_is_written(self, allowances: SqliteAllowances) -> None:
        """Local parts come as senders write them; else who writes it in capitals leaves it to the next one."""
        allowances.take_tag("alice", "Shop.KAB", CONTACT, NOW)
        assert allowances.tag_use("alice", "shop.kab", NOW).holder == CONTACT
        allowances.end_tag("alice", "SHOP.kab", "was revoked", NOW)
        assert allowances.tag_use("alice", "Shop.Kab", NOW).ended == "was revoked"

    def test_a_tag_ends_and_is_still_its_holders(self, allowances: SqliteAllowances) -> None:
        allowances.take_tag("alice", "shop", CONTACT, NOW)
        allowances.end_tag("alice", "shop", "was revoked", NOW)
        found = allowances.tag_use("alice", "shop", NOW)
        assert (found.holder, found.ended) == (CONTACT, "was revoked")

    @pytest.mark.parametrize(("expected", "domain", "comes"), [
        ("", "any.example", True),
        ("shop.example", "shop.example", True),
        ("shop.example", "other.example", False),
    ])  # fmt: skip
    def test_strangers_are_expected_for_a_time(
        self, allowances: SqliteAllowances, expected: str, domain: str, comes: bool
    ) -> None:
        allowances.expect("alice", expected, NOW + 60)
        assert bool(allowances.expectation("alice", domain, NOW)) is comes
        assert not allowances.expectation("alice", domain, NOW + 60)


def test_a_row_cannot_stand_for_another(tmp_path: Path) -> None:
    """Who may write into the file must not make an approval of one row count for another."""
    database = Database(str(tmp_path / "state.db"))
    contacts = SqliteContacts(Sealed(database, OwnerSecrets(database, KEY)))
    contacts.decide("alice", [CONTACT, Contact(NET, Standing.REJECTED)])
    approved = "(SELECT sealed FROM contact WHERE standing = 2)"

    def exchange(connection: apsw.Connection) -> int:
        connection.execute(f"UPDATE contact SET sealed = {approved}")
        return connection.changes()

    assert database.write(exchange) == 2
    with pytest.raises(ValueError, match="cannot be read"):
        contacts.find("alice", [NET], NOW)


@pytest.mark.parametrize("text", ["", "@example.net", "bob@", "bob@ex ample..net", "list:", "a" * 500])
def test_what_is_no_identity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|domain|longer"):
        parse_identity(text)


class TestMadeTags:
    def test_a_keyed_tag_is_known_as_the_owners(self, allowances: SqliteAllowances) -> None:
        tag = allowances.make_tag("alice", "shop", None, is_keyed=True)
        assert allowances.tag_use("alice", tag, NOW).is_keyed
        other = tag[:-1] + ("2" if tag[-1] != "2" else "3")
        assert allowances.tag_use("alice", other, NOW).ended == "was not made by its owner"
        assert allowances.tag_use("carol", tag, NOW).ended == "was not made by its owner"

    def test_an_invitation_is_known_for_some_days(self, allowances: SqliteAllowances) -> None:
        tag = allowances.make_invitation("alice", NOW)
        assert allowances.tag_use("alice", tag, NOW).is_invitation
        assert not allowances.tag_use("alice", tag, NOW + 30 * 86400).is_invitation
