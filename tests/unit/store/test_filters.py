"""The owners' filters as a server asks them and the command line teaches them."""

from __future__ import annotations

from pathlib import Path

from samotop.store.filters import OwnerFilters

SPAM = b"From: a@shop.example\r\nSubject: cheap pills\r\n\r\nBuy cheap pills now, click http://pills.example/%d\r\n"
HAM = b"From: bob@example.net\r\nSubject: lunch\r\n\r\nShall we meet for lunch at noon on day %d?\r\n"


def taught(home: Path, count: int = 12) -> OwnerFilters:
    filters = OwnerFilters(home)
    for number in range(count):
        assert filters.learn("alice", [filters.features(SPAM % number)], spam=True) == 1
        assert filters.learn("alice", [filters.features(HAM % number)], spam=False) == 1
    return filters


def test_who_has_taught_nothing_has_no_opinion(tmp_path: Path) -> None:
    assert OwnerFilters(tmp_path).guess("alice", SPAM % 1) is None


def test_a_server_hears_what_was_taught_elsewhere(tmp_path: Path) -> None:
    """The file has changed: it is read anew."""
    server = OwnerFilters(tmp_path)
    taught(tmp_path, 2)
    assert server.guess("alice", SPAM % 99) is not None
    taught(tmp_path)
    spam, ham = server.guess("alice", SPAM % 99), server.guess("alice", HAM % 99)
    assert spam is not None
    assert ham is not None
    assert spam.probability > 0.5 > ham.probability
    assert server.guess("bob", SPAM % 1) is None


def test_what_was_kept_of_a_message_teaches_and_holds_no_text(tmp_path: Path) -> None:
    filters = OwnerFilters(tmp_path)
    kept = filters.features(SPAM % 1)
    assert b"pills" not in kept
    assert filters.learn("alice", [kept, b"", b"not features"], spam=True) == 1


def test_a_damaged_filter_has_no_opinion(tmp_path: Path) -> None:
    filters = taught(tmp_path, 1)
    (tmp_path / "junk/alice.junk").write_bytes(b"damaged")
    assert filters.guess("alice", SPAM % 1) is None
