"""The checks within a process: what waits, what is told to the log, what is recorded and for how long."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from samotop.app.policing import Policing, tell_findings
from samotop.app.recording import WAITING_LIMIT, Recorder
from samotop.config.read import read_config
from samotop.observe.log import open_log
from samotop.policy.harvesting import PATIENCE
from samotop.policy.record import describe, format_record
from samotop.policy.stage import Stage
from samotop.routing.router import Router
from samotop.store import decisions
from samotop.store.decisions import DecisionFiles, list_files
from samotop.terms import routing_rules
from samotop.testing import MovableClock
from samotop.verdict import ABSTAIN, Verdict
from tests.fakes.queue import FakeAccounts
from tests.unit.policy import cases
from tests.unit.policy.test_replay import HIDE

CONFIG = """\
hostname = "mx.example.org"
domains = ["example.org"]
[policy]
"""
UNKNOWN = Verdict.reject("recipient", "nobody has this address", status="5.1.1")
DAY = 86400.0


class Home:
    """A process' checks, with a sleep that only remembers."""

    def __init__(self, path: Path, policy: str = "") -> None:
        config, faults = read_config(CONFIG + policy, "samotop.toml")
        assert config is not None, faults
        self.clock = MovableClock()
        self.stream = io.BytesIO()
        self.slept: list[float] = []
        self.loop = asyncio.get_running_loop()
        log = open_log(self.stream, self.clock)
        router = Router(routing_rules(config), FakeAccounts("alice"))
        self.policing = Policing(config, path, router, self.clock, self.loop, log, self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    async def refuse(self, ip: str = "192.0.2.7") -> Verdict:
        found: Any = self.policing.refuse_recipient(cases.rcpt(facts=cases.mail(ip=ip)), UNKNOWN)
        return found if isinstance(found, Verdict) else await found


async def test_who_tries_names_is_answered_later_and_later(tmp_path: Path) -> None:
    home = Home(tmp_path, 'harvest = "2/h"')
    verdicts = [await home.refuse() for _ in range(2 + PATIENCE + 1)]
    assert home.slept[:4] == [1.0, 2.0, 4.0, 8.0]
    assert verdicts[:-1] == [UNKNOWN] * (2 + PATIENCE)
    assert (str(verdicts[-1].status), verdicts[-1].closes) == ("4.7.1", True)
    assert await home.refuse("198.51.100.1") == UNKNOWN, "others are answered at once"
    assert len(home.slept) == PATIENCE


async def test_other_refusals_of_a_recipient_are_no_guesses(tmp_path: Path) -> None:
    home = Home(tmp_path, 'harvest = "1/h"')
    other = Verdict.reject("recipient", "relaying", status="5.7.1")
    assert [home.policing.refuse_recipient(cases.rcpt(), other) for _ in range(5)] == [other] * 5


async def test_the_log_has_each_refusal_by_its_code_and_nobody(tmp_path: Path) -> None:
    home = Home(tmp_path)
    ask = home.policing.noting(Stage.HELLO, home.policing.checks.hello)
    assert ask(cases.hello("mx.example.org")).is_refusal
    assert ask(cases.hello()) is ABSTAIN
    told = home.stream.getvalue()
    assert told.count(b"\n") == 1
    assert b'"check":"hello-ours"' in told
    assert b"192.0.2" not in told


async def test_awaited_decisions_are_told_as_well(tmp_path: Path) -> None:
    home = Home(tmp_path)

    async def decide(facts: object) -> list[Verdict]:
        return [ABSTAIN, UNKNOWN]

    assert await home.policing.noting(Stage.CONTENT, decide)(cases.content()) == [ABSTAIN, UNKNOWN]
    assert home.stream.getvalue().count(b'"event":"refused"') == 1


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Verdict.accept("consent", "approved: you approved them"), "approved: you approved them (not encrypted)"),
        (Verdict.hold("consent", "unknown: unknown", folder="Requests"), "unknown: unknown (not encrypted)"),
        (Verdict.reject("consent", "rejected: you rejected them"), "rejected: you rejected them"),
        (ABSTAIN, ""),
    ],
)
def test_findings_go_with_what_is_taken(verdict: Verdict, reason: str) -> None:
    assert tell_findings(verdict, ("not encrypted",)).reason == reason
    assert tell_findings(verdict, ()) is verdict


