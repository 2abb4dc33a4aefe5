"""Counting for reports: equal records together, by day and domain, and gone when they are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from samotop.errors import TryAgainLater
from samotop.ports.tallies import Tally
from samotop.store.database import Database
from samotop.store.tallies import SqliteTallies


@pytest.fixture
def database(tmp_path: Path):
    opened = Database(str(tmp_path / "state.db"))
    yield opened
    opened.close()


def test_equal_records_are_counted_together(database: Database) -> None:
    tallies = SqliteTallies(database, "dmarc")
    tallies.add([Tally(1, "a.example", b"x", 2), Tally(1, "a.example", b"y", 1)])
    tallies.add([Tally(1, "a.example", b"x", 3), Tally(2, "a.example", b"x", 1), Tally(1, "b.example", b"x", 1)])
    assert tallies.get(1, "a.example", 10) == [Tally(1, "a.example", b"x", 5), Tally(1, "a.example", b"y", 1)]
    assert tallies.get(1, "a.example", 1) == [Tally(1, "a.example", b"x", 5)]


def test_only_days_that_are_over_are_pending(database: Database) -> None:
    tallies = SqliteTallies(database, "dmarc")
    tallies.add([Tally(2, "b.example", b"x", 1), Tally(2, "a.example", b"x", 1), Tally(1, "c.example", b"x", 1)])
    assert tallies.pending(3) == [(1, "c.example"), (2, "a.example"), (2, "b.example")]
    assert tallies.pending(2) == [(1, "c.example")]


def test_kinds_do_not_mix(database: Database) -> None:
    SqliteTallies(database, "dmarc").add([Tally(1, "a.example", b"x", 1)])
    other = SqliteTallies(database, "tls")
    assert other.pending(9) == []
    assert other.expire(9) == 0


def test_what_was_told_is_forgotten_and_what_is_old_too(database: Database) -> None:
    tallies = SqliteTallies(database, "dmarc")
    tallies.add(Tally(day, domain, b"x", 1) for day in (1, 2) for domain in ("a.example", "b.example"))
    tallies.drop(2, "a.example")
    assert tallies.pending(9) == [(1, "a.example"), (1, "b.example"), (2, "b.example")]
    assert tallies.expire(2) == 2
    assert tallies.pending(9) == [(2, "b.example")]


def test_a_store_that_does_not_answer_is_told(database: Database) -> None:
    tallies = SqliteTallies(database, "dmarc")
    database.write(lambda connection: len(connection.execute("DROP TABLE tally").fetchall()))
    with pytest.raises(TryAgainLater):
        tallies.add([Tally(1, "a.example", b"x", 1)])
    with pytest.raises(TryAgainLater):
        tallies.pending(1)


def test_a_full_day_counts_on_what_is_there(database: Database) -> None:
    """Somebody with many names must not fill the disk; other days and kinds are not concerned."""
    tallies = SqliteTallies(database, "tls", limit=2)
    tallies.add([Tally(1, "a.example", b"x", 1), Tally(1, "b.example", b"x", 1)])
    tallies.add([Tally(1, "a.example", b"x", 5), Tally(1, "c.example", b"x", 1), Tally(2, "c.example", b"x", 1)])
    assert tallies.get(1, "a.example", 10) == [Tally(1, "a.example", b"x", 6)]
    assert tallies.pending(9) == [(1, "a.example"), (1, "b.example"), (2, "c.example")]
