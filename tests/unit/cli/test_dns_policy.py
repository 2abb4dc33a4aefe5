"""`samotop dns check` on the MTA-STS policy: what senders get to see, against what the server would serve."""

from __future__ import annotations

from pathlib import Path

import pytest

from samotop.cli.dns_check import check_records
from samotop.cli.dns_finding import Finding
from samotop.cli.dns_home import observe
from samotop.cli.dns_plan import plan_sections, plan_sts_policy
from samotop.cli.dns_policy import check_policy
from samotop.cli.dns_records import CertificateNote, Situation
from samotop.config.read import read_config
from samotop.config.shapes import Config
from samotop.config.sts import own_policy
from samotop.net.clock import SystemClock
from samotop.testing import ZoneResolver
from samotop.tlspolicy.mtasts import Fetched, FetchStatus, Mode, StsPolicy, format_policy
from tests.fakes.certificates import make_certificate

SITUATION = Situation(
    "example.org", "mx.example.org", certificate=CertificateNote(b"\x01" * 32, is_self_signed=False), serves_web=True
)
WANTED = StsPolicy(Mode.ENFORCE, ("mx.example.org",), 604800)
RECORD = {"_mta-sts.example.org": {"TXT": ['"v=STSv1; id=1;"']}}


class Web:
    def __init__(self, fetched: Fetched) -> None:
        self.fetched = fetched
        self.asked: list[str] = []

    async def fetch(self, url: str) -> Fetched:
        self.asked.append(url)
        return self.fetched


def served(policy: StsPolicy) -> Fetched:
    return Fetched(FetchStatus.OK, format_policy(policy))


CASES = {
    "ours": (served(WANTED), "ok", "mode enforce"),
    "another age": (served(StsPolicy(Mode.ENFORCE, ("mx.example.org",), 60)), "differs", "another policy"),
    "another host": (served(StsPolicy(Mode.TESTING, ("mx.example.net",), 60)), "differs", "does not name mx.example"),
    "taken back": (served(StsPolicy(Mode.NONE, (), 60)), "differs", "another policy"),
    "no policy": (Fetched(FetchStatus.OK, b"<html>"), "differs", "cannot use"),
    "certificate": (Fetched(FetchStatus.UNTRUSTED, reason="no valid certificate"), "differs", "no valid certificate"),
    "redirected": (Fetched(FetchStatus.REFUSED, reason="the web server answered 301"), "differs", "answered 301"),
    "away": (Fetched(FetchStatus.FAILED, reason="cannot be reached"), "advice", "from here: cannot be reached"),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_senders_see_is_told(case: str) -> None:
    fetched, state, words = CASES[case]
    web = Web(fetched)
    (found,) = await check_policy(SITUATION, ZoneResolver(RECORD), web)  # type: ignore[arg-type]  # a plain dict of zones
    assert (found.purpose, found.name, found.state) == ("MTA-STS policy", "mta-sts.example.org", state)
    assert words in found.words
    assert web.asked == ["https://mta-sts.example.org/.well-known/mta-sts.txt"]


async def test_where_none_is_announced_none_is_fetched() -> None:
    web = Web(served(WANTED))
    assert await check_policy(SITUATION, ZoneResolver({}), web) == []
    assert web.asked == []


async def check(zones: dict[str, object]) -> list[Finding]:
    resolver = ZoneResolver(zones)  # type: ignore[arg-type]  # a plain dict of zones
    found = await check_records(SITUATION, plan_sections(SITUATION), resolver, fetcher=Web(served(WANTED)))
    return [one for one in found if one.purpose.startswith("MTA-STS")]


async def test_the_name_of_the_web_server_has_to_lead_somewhere() -> None:
    address = {"mta-sts.example.org": {"AAAA": ["2001:db8::1"]}}
    assert [one.state for one in await check({**RECORD, **address})] == ["ok", "ok", "ok"]
    record, host, policy = await check({**RECORD})
    assert (record.state, host.state, policy.state) == ("ok", "missing", "ok")
    assert "CNAME" in host.remedy and host.remedy.endswith("mx.example.org.")
    assert [one.state for one in await check({**RECORD, "mta-sts.example.org": "TIMEOUT"})][1] == "unanswered"


def configure(text: str = "") -> Config:
    config, faults = read_config(f'hostname = "mx.example.org"\ndomains = ["example.org"]\n{text}', "samotop.toml")
    assert config is not None, faults
    return config


def put_certificate(home: Path) -> None:
    (home / "tls").mkdir()
    root = make_certificate("Root", is_authority=True)
    make_certificate("mx.example.org", issuer=root).write(home / "tls", root)


def test_a_certificate_of_our_own_making_is_not_enforced(tmp_path: Path) -> None:
    """Senders would verify it, in vain: and mail would wait."""
    situation = observe(configure(), tmp_path, "example.org", SystemClock(), asks_system=False)
    assert plan_sts_policy(situation) == StsPolicy(Mode.TESTING, ("mx.example.org",), 604800)


@pytest.mark.parametrize(
    ("table", "policy"),
    [
        ("", WANTED),
        ('[mta_sts]\nmode = "testing"', StsPolicy(Mode.TESTING, ("mx.example.org",), 604800)),
        ('[mta_sts]\nmode = "none"\nmax_age = "1d"', StsPolicy(Mode.NONE, ("mx.example.org",), 86400)),
        (
            '[mta_sts]\nmx = ["mx.example.org", "*.Backup.example."]\nmax_age = "4w"',
            StsPolicy(Mode.ENFORCE, ("mx.example.org", "*.backup.example"), 2419200),
        ),
    ],
)
def test_the_records_are_planned_with_what_the_server_serves(tmp_path: Path, table: str, policy: StsPolicy) -> None:
    """One function: else the id in DNS would be that of another text."""
    put_certificate(tmp_path)
    config = configure(table)
    situation = observe(config, tmp_path, "example.org", SystemClock(), asks_system=False)
    assert plan_sts_policy(situation) == own_policy(config, tmp_path) == policy


def test_without_tls_for_mail_nothing_is_enforced(tmp_path: Path) -> None:
    put_certificate(tmp_path)
    config = configure('[[listen]]\nprotocol = "smtp"\naddress = "127.0.0.1:2525"\ntls = "none"')
    assert own_policy(config, tmp_path).mode is Mode.TESTING
