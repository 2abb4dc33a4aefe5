"""Every test of the RFC 7208 suite of openspf.org: results, explanations, none left out.

Where the suite allows several results it names the preferred one first, and
that one is ours.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from samotop.msgauth import spf
from samotop.testing import ZoneResolver
from tests.fakes.yaml_subset import read_documents

SCENARIOS: Final = {
    "Initial processing": 16,
    "Record lookup": 7,
    "Selecting records": 10,
    "Record evaluation": 12,
    "ALL mechanism syntax": 5,
    "PTR mechanism syntax": 8,
    "A mechanism syntax": 29,
    "Include mechanism semantics and syntax": 9,
    "MX mechanism syntax": 21,
    "EXISTS mechanism syntax": 7,
    "IP4 mechanism syntax": 9,
    "IP6 mechanism syntax": 9,
    "Semantics of exp and other modifiers": 24,
    "Macro expansion rules": 24,
    "Processing limits": 11,
    "Test cases from implementation bugs": 2,
}


def read_suite(suites: Path) -> dict[str, dict[str, Any]]:
    text = (suites / "spf-openspf" / "rfc7208-tests.yml").read_text()
    return {document["description"]: document for document in read_documents(text)}


def test_the_suite_is_whole(suites: Path) -> None:
    """A reader that loses tests would lose them silently."""
    found = {name: len(document["tests"]) for name, document in read_suite(suites).items()}
    assert found == SCENARIOS
    assert sum(found.values()) == 203


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_scenario(scenario: str, suites: Path) -> None:
    """All tests of a scenario, so that one report shows all that fail."""
    document = read_suite(suites)[scenario]
    zones = {name: make_table(entries) for name, entries in document["zonedata"].items()}
    wrong: list[str] = []
    for name, case in document["tests"].items():
        found = await spf.evaluate(case["host"], case["helo"], case["mailfrom"], ZoneResolver(zones))
        allowed = case["result"] if isinstance(case["result"], list) else [case["result"]]
        expected = allowed[0]
        if found.result != expected:
            wrong.append(f"{name}: {found.result}, not {expected} ({found.reason})")
        explanation = case.get("explanation", found.explanation)
        if found.explanation != ("" if explanation == "DEFAULT" else explanation):
            wrong.append(f"{name}: {found.explanation!r}, not {explanation!r}")
    assert not wrong, "\n".join(wrong)


def make_table(entries: list[Any]) -> dict[str, list[str]] | str:
    """The suite's records of a name in presentation format.

    SPF records stand for TXT records where a name has no TXT of its own;
    ``TXT: NONE`` says that it has none at all. A TIMEOUT beside records is for
    all other types.
    """
    records: dict[str, list[str]] = {}
    times_out = False
    for entry in entries:
        if entry == "TIMEOUT":
            times_out = True
            continue
        ((kind, value),) = entry.items()
        records.setdefault(kind, []).extend([] if value == "NONE" else [present(kind, value)])
    policies = records.pop("SPF", [])
    records.setdefault("TXT", policies)
    if times_out and not records["TXT"]:
        return "TIMEOUT"
    return {kind: found for kind, found in records.items() if found}


def present(kind: str, value: Any) -> str:
    if kind in ("TXT", "SPF"):
        text = "".join(value) if isinstance(value, list) else value
        return '"' + "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):03}" for c in text if ord(c) < 256) + '"'
    if kind == "MX":
        return f"{value[0]} {value[1].removesuffix('.')}."
    return str(value)


def test_the_tables_have_all_records(suites: Path) -> None:
    """A conversion that loses records would test something else."""
    kinds: Counter[str] = Counter()
    for document in read_suite(suites).values():
        for entries in document["zonedata"].values():
            table = make_table(entries)
            if isinstance(table, dict):
                kinds.update({kind: len(found) for kind, found in table.items()})
    assert set(kinds) == {"A", "AAAA", "CNAME", "MX", "PTR", "TXT"}
    assert kinds["PTR"] > 20
    assert kinds["TXT"] > 150
