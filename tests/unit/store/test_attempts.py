"""The memory of those who were asked to come back."""

from __future__ import annotations

from pathlib import Path

from samotop.policy.greylist import DAY, Attempt, GreylistRules
from samotop.store.attempts import SqliteAttempts
from samotop.store.database import Database

NOW = 1_800_000_000.0
RULES = GreylistRules(wait=60, within=DAY, keep=30 * DAY)


def open_attempts(path: Path) -> SqliteAttempts:
    return SqliteAttempts(Database(str(path / "state.db")), b"secret", RULES)


def test_what_is_flushed_is_known_to_all(tmp_path: Path) -> None:
    one, other = open_attempts(tmp_path), open_attempts(tmp_path)
    one.note(["a"], NOW)
    assert one.find("a") == Attempt(NOW)
    assert other.find("a") is None
    one.flush(NOW)
    assert other.find("a") == Attempt(NOW)


def test_the_first_attempt_counts_until_it_is_forgotten(tmp_path: Path) -> None:
    attempts = open_attempts(tmp_path)
    attempts.note(["a"], NOW)
    attempts.flush(NOW)
    attempts.note(["a"], NOW + DAY)
    assert attempts.find("a") == Attempt(NOW)
    attempts.note(["a"], NOW + DAY + 1)
    assert attempts.find("a") == Attempt(NOW + DAY + 1)


def test_who_has_passed_is_kept_longer(tmp_path: Path) -> None:
    attempts = open_attempts(tmp_path)
    attempts.note(["a", "b"], NOW)
    attempts.note_passed(["a"], NOW + 60)
    attempts.flush(NOW + 60)
    attempts.flush(NOW + DAY + 1)
    assert attempts.find("b") is None
    assert attempts.find("a") == Attempt(NOW, NOW + 60)
    attempts.flush(NOW + 60 + 30 * DAY)
    assert attempts.find("a") is None


def test_who_writes_to_whom_is_not_in_the_file(tmp_path: Path) -> None:
    attempts = open_attempts(tmp_path)
    attempts.note(["net 192.0.2.0/24 example.net alice@example.org"], NOW)
    attempts.flush(NOW)
    assert b"example" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
