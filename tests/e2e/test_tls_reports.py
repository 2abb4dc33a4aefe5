"""A day of TLS, from sessions with a real server over real DNS to the report in the mailbox that the zone names."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from samotop.app.process import Process
from samotop.cli.dns_home import ensure_keys, note_keys
from samotop.config.read import load_config
from samotop.net.clock import SystemClock
from samotop.observe.log import open_log
from samotop.ports.tallies import DAY_SECONDS
from samotop.reporting.tls import TlsReporting
from samotop.store.database import Database
from samotop.store.keys import DkimKeys
from samotop.store.policies import SqlitePolicies
from samotop.tlspolicy.mtasts import Mode, StsEntry, StsPolicy
from samotop.tlspolicy.tlsrpt import read_message
from tests.fakes.knot import Knot, start_knot
from tests.fakes.serving import Home, MakeHome, Served, StartServer, poll
from tests.fakes.talk import Talk, message

__all__ = ["start_knot"]

pytestmark = pytest.mark.slow

THEIRS = """\
hostname = "mx.example.net"
domains = ["example.net"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[policy]
exempt = []

[dns]
servers = ["{server}"]
dnssec = "off"

[consent]
unknown = "accept"
"""

OURS = """\
hostname = "mx.example.org"
domains = ["example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[relay]
port = {port}
trusted = ["127.0.0.1"]

[dns]
servers = ["{server}"]
dnssec = "off"

[consent]
unknown = "accept"
"""


class ShiftedClock(SystemClock):
    """The system's clock, some days later."""

    shift = 0.0

    def time(self) -> float:
        return super().time() + self.shift


@asynccontextmanager
async def run_process(home: Home) -> AsyncIterator[Process]:
    """Our server in this process, where its day can be moved."""
    said = io.BytesIO()
    log = open_log(said, SystemClock())
    process = Process(load_config(home.path), home.path, log, asyncio.get_running_loop(), 0, 1)
    await process.start()
    try:
        yield process
    finally:
        await process.stop()
    assert b'"level":"error"' not in said.getvalue(), said.getvalue()


async def wait_for(look: Callable[[], object]) -> None:
    await asyncio.to_thread(poll, look)


@pytest.fixture
def world(make_home: MakeHome, start_server: StartServer, start_knot: Callable[..., Knot]) -> tuple[Home, Served]:
    """Ours, and the server of example.net, which asks for reports and demands more TLS than it has."""
    ours = make_home(OURS)
    keys = note_keys(ensure_keys(DkimKeys(ours.path), "example.org", SystemClock().time()))
    zones = {
        "example.net": {
            "example.net": {"MX": ["10 mx.example.net."]},
            "mx.example.net": {"A": ["127.0.0.1"]},
            "_smtp._tls.example.net": {"TXT": ['"v=TLSRPTv1; rua=mailto:alice@example.net"']},
        },
        "example.org": {
            "example.org": {"MX": ["10 mx.example.org."]},
            "mx.example.org": {"A": ["127.0.0.1"]},
            **{f"{key.selector}._domainkey.example.org": {"TXT": [f'"{key.record}"']} for key in keys},
        },
    }
    server = f"127.0.0.1:{start_knot(zones).port}"
    theirs = start_server(make_home(THEIRS.replace("{server}", server)))
    ours.write(OURS.replace("{server}", server).replace("{port}", str(theirs.port())))
    database = Database(str(ours.path / "state.db"))
    policy = StsPolicy(Mode.ENFORCE, ("mx.example.net",), 30 * DAY_SECONDS)
    SqlitePolicies(database).put_sts(StsEntry("example.net", policy, "1", SystemClock().time()))
    database.close()
    return ours, theirs


async def test_a_report_arrives_where_nothing_else_does(
    world: tuple[Home, Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate of example.net is of nobody's making, and its MTA-STS policy forbids that: mail waits. The report
    says so, signed, and comes in spite of it (RFC 8460 §3, RFC 8689 §3); how it came is in no other report."""
    home, theirs = world
    monkeypatch.setattr("samotop.app.process.SystemClock", ShiftedClock)
    monkeypatch.setattr(ShiftedClock, "shift", 0.0)
    async with run_process(home) as process:
        (reporting,) = [one for one in process._reportings.running if isinstance(one, TlsReporting)]
        address = process.addresses[0]

        def send() -> None:
            with Talk(address) as talk:
                talk.ehlo()
                assert talk.mail(message("waits"), "alice@example.net", sender="<bob@example.org>").startswith("250")

        await asyncio.to_thread(send)
        await wait_for(lambda: reporting._counts)
        (entry,) = await asyncio.to_thread(home.queue)
        assert theirs.home.mail() == []
        await asyncio.to_thread(home.run, "queue", "drop", str(entry["id"]))
        process.look()
        await reporting._sift_and_flush()

        ShiftedClock.shift = DAY_SECONDS + 6 * 3600.0
        await reporting.send_due()
        (mail,) = await asyncio.to_thread(theirs.home.wait_for_mail)
        await wait_for(lambda: not home.queue())
        assert not reporting._counts, "how the report came is no news"

    report = read_message(mail)
    assert (report.domain, report.metadata.organization) == ("example.net", "mx.example.org")
    assert (report.successes, report.failures) == (0, 1)
    assert report.policies[0].policy.type == "sts"
    assert report.policies[0].details[0].type == "certificate-not-trusted"
    for field in (b"TLS-Report-Domain: example.net", b"TLS-Report-Submitter: mx.example.org", b"TLS-Required: No"):
        assert b"\n" + field + b"\n" in mail
    assert b"Return-Path: <>\n" in mail
    assert b"dkim=pass" in mail, mail
    told = json.loads(theirs.home.run("report", "read", str(theirs.home.path / "mail" / "alice"), "--json").stdout)
    assert (told["tls"]["count"], told["tls"]["failed"]) == (1, 1)


async def test_with_reports_off_nothing_is_counted(world: tuple[Home, Served], tmp_path: Path) -> None:
    home, _ = world
    home.append("[reports]\ntls = false\n")
    async with run_process(home) as process:
        assert not [one for one in process._reportings.running if isinstance(one, TlsReporting)]
