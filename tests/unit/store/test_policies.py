"""What is kept of other domains' TLS: policies until they end, levels that only rise, and never without a bound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import samotop.store.policies as module
from samotop.errors import TryAgainLater
from samotop.store.database import Database
from samotop.store.policies import SqlitePolicies
from samotop.tlspolicy.firstuse import FirstUseRules, Memory
from samotop.tlspolicy.levels import Level
from samotop.tlspolicy.mtasts import Mode, StsEntry, StsPolicy

NOW = 1.7e9
DAY = 86400.0
POLICY = StsPolicy(Mode.ENFORCE, ("mx.a.example", "*.b.example"), 7 * 86400)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(str(tmp_path / "state.db"))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "entry",
    [
        StsEntry("a.example", POLICY, "id1", NOW),
        StsEntry("a.example", StsPolicy(Mode.NONE, (), 60), "id2", NOW, NOW + 5, "id3"),
        StsEntry("a.example", None, "", 0.0, NOW, "id4"),
    ],
)
def test_an_entry_comes_back_as_it_was_put(database: Database, entry: StsEntry) -> None:
    policies = SqlitePolicies(database)
    assert policies.get_sts("a.example") is None
    policies.put_sts(StsEntry("a.example", POLICY, "old", NOW - DAY))
    policies.put_sts(entry)
    assert policies.get_sts("a.example") == entry
    assert policies.get_sts("b.example") is None


def test_policies_that_are_a_day_old_are_due(database: Database) -> None:
    policies = SqlitePolicies(database)
    old = [StsEntry(f"{name}.example", POLICY, "i", NOW - age * DAY) for name, age in (("a", 1), ("b", 3), ("c", 6.9))]
    for entry in [*old, StsEntry("new.example", POLICY, "i", NOW - 60), StsEntry("f.example", None, "", 0, NOW, "i")]:
        policies.put_sts(entry)
    policies.put_sts(StsEntry("over.example", POLICY, "i", NOW - 8 * DAY))
    assert [entry.domain for entry in policies.due_sts(NOW, 10)] == ["c.example", "b.example", "a.example"]
    assert [entry.domain for entry in policies.due_sts(NOW, 1)] == ["c.example"]
    policies.put_sts(StsEntry("c.example", POLICY, "i", NOW - 6.9 * DAY, NOW - 60, "j"))
    assert [entry.domain for entry in policies.due_sts(NOW, 9)] == ["b.example", "a.example", "c.example"], (
        "one whose server is away keeps no other from being renewed"
    )


def test_a_level_only_rises(database: Database) -> None:
    policies = SqlitePolicies(database)
    for reached, expected in (
        (Level.NONE, None),
        (Level.ENCRYPTED, Level.ENCRYPTED),
        (Level.VERIFIED, Level.VERIFIED),
        (Level.ENCRYPTED, Level.VERIFIED),
        (Level.DANE, Level.DANE),
        (Level.NONE, Level.DANE),
    ):
        policies.remember("a.example", reached, NOW)
        memory = policies.get_memory("a.example")
        assert (memory and memory.level) == expected


def test_another_process_is_not_overruled(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have read that nothing is known; the one with the lower level writes last."""
    policies = SqlitePolicies(database)
    policies.remember("a.example", Level.VERIFIED, NOW)
    monkeypatch.setattr(policies, "get_memory", lambda domain: None)
    policies.remember("a.example", Level.ENCRYPTED, NOW)
    assert SqlitePolicies(database).get_memory("a.example") == Memory("a.example", Level.VERIFIED, NOW)


def test_a_known_level_is_not_written_at_each_delivery(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    policies = SqlitePolicies(database)
    policies.remember("a.example", Level.VERIFIED, NOW)

    def refuse(change: object) -> int:
        raise AssertionError("written")

    monkeypatch.setattr(database, "write", refuse)
    policies.remember("a.example", Level.VERIFIED, NOW + 60)
    policies.remember("a.example", Level.ENCRYPTED, NOW + 60)


def test_what_has_ended_goes(database: Database) -> None:
    policies = SqlitePolicies(database)
    policies.put_sts(StsEntry("a.example", POLICY, "i", NOW - 8 * DAY))
    policies.put_sts(StsEntry("b.example", POLICY, "i", NOW))
    policies.put_sts(StsEntry("c.example", None, "", 0.0, NOW - 2 * DAY, "i"))
    policies.remember("a.example", Level.VERIFIED, NOW - 30 * DAY)
    policies.remember("b.example", Level.VERIFIED, NOW)
    assert policies.expire(NOW) == 3
    assert not (policies.get_sts("a.example") or policies.get_sts("c.example") or policies.get_memory("a.example"))
    assert policies.get_sts("b.example") is not None and policies.get_memory("b.example") is not None


def test_the_oldest_go_when_there_are_too_many(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STS_LIMIT", 2)
    policies = SqlitePolicies(database, FirstUseRules(most=2))
    for age, name in enumerate("abcd"):
        policies.put_sts(StsEntry(f"{name}.example", POLICY, "i", NOW - age))
        policies.remember(f"{name}.example", Level.ENCRYPTED, NOW - age)
    assert policies.expire(NOW) == 4
    left = [name for name in "abcd" if policies.get_sts(f"{name}.example") and policies.get_memory(f"{name}.example")]
    assert left == ["a", "b"]


def test_the_operator_can_have_a_domain_forgotten(database: Database) -> None:
    policies = SqlitePolicies(database)
    policies.remember("a.example", Level.DANE, NOW)
    policies.put_sts(StsEntry("a.example", POLICY, "i", NOW))
    assert policies.forget("a.example") and not policies.forget("a.example")
    assert not (policies.get_memory("a.example") or policies.get_sts("a.example"))


def test_a_store_that_does_not_answer_is_told(database: Database) -> None:
    policies = SqlitePolicies(database)
    database.write(
        lambda connection: len(connection.execute("DROP TABLE sts_policy; DROP TABLE tls_memory").fetchall())
    )
    for ask in (
        lambda: policies.get_sts("a"),
        lambda: policies.get_memory("a"),
        lambda: policies.put_sts(StsEntry("a")),
        lambda: policies.expire(NOW),
        lambda: policies.due_sts(NOW, 1),
        lambda: policies.forget("a"),
    ):
        with pytest.raises(TryAgainLater):
            ask()
