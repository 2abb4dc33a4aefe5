"""An in-memory DNS for tests: names to records, time-outs, failures, signed or not.

    resolver = ZoneResolver({
        "example.org": {"MX": ["10 mx.example.org."], "TXT": ['"v=spf1 mx -all"']},
        "mx.example.org": {"A": ["192.0.2.1"], "AAAA": "TIMEOUT"},
        "broken.example": "SERVFAIL",
    })
    answer = await resolver.lookup("example.org", "MX")

It answers as a name server with a resolver in front of it would: aliases are
followed, wildcards (``*.example.org``) stand for what is not there, names above
existing ones exist. tests/e2e compare it with real servers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from samotop.dns.answer import Answer, Security, Status
from samotop.dns.names import normalize_name
from samotop.dns.rdata import parse_record
from samotop.dns.records import Record

Table = Mapping[str, Sequence[str] | str]
"""Record data in presentation format by type; ``"TIMEOUT"`` or ``"SERVFAIL"`` in place of a list."""

TTL: Final = 300
ALIAS_LIMIT: Final = 8
"""Aliases in a row that are followed: as many as common resolvers do."""

_FAILURES: Final = {"TIMEOUT": Status.TIMEOUT, "SERVFAIL": Status.SERVFAIL}


class ZoneResolver:
    """Implements ``samotop.dns.Resolver``.

    ``zones`` maps names to their records by type, or to ``"TIMEOUT"`` or
    ``"SERVFAIL"`` for every type. ``secure`` says whether answers are signed:
    all, none, or those for exactly the names given. ``questions`` counts what
    was asked, as ``(name, type)``. Raises ``ValueError`` for record data that
    cannot be read, and for TXT data with spaces outside of quotes, which would
    vanish.
    """

    def __init__(self, zones: Mapping[str, Table | str], secure: bool | Collection[str] = False) -> None:
        self.questions: Counter[tuple[str, str]] = Counter()
        self._tables: dict[str, dict[str, tuple[Record, ...] | Status]] = {}
        self._failing: dict[str, Status] = {}
        self._existing: set[str] = {""}
        self._secure = secure if isinstance(secure, bool) else frozenset(map(normalize_name, secure))
        for name, table in zones.items():
            self._add(normalize_name(name), table)

    def _add(self, name: str, table: Table | str) -> None:
        above = name
        while above:  # an empty name between two that exist is there as well (RFC 4592 §2.2.2)
            self._existing.add(above)
            above = above.partition(".")[2]
        if isinstance(table, str):
            self._failing[name] = _read_failure(table)
            return
        records = self._tables.setdefault(name, {})
        for word, texts in table.items():
            kind = word.upper()
            if isinstance(texts, str):
                records[kind] = _read_failure(texts)
            else:
                records[kind] = _read_records(kind, texts)

    async def lookup(self, name: str, type: str) -> Answer:
        """Answer from the zones; counted in ``questions``."""
        kind = type.upper()
        try:
            asked = normalize_name(name)
        except ValueError:
            return Answer(name, kind, Status.NXDOMAIN)
        self.questions[asked, kind] += 1
        at, is_secure = asked, True
        for _ in range(ALIAS_LIMIT + 1):
            is_secure = is_secure and self._is_secure(at)
            found = self._find(at, kind)
            if isinstance(found, Status):
                if found in (Status.TIMEOUT, Status.SERVFAIL):
                    return Answer(asked, kind, found, security=Security.INDETERMINATE, canonical=at)
                return Answer(asked, kind, found, (), _security(is_secure), TTL, at)
            records, is_alias = found
            if not is_alias:
                return Answer(asked, kind, Status.OK, records, _security(is_secure), TTL, at)
            at = str(records[0])
        return Answer(asked, kind, Status.SERVFAIL, security=Security.INDETERMINATE, canonical=asked)

    def _find(self, name: str, type: str) -> tuple[tuple[Record, ...], bool] | Status:
        """The records and whether they are an alias, or why there are none."""
        if name in self._failing:
            return self._failing[name]
        table = self._tables.get(name)
        if table is None:
            if name in self._existing:
                return Status.NODATA
            wildcard = self._wildcard(name)
            if wildcard in self._failing:
                return self._failing[wildcard]
            if wildcard not in self._existing:
                return Status.NXDOMAIN
            table = self._tables.get(wildcard, {})  # it may be there as an empty name
        records = table.get(type, ())
        if isinstance(records, Status):
            return records
        if records:
            return records, False
        alias = table.get("CNAME", ())
        if isinstance(alias, Status):
            return alias
        return (alias, True) if alias and type != "CNAME" else Status.NODATA

    def _wildcard(self, name: str) -> str:
        """The name of the wildcard at the closest name that exists (RFC 4592 §3.3.1)."""
        above = name.partition(".")[2]
        while above and above not in self._existing:
            above = above.partition(".")[2]
        return f"*.{above}" if above else "*"

    def _is_secure(self, name: str) -> bool:
        if isinstance(self._secure, bool):
            return self._secure
        return name in self._secure


def _read_records(kind: str, texts: Sequence[str]) -> tuple[Record, ...]:
    """The records as they were given; a real server has each once (RFC 2181 §5), who writes it twice wants that."""
    for text in texts:
        if kind == "TXT" and '"' not in text and len(text.split()) > 1:
            raise ValueError(f"TXT data with spaces stands in quotes: '\"{text}\"'")
    return tuple(parse_record(kind, text) for text in texts)


def _read_failure(word: str) -> Status:
    if word not in _FAILURES:
        raise ValueError(f"{word!r} stands where a list of records or one of {', '.join(_FAILURES)} should")
    return _FAILURES[word]


def _security(is_secure: bool) -> Security:
    return Security.SECURE if is_secure else Security.INSECURE
