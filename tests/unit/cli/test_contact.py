"""`samotop contact`: what an owner sees of who asks, and what each decision does."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from samotop.consent.contact import Standing
from samotop.consent.evidence import Evidence
from samotop.consent.identity import parse_identity
from samotop.ports.contacts import ContactRequest
from samotop.store.database import Database
from samotop.store.ledger.opening import open_ledger

NOW = 1_795_000_000.0
BOB = parse_identity("bob@example.net")
PROVEN = Evidence("example.net", ("dkim",), ("example.net",), frozenset({"aa" * 32}), network="192.0.2.0/24")
FORGED = Evidence(network="203.0.113.0/24")
REQUEST = ContactRequest(
    BOB, (BOB,), PROVEN, "Bob\x1b[31m", "Lunch?", "unknown", "unknown; DKIM of example.net", False, NOW, NOW
)


def note(home: Path, *requests: ContactRequest) -> None:
    database = Database(str(home / "state.db"))
    contacts, _ = open_ledger(database, home, {})
    for one in requests:
        contacts.note_request("alice", one)
    database.close()


def put(home: Path, entry: str) -> None:
    """A message that waits in Requests."""
    for folder in (".Requests", "."):
        for part in ("new", "cur", "tmp"):
            (home / "mail/alice" / folder / part).mkdir(parents=True, exist_ok=True)
    (home / f"mail/alice/.Requests/new/1795000000.{entry}.mx").write_bytes(b"Subject: Lunch?\n\n")


def listed(run: Any, home: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        run("contact", "list", "--account", "alice", "--json", "--home", str(home))[1]
    )
    return found


def test_a_request_is_shown_with_what_proves_it(run, home: Path) -> None:
    """And with nothing that could drive a terminal."""
    note(home, REQUEST)
    status, out, err = run("contact", "list", "--account", "alice", "--home", str(home))
    assert (status, err) == (0, "")
    assert out == (
        "pending  Bob?[31m <bob@example.net>\n"
        "    subject   Lunch?\n"
        "    evidence  DKIM of example.net\n"
        "    because   unknown; DKIM of example.net\n"
        "    since     2026-11-18 11:06:40Z\n\n"
    )


def test_nobody_is_said_in_words(run, home: Path) -> None:
    out = run("contact", "list", "--account", "alice", "--home", str(home))[1]
    assert out == "Nobody: no request waits, and nothing has been decided.\n"


def test_approving_binds_to_what_proved_the_request_and_moves_it(run, home: Path) -> None:
    note(home, replace(REQUEST, entries=("ID1",)))
    put(home, "ID1")
    status, out, _ = run("contact", "approve", "--account", "alice", "Bob@example.net", "--home", str(home))
    assert status == 0
    assert "Approved bob@example.net, as proven by example.net." in out
    assert [path.name for path in (home / "mail/alice/new").iterdir()] == ["1795000000.ID1.mx"]
    (contact,) = listed(run, home)
    assert (contact["standing"], contact["bound"]["domain"], contact["origin"]) == ("approved", "example.net", "owner")


def test_what_only_claims_an_approved_name_stays_and_is_listed(run, home: Path) -> None:
    note(home, replace(REQUEST, entries=("ID1",)), replace(REQUEST, evidence=FORGED, is_flagged=True, entries=("ID2",)))
    put(home, "ID1")
    put(home, "ID2")
    run("contact", "approve", "--account", "alice", "bob@example.net", "--home", str(home))
    assert [path.name for path in (home / "mail/alice/new").iterdir()] == ["1795000000.ID1.mx"]
    assert [path.name for path in (home / "mail/alice/.Requests/new").iterdir()] == ["1795000000.ID2.mx"]
    assert [(one["standing"], one.get("flagged")) for one in listed(run, home)] == [
        ("pending", True),
        ("approved", None),
    ]


def test_a_key_is_pinned_where_the_owner_asks_for_it(run, home: Path) -> None:
    note(home, REQUEST)
    out = run("contact", "approve", "--account", "alice", "bob@example.net", "--pin-key", "--home", str(home))[1]
    assert "by the key that example.net signed with" in out
    assert listed(run, home)[0]["bound"]["key"] == "aa" * 32


def test_there_is_no_key_to_pin_without_a_request(run, home: Path) -> None:
    status, _, err = run(
        "contact", "approve", "--account", "alice", "eve@example.net", "--pin-key", "--home", str(home)
    )
    assert status == 1
    assert "there is no key" in err


def test_an_approval_ends_when_it_is_to(run, home: Path) -> None:
    run("contact", "approve", "--account", "alice", "example.net", "--days", "30", "--home", str(home))
    (contact,) = listed(run, home)
    assert contact["who"] == "example.net"
    assert 29 * 86400 < contact["expires"] - time.time() <= 30 * 86400


def test_who_was_rejected_is_forgotten_when_that_is_said(run, home: Path) -> None:
    run("contact", "reject", "--account", "alice", "list:news.example.net", "--home", str(home))
    assert [(one["standing"], one["who"]) for one in listed(run, home)] == [
        (Standing.REJECTED.value, "list:news.example.net")
    ]
    assert run("contact", "forget", "--account", "alice", "list:news.example.net", "--home", str(home))[0] == 0
    status, _, err = run("contact", "forget", "--account", "alice", "list:news.example.net", "--home", str(home))
    assert status == 1
    assert "nothing is known" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["approve", "not an address@"], "expected an address"),
        (["approve", "bob@example.net", "--days", "0"], "at least one"),
        (["expect", "--for", "soon"], "15m"),
        (["expect", "--for", "60d"], "30 days"),
        (["address", "a b"], "letters and digits"),
        (["import"], "nothing to import"),
        (["approve", "bob@example.net", "--days", "99999999999"], "at most 36500"),
        (["approve", "a b@example.net example"], "expected an address"),
        (["expect", "--domain", "a b"], "expected an address"),
        (["expect", "--domain", "bob@example.net"], "is no domain"),
        (["expect", "--for", "0s"], "more than nothing"),
        (["address", "shop", "--until", "2020-01-01"], "is over"),
        (["revoke", ""], "no tag"),
    ],
)
def test_mistakes_are_told_with_what_would_be_right(run, home: Path, words: list[str], said: str) -> None:
    status, _, err = run("contact", words[0], "--account", "alice", *words[1:], "--home", str(home))
    assert status == 1
    assert said in err
    assert "Traceback" not in err


def test_whose_contacts_must_be_an_account(run, home: Path) -> None:
    status, _, err = run("contact", "list", "--account", "nobody", "--home", str(home))
    assert status == 1
    assert "there is no account nobody" in err


def test_addresses_are_made_for_the_account(run, home: Path) -> None:
    def made(*words: str) -> str:
        return str(run("contact", *words, "--account", "alice", "--home", str(home))[1]).strip()

    assert made("address", "Shop") == "alice+shop@example.org"
    assert made("address", "shop", "--until", "2027-01-01") == "alice+shop-until-20270101@example.org"
    assert made("address", "shop", "--keyed").startswith("alice+shop.k")
    assert made("invite").startswith("alice+join-")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_address_book_is_read_whatever_its_line_ends(run, home: Path, tmp_path: Path, end: str) -> None:
    """RFC 6350 §3.2 wants CRLF."""
    lines = [
        "BEGIN:VCARD",
        "VERSION:4.0",
        "EMAIL;TYPE=home:bob@exam",
        " ple.net",
        "item1.EMAIL:mailto:eve@example.net",
        "END:VCARD",
        "",
    ]
    (tmp_path / "book.vcf").write_bytes(end.join(lines).encode())
    run("contact", "import", "--account", "alice", str(tmp_path / "book.vcf"), "--home", str(home))
    assert [one["who"] for one in listed(run, home)] == ["bob@example.net", "eve@example.net"]


def test_an_address_book_without_addresses_is_no_success(run, home: Path, tmp_path: Path) -> None:
    (tmp_path / "book.vcf").write_text("BEGIN:VCARD\nFN:Bob\nEND:VCARD\n")
    status, _, err = run("contact", "import", "--account", "alice", str(tmp_path / "book.vcf"), "--home", str(home))
    assert (status, "no address" in err) == (1, True)


def test_sent_mail_tells_whom_the_owner_knows(run, home: Path, tmp_path: Path) -> None:
    sent = tmp_path / "sent/cur"
    sent.mkdir(parents=True)
    (sent / "1").write_bytes(b"From: alice@example.org\nTo: Bob <bob@example.net>\nCc: carol@example.net\n\nHi\n")
    (sent / "2").write_bytes(b"From: alice@example.org\nTo: eve@example.net\nAuto-Submitted: auto-replied\n\nAway\n")
    out = run("contact", "import", "--account", "alice", "--sent", str(sent), "--home", str(home))[1]
    assert out == "Approved 2 of 2; the others were decided already.\n"
    assert [one["who"] for one in listed(run, home)] == ["bob@example.net", "carol@example.net"]


def test_a_list_is_bound_to_its_own_domain_whoever_wrote_last_in_its_name(run, home: Path) -> None:
    """What proves an author says nothing about the List-Id beside it: anybody can write one."""
    friends = parse_identity("list:friends.example.org")
    genuine = Evidence(signers=("example.org",), network="192.0.2.0/24")
    forged = Evidence("spam.example", ("dkim",), ("spam.example",), network="203.0.113.0/24")
    note(
        home,
        replace(REQUEST, identity=friends, identities=(friends,), evidence=genuine),
        replace(REQUEST, identity=friends, identities=(friends,), evidence=forged, last_seen=NOW + 60),
    )
    out = run("contact", "approve", "--account", "alice", "list:friends.example.org", "--home", str(home))[1]
    assert out == "Approved list:friends.example.org, as proven by example.org.\n"
