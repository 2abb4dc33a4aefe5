"""MTA-STS policies and the memory of first use, in state.db (``ports.policies``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import apsw

from samotop.ports.policies import Known
from samotop.store.database import Database
from samotop.store.faults import asked
from samotop.tlspolicy.firstuse import FirstUseRules, Memory, remember_level
from samotop.tlspolicy.levels import Level
from samotop.tlspolicy.mtasts import Mode, StsEntry, StsPolicy, StsRules

STS_LIMIT: Final = 100_000
"""Domains with a policy or a failure to fetch one. Most have neither; some 200 octets each."""

PAGE: Final = 500
"""Domains read at a time: a listing must not keep a snapshot of state.db open for the length of a long one."""

_STS: Final = "domain, mode, patterns, max_age, id, fetched_at, failed_at, failed_id"


class SqlitePolicies:
    """Implements ``ports.policies.Policies``."""

    def __init__(
        self, database: Database, rules: FirstUseRules = FirstUseRules(), sts_rules: StsRules = StsRules()
    ) -> None:
        self._database = database
        self._rules = rules
        self._sts_rules = sts_rules

    def get_sts(self, domain: str) -> StsEntry | None:
        with asked():
            row = self._one(f"SELECT {_STS} FROM sts_policy WHERE domain = ?", domain)  # noqa: S608 - ours, above
        return _read_entry(row) if row is not None else None

    def put_sts(self, entry: StsEntry) -> None:
        policy = entry.policy
        mode, patterns, age = (
            ("", "", 0) if policy is None else (policy.mode, "\n".join(policy.patterns), policy.max_age)
        )
        row = (
            entry.domain, str(mode), patterns, age, entry.id, float(entry.fetched_at), float(entry.failed_at),
            entry.failed_id, float(entry.ends_at),
        )  # fmt: skip

        def replace(connection: apsw.Connection) -> int:
            statement = f"INSERT OR REPLACE INTO sts_policy ({_STS}, ends_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - ours
            connection.execute(statement, row)
            return 1

        with asked():
            self._database.write(replace)

    def due_sts(self, now: float, limit: int) -> Sequence[StsEntry]:
        query = (
            f"SELECT {_STS} FROM sts_policy WHERE mode != '' AND fetched_at <= ? AND ends_at >= ? "  # noqa: S608 - ours
            "ORDER BY failed_at > 0, ends_at, domain LIMIT ?"
        )
        with asked():
            rows = self._database.reader().execute(query, (now - self._sts_rules.refresh, now, limit)).fetchall()
        return [_read_entry(row) for row in rows]

    def get_memory(self, domain: str) -> Memory | None:
        with asked():
            return _read_memory(self._one("SELECT domain, level, seen_at FROM tls_memory WHERE domain = ?", domain))

    def remember(self, domain: str, reached: Level, now: float) -> None:
        if remember_level(self.get_memory(domain), domain, reached, now, self._rules) is None:
            return  # so for most deliveries: nothing is written

        def raise_level(connection: apsw.Connection) -> int:
            query = "SELECT domain, level, seen_at FROM tls_memory WHERE domain = ?"
            known = _read_memory(connection.execute(query, (domain,)).fetchone())
            memory = remember_level(known, domain, reached, now, self._rules)
            if memory is None:  # another process was first
                return 0
            row = (memory.domain, str(memory.level), float(memory.seen_at))
            connection.execute("INSERT OR REPLACE INTO tls_memory (domain, level, seen_at) VALUES (?, ?, ?)", row)
            return 1

        with asked():
            self._database.write(raise_level)

    def forget(self, domain: str) -> bool:
        def delete(connection: apsw.Connection) -> int:
            connection.execute("DELETE FROM tls_memory WHERE domain = ?", (domain,))
            changes = connection.changes()
            connection.execute("DELETE FROM sts_policy WHERE domain = ?", (domain,))
            return changes + connection.changes()

        with asked():
            return self._database.write(delete) > 0

    def known(self, domain: str | None = None) -> Iterator[Known]:
        """Of every domain in the order of their names, or of one, what is kept. For the operator, not for the relay."""
        name = ""
        with asked():
            while True:
                domains = self._names(name) if domain is None else [domain]
                for name in domains:
                    found = Known(name, self.get_memory(name), self.get_sts(name))
                    if found.memory is not None or found.sts is not None:
                        yield found
                if domain is not None or len(domains) < PAGE:
                    return

    def _names(self, after: str) -> list[str]:
        query = (
            "SELECT domain FROM tls_memory WHERE domain > ?1 UNION SELECT domain FROM sts_policy WHERE domain > ?1 "
            "ORDER BY domain LIMIT ?2"
        )
        return [str(name) for (name,) in self._database.reader().execute(query, (after, PAGE)).fetchall()]

    def expire(self, now: float) -> int:
        oldest = now - self._rules.lifetime

        def delete(connection: apsw.Connection) -> int:
            changes = 0
            for statement, values in (
                ("DELETE FROM sts_policy WHERE ends_at < ?", (now,)),
                ("DELETE FROM tls_memory WHERE seen_at <= ?", (oldest,)),
                (_TOO_MANY_STS, (STS_LIMIT,)),
                (_TOO_MANY_MEMORIES, (self._rules.most,)),
            ):
                connection.execute(statement, values)
                changes += connection.changes()
            return changes

        with asked():
            return self._database.write(delete)

    def _one(self, query: str, domain: str) -> Any:
        return self._database.reader().execute(query, (domain,)).fetchone()


_TOO_MANY_STS: Final = (
    "DELETE FROM sts_policy WHERE domain IN "
    "(SELECT domain FROM sts_policy ORDER BY max(fetched_at, failed_at) DESC, domain LIMIT -1 OFFSET ?)"
)
_TOO_MANY_MEMORIES: Final = (
    "DELETE FROM tls_memory WHERE domain IN "
    "(SELECT domain FROM tls_memory ORDER BY seen_at DESC, domain LIMIT -1 OFFSET ?)"
)


def _read_entry(row: Any) -> StsEntry:
    domain, mode, patterns, max_age, policy_id, fetched_at, failed_at, failed_id = row
    policy = StsPolicy(Mode(mode), tuple(patterns.split("\n")) if patterns else (), max_age) if mode else None
    return StsEntry(domain, policy, policy_id, fetched_at, failed_at, failed_id)


def _read_memory(row: Any) -> Memory | None:
    return Memory(row[0], Level(row[1]), row[2]) if row is not None else None
