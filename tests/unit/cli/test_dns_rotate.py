"""`samotop dns rotate`: new keys, without a message that nobody can check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from samotop.cli.dns_finding import Finding
from samotop.cli.dns_rotate import RETIRE_SECONDS, Step, take_step
from samotop.store.keys import DkimKeys, KeyPair
from tests.fakes.zoneserver import ZoneServer

NOW = 1_795_000_000.0
DAY = 86400.0


class Dns:
    """Answers for a pair's records in the state that the test says."""

    def __init__(self) -> None:
        self.state = "missing"
        self.asked: list[str] = []

    def __call__(self, pair: KeyPair) -> list[Finding]:
        self.asked.append(pair.name)
        return [Finding("DKIM", key.selector, "TXT", self.state, "words") for key in pair.keys]


@pytest.fixture
def dns() -> Dns:
    return Dns()


def step(home: Path, now: float, dns: Dns) -> Step:
    return take_step(DkimKeys(home), "example.org", "mx.example.org", now, dns)


def signing(home: Path) -> str:
    pair = DkimKeys(home).signing("example.org")
    assert pair is not None
    return pair.name


def test_the_whole_way_step_by_step(tmp_path: Path, dns: Dns) -> None:
    """Nothing signs before its record can be found, nothing is destroyed while mail is under way."""
    first = step(tmp_path, NOW, dns)
    assert (first.step, first.status, len(first.lines)) == ("publish", 0, 2)

    second = step(tmp_path, NOW + 300 * DAY, dns)
    assert (second.step, second.status, len(second.lines)) == ("publish", 0, 2)
    assert not set(second.lines) & set(first.lines)
    assert signing(tmp_path) == "s20261118"

    waits = step(tmp_path, NOW + 301 * DAY, dns)
    assert (waits.step, waits.status, waits.lines) == ("publish", 1, second.lines)
    dns.state = "unanswered"
    assert step(tmp_path, NOW + 301 * DAY, dns).status == 75
    assert signing(tmp_path) == "s20261118"

    dns.state = "ok"
    assert step(tmp_path, NOW + 302 * DAY, dns).step == "use"
    assert signing(tmp_path) == "s20270914"
    assert dns.asked == ["s20270914"] * 3

    keep = step(tmp_path, NOW + 303 * DAY, dns)
    assert (keep.step, keep.status) == ("keep", 0)
    assert "in 6 days" in keep.words
    assert len(DkimKeys(tmp_path).pairs("example.org")) == 2

    remove = step(tmp_path, NOW + 302 * DAY + RETIRE_SECONDS, dns)
    assert (remove.step, remove.lines) == ("remove", first.lines)
    assert [pair.name for pair in DkimKeys(tmp_path).pairs("example.org")] == ["s20270914"]


def test_a_run_too_many_makes_no_third_pair(tmp_path: Path, dns: Dns) -> None:
    for _ in range(5):
        step(tmp_path, NOW, dns)
    assert len(DkimKeys(tmp_path).pairs("example.org")) == 2


def test_the_verb_asks_dns_for_the_new_records(run, home: Path) -> None:
    words = ("dns", "rotate", "example.org", "--json", "--home", str(home))
    assert json.loads(run(*words)[1])["step"] == "publish"
    with ZoneServer({"example.org": {}}, ["example.org"]) as server:
        status, out, _ = run(*words)  # makes the pair that waits; nothing is asked yet
        assert status == 0
        status, out, _ = run(*words, "--server", server.address)
        told = json.loads(out)
        assert (status, told["step"]) == (1, "publish")
        for line in told["records"]:
            name, _, data = line.partition(" IN TXT   ")
            server.zones[f"{name.strip()}.example.org"] = {"TXT": [data]}
        status, out, _ = run(*words, "--server", server.address)
        assert (status, json.loads(out)["step"]) == (0, "use")


def test_people_get_the_records_and_what_to_do(run, home: Path) -> None:
    status, out, _ = run("dns", "rotate", "example.org", "--home", str(home))
    assert status == 0
    assert "Add these records" in out
    assert out.count("._domainkey ") == 2