async def test_facts_are_completed_for_who_decides_next(tmp_path: Path) -> None:
    (tmp_path / "allowed").write_text("192.0.2.0/24\n")
    home = Home(tmp_path, 'allow_files = ["allowed"]')
    facts = home.policing.complete(cases.content())
    assert (facts.findings, facts.is_allowed) == (("not encrypted",), True)


async def test_nothing_is_recorded_unless_the_operator_wants_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.policing.noting(Stage.CONTENT, home.policing.checks.content)(cases.content())
    home.policing.look()
    await home.policing.stop()
    assert list(tmp_path.iterdir()) == []


async def test_what_is_recorded_is_refusals_and_whole_messages(tmp_path: Path) -> None:
    home = Home(tmp_path, "record = true")
    policing = home.policing
    policing.noting(Stage.CONTENT, policing.checks.content)(cases.content())
    policing.noting(Stage.RECIPIENT, policing.checks.recipient)(cases.rcpt())
    policing.noting(Stage.HELLO, policing.checks.hello)(cases.hello("mx.example.org"))
    await policing.stop()
    (path,) = list_files(tmp_path / "policy")
    assert (path.name, path.stat().st_mode & 0o777) == ("record-20260101.jsonl", 0o600)
    assert [line.split(b'"stage":"')[1].split(b'"')[0] for line in path.read_bytes().splitlines()] == [
        b"content",
        b"hello",
    ]


async def test_what_cannot_be_recorded_is_lost_and_told(tmp_path: Path) -> None:
    """No mail waits for it."""
    (tmp_path / "policy").write_text("no folder")
    home = Home(tmp_path, "record = true")
    home.policing.noting(Stage.HELLO, home.policing.checks.hello)(cases.hello("mx.example.org"))
    await home.policing.stop()
    assert b'"event":"record_unwritable"' in home.stream.getvalue()


async def test_only_so_many_decisions_wait_to_be_written(tmp_path: Path) -> None:
    clock = MovableClock()
    recorder = Recorder(tmp_path, DAY, clock, open_log(io.BytesIO(), clock))
    facts, verdict = cases.hello(), Verdict.reject("hello", "hello-ours: x")
    for _ in range(WAITING_LIMIT + 10):
        recorder.note(Stage.HELLO, facts, verdict)
    await recorder.stop(asyncio.get_running_loop())
    (path,) = list_files(tmp_path / "policy")
    assert path.read_bytes().count(b"\n") == WAITING_LIMIT


def test_records_go_when_their_time_is_over(tmp_path: Path) -> None:
    clock = MovableClock()
    files = DecisionFiles(tmp_path, 2 * DAY)
    line = format_record(describe("hello", cases.hello(), ABSTAIN, 0.0), HIDE)
    for _ in range(5):
        assert files.append([line], clock.time())
        clock.move(DAY)
    names = [path.name for path in list_files(tmp_path / "policy")]
    assert names == ["record-20260102.jsonl", "record-20260103.jsonl", "record-20260104.jsonl", "record-20260105.jsonl"]


def test_a_day_s_record_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "FILE_LIMIT", 100)
    files = DecisionFiles(tmp_path, DAY)
    assert [files.append([b"x" * 60], 0.0) for _ in range(3)] == [True, True, False]


def test_the_rules_of_checks_come_from_the_configuration() -> None:
    from samotop.terms import owner_levels, policy_rules

    config, faults = read_config(
        CONFIG
        + 'hello = "strict"\nspf = "enforce"\ndmarc = "observe"\nrate_network = "10/5m"\n'
        + 'no_bounces = ["Info@example.org"]\n'
        + 'block_types = [".EXE"]\n[mailbox.alice]\nrequire_tls = "1.2"\n',
        "samotop.toml",
    )
    assert config is not None, faults
    rules = policy_rules(config)
    assert (rules.hello.mode, rules.enforces_spf, rules.enforces_dmarc) == ("strict", True, False)
    assert (rules.rate_network.count, rules.rate_network.seconds) == (10, 300.0)
    assert rules.no_bounces == {"info@example.org"}
    assert rules.content.endings == (".exe",)
    assert owner_levels(config) == {"alice": "1.2"}
    assert policy_rules(replace(config, policy=replace(config.policy, hello="off"))).hello.mode == "off"
