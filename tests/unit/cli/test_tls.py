"""`samotop tls`: what is known of other domains' TLS, and how the operator has it forgotten."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from samotop.store.database import Database
from samotop.store.policies import SqlitePolicies
from samotop.tlspolicy.levels import Level
from samotop.tlspolicy.mtasts import Mode, StsEntry, StsPolicy

NOW = time.time()


@pytest.fixture
def kept(home: Path) -> Path:
    """Three domains: one that was seen, one with a policy and seen, one whose policy could not be fetched."""
    database = Database(str(home / "state.db"))
    policies = SqlitePolicies(database)
    policies.remember("a.example", Level.VERIFIED, NOW)
    policies.remember("b.example", Level.DANE, NOW)
    policies.put_sts(StsEntry("b.example", StsPolicy(Mode.ENFORCE, ("mx.b.example",), 604800), "id1", NOW - 60))
    policies.put_sts(StsEntry("c.example", None, "", 0.0, NOW, "id2"))
    database.close()
    return home


def test_what_is_known_is_listed_with_what_it_demands(run, kept: Path) -> None:
    status, out, _ = run("tls", "list", "--home", str(kept))
    assert status == 0
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [row[:2] for row in rows] == [
        ["a.example", "verified"],
        ["b.example", "dane"],
        ["b.example", "verified"],
        ["c.example", "nothing"],
    ]
    assert "MTA-STS enforce: mx.b.example" in out and "could not be fetched" in out


def test_it_is_there_for_programs(run, kept: Path) -> None:
    found = json.loads(run("tls", "list", "--json", "--home", str(kept))[1])
    assert [one["domain"] for one in found] == ["a.example", "b.example", "c.example"]
    assert found[0]["memory"]["level"] == "verified" and found[0]["mta_sts"] is None
    assert found[0]["memory"]["until"] - found[0]["memory"]["seen"] == 30 * 86400
    policy = found[1]["mta_sts"]
    assert (policy["mode"], policy["hosts"], policy["id"]) == ("enforce", ["mx.b.example"], "id1")
    assert found[2]["memory"] is None and found[2]["mta_sts"]["mode"] is None


def test_one_domain_however_it_is_written(run, kept: Path) -> None:
    found = json.loads(run("tls", "list", "A.Example.", "--json", "--home", str(kept))[1])
    assert [one["domain"] for one in found] == ["a.example"]


def test_a_domain_is_forgotten_with_its_policy(run, kept: Path) -> None:
    status, out, _ = run("tls", "forget", "B.example", "--home", str(kept))
    assert status == 0 and "b.example" in out
    assert "b.example" not in run("tls", "list", "--home", str(kept))[1]
    assert run("tls", "forget", "b.example", "--home", str(kept))[0] == 1


@pytest.mark.parametrize("verb", ["list", "forget"])
def test_what_is_not_known_is_status_1(run, kept: Path, verb: str) -> None:
    status, _, err = run("tls", verb, "gone.example", "--home", str(kept))
    assert status == 1 and "nothing is known" in err


@pytest.mark.parametrize("verb", ["list", "forget"])
@pytest.mark.parametrize("word", ["bob@example.net", "", "xn--\u0378.example"])
def test_what_is_no_domain_is_said_to_be_none(run, kept: Path, verb: str, word: str) -> None:
    status, _, err = run("tls", verb, word, "--home", str(kept))
    assert status == 1 and "no domain" in err


def test_a_home_that_has_sent_nothing_knows_nothing(run, home: Path) -> None:
    assert run("tls", "list", "--home", str(home))[:2] == (
        0,
        "Nothing is known of other domains' TLS: nothing has been sent yet, or it has ended.\n",
    )
    (home / "state.db").unlink()
    assert json.loads(run("tls", "list", "--json", "--home", str(home))[1]) == []
    assert run("tls", "forget", "a.example", "--home", str(home))[0] == 1


def test_a_long_list_is_read_in_pages(run, home: Path) -> None:
    """None is left out, and none told twice."""
    database = Database(str(home / "state.db"))
    names = [f"d{number:04}.example" for number in range(1203)]
    with database.writer() as connection:
        connection.executemany("INSERT INTO tls_memory VALUES (?, 'verified', ?)", [(name, NOW) for name in names])
    database.close()
    assert [one["domain"] for one in json.loads(run("tls", "list", "--json", "--home", str(home))[1])] == names
