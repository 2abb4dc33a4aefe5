"""`samotop dns check`: each way in which DNS can differ from what the domain needs, by its name."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from samotop.cli.dns_check import check_records
from samotop.cli.dns_finding import Finding
from samotop.cli.dns_plan import plan_sections
from samotop.cli.dns_records import CertificateNote, KeyNote, Situation
from samotop.cli.dns_verbs import format_findings, summarize
from samotop.cli.paint import Paint
from samotop.testing import ZoneResolver
from tests.fakes.zoneserver import ZoneServer

KEY = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
OTHER_KEY = "v=DKIM1; k=ed25519; p=O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="
SITUATION = Situation(
    "example.org",
    "mx.example.org",
    addresses=("192.0.2.1",),
    certificate=CertificateNote(b"\x01" * 32, is_self_signed=True),
    services={"submission": 587},
    keys=(KeyNote("s1-ed", KEY, "signs"),),
    receives_at=25,
)
REVERSE = {"1.2.0.192.in-addr.arpa": {"PTR": ["mx.example.org."]}}

Zones = dict[str, dict[str, list[str] | str]]


def make_zones(situation: Situation = SITUATION) -> Zones:
    """A DNS that has exactly what is needed."""
    zones: Zones = {name: {kind: list(data) for kind, data in table.items()} for name, table in REVERSE.items()}
    for section in plan_sections(situation):
        for one in section.records:
            held = zones.setdefault(one.name, {}).setdefault(one.type, [])
            assert isinstance(held, list)
            held.append(one.data)
    return zones


async def check(zones: Zones, situation: Situation = SITUATION, *, secure: bool = True) -> list[Finding]:
    return await check_records(situation, plan_sections(situation), ZoneResolver(zones, secure=secure))


async def test_a_dns_with_everything_has_nothing_wrong_and_needs_no_advice() -> None:
    findings = await check(make_zones())
    assert {finding.state for finding in findings} == {"ok"}
    assert {finding.purpose for finding in findings} >= {"MX", "address", "SPF", "DKIM", "DMARC", "TLSA", "reverse DNS"}


async def test_an_empty_dns_misses_everything_and_says_what_to_paste() -> None:
    findings = await check({"example.org": {"NS": ["ns.example.net."]}}, secure=False)
    assert {finding.state for finding in findings} == {"missing", "advice"}
    assert all(finding.remedy and finding.words for finding in findings if finding.state == "missing")


CASES: Mapping[str, tuple[str, str, list[str] | str, str, str, str]] = {
    # name: where, type, data instead, purpose, state, part of the words
    "mail goes elsewhere": ("example.org", "MX", ["10 mail.example.com."], "MX", "differs", "to mail.example.com"),
    "null mx": ("example.org", "MX", ["0 ."], "MX", "differs", "no mail at all"),
    "somebody before us": (
        "example.org",
        "MX",
        ["10 mx.example.org.", "5 old.example.com."],
        "MX",
        "extra",
        "old.example.com as well",
    ),
    "a backup": ("example.org", "MX", ["10 mx.example.org.", "20 b.example.com."], "MX", "advice", "is that yours"),
    "dns is away": ("example.org", "MX", "TIMEOUT", "MX", "unanswered", "no server answered"),
    "two spf records": (
        "example.org",
        "TXT",
        ['"v=spf1 mx -all"', '"v=spf1 a -all"'],
        "SPF",
        "extra",
        "2 SPF records",
    ),
    "no spf among others": ("example.org", "TXT", ['"verification=1"'], "SPF", "missing", "anybody may send"),
    "spf is broken": ("example.org", "TXT", ['"v=spf1 mx ipv4:1.2.3.4 -all"'], "SPF", "differs", "cannot use"),
    "spf for the world": ("example.org", "TXT", ['"v=spf1 mx +all"'], "SPF", "differs", "everybody"),
    "spf without us": ("example.org", "TXT", ['"v=spf1 ip4:192.0.2.77 -all"'], "SPF", "differs", "192.0.2.1"),
    "spf in other words": ("example.org", "TXT", ['"v=spf1 ip4:192.0.2.0/28 ~all"'], "SPF", "ok", "strangers may not"),
    "spf of the host": ("mx.example.org", "TXT", ['"v=spf1 -all"'], "SPF of the host", "differs", "192.0.2.1"),
    "another key": (
        "s1-ed._domainkey.example.org",
        "TXT",
        [f'"{OTHER_KEY}"'],
        "DKIM",
        "differs",
        "another key is published",
    ),
    "a key that was revoked": (
        "s1-ed._domainkey.example.org",
        "TXT",
        ['"v=DKIM1; k=ed25519; p="'],
        "DKIM",
        "differs",
        "revoked",
    ),
    "a key with spaces": (
        "s1-ed._domainkey.example.org",
        "TXT",
        ['"k=ed25519;p=11qYAYKxCrfVS/7T" "yWQHOg7hcvPapiMlrwIaaPcHURo="'],
        "DKIM",
        "ok",
        "published",
    ),
    "a key for tests": ("s1-ed._domainkey.example.org", "TXT", [f'"{KEY}; t=y"'], "DKIM", "advice", "test"),
    "a key for nothing": ("s1-ed._domainkey.example.org", "TXT", [f'"{KEY}; s=tlsrpt"'], "DKIM", "differs", "not for"),
    "no key record": ("s1-ed._domainkey.example.org", "TXT", ['"hello"'], "DKIM", "differs", "no key record"),
    "two keys": (
        "s1-ed._domainkey.example.org",
        "TXT",
        [f'"{KEY}"', f'"{OTHER_KEY}"'],
        "DKIM",
        "extra",
        "only one may stay",
    ),
    "two policies": (
        "_dmarc.example.org",
        "TXT",
        ['"v=DMARC1; p=reject"', '"v=DMARC1; p=none"'],
        "DMARC",
        "extra",
        "counts as none",
    ),
    "no policy": ("_dmarc.example.org", "TXT", ['"DMARC1; p=reject"'], "DMARC", "differs", "begins with"),
    "a policy of nonsense": ("_dmarc.example.org", "TXT", ['"v=DMARC1; p=refuse"'], "DMARC", "differs", "not valid"),
    "a policy that watches": (
        "_dmarc.example.org",
        "TXT",
        ['"v=DMARC1; p=none; rua=mailto:a@example.org"'],
        "DMARC",
        "advice",
        "only watches",
    ),
    "a policy without reports": ("_dmarc.example.org", "TXT", ['"v=DMARC1; p=reject"'], "DMARC", "advice", "no rua"),
    "a stricter policy": (
        "_dmarc.example.org",
        "TXT",
        ['"v=DMARC1; p=reject; rua=mailto:a@example.org"'],
        "DMARC",
        "ok",
        "refused",
    ),
    "a certificate that was": (
        "_25._tcp.mx.example.org",
        "TLSA",
        ["3 1 1 " + "00" * 32],
        "TLSA",
        "differs",
        "will not deliver",
    ),
    "a certificate to come": (
        "_25._tcp.mx.example.org",
        "TLSA",
        ["3 1 1 " + "00" * 32, "3 1 1 " + "01" * 32],
        "TLSA",
        "ok",
        "published",
    ),
    "sts without an id": ("_mta-sts.example.org", "TXT", ['"v=STSv1;"'], "MTA-STS", "differs", "not valid"),
    "another sts": ("_mta-sts.example.org", "TXT", ['"v=STSv1; id=2026;"'], "MTA-STS", "ok", "other words"),
    "reports to nobody": ("_smtp._tls.example.org", "TXT", ['"v=TLSRPTv1; rua=me"'], "TLS-RPT", "differs", "not valid"),
    "reports elsewhere": (
        "_smtp._tls.example.org",
        "TXT",
        ['"v=TLSRPTv1;rua=https://r.example/"'],
        "TLS-RPT",
        "ok",
        "reported",
    ),
    "programs sent elsewhere": (
        "_submission._tcp.example.org",
        "SRV",
        ["0 1 587 old.example.com."],
        "SRV",
        "differs",
        "elsewhere",
    ),
    "programs sent to nothing": (
        "_imaps._tcp.example.org",
        "SRV",
        ["0 1 993 mx.example.org."],
        "SRV",
        "differs",
        "what we do not have",
    ),
    "another authority": ("mx.example.org", "CAA", ['0 issue "ca.example"'], "CAA", "ok", "you chose others"),
    "another address": ("mx.example.org", "A", ["192.0.2.2"], "address", "missing", "192.0.2.1 is not told"),
    "one address more": ("mx.example.org", "A", ["192.0.2.1", "192.0.2.2"], "address", "extra", "192.0.2.2 is told"),
    "an address of the other kind": ("mx.example.org", "AAAA", ["2001:db8::9"], "address", "advice", "2001:db8::9"),
    "a name that does not lead back": (
        "1.2.0.192.in-addr.arpa",
        "PTR",
        ["pool-1.example.com."],
        "reverse DNS",
        "advice",
        "pool-1.example.com",
    ),
    "no name": ("1.2.0.192.in-addr.arpa", "PTR", [], "reverse DNS", "advice", "has no name"),
}


@pytest.mark.parametrize("case", CASES)
async def test_each_difference_is_told_by_its_name(case: str) -> None:
    name, kind, data, purpose, state, part = CASES[case]
    zones = make_zones()
    zones.setdefault(name, {})[kind] = data
    findings = [one for one in await check(zones) if one.purpose == purpose and one.state == state]
    assert any(part in one.words for one in findings), await check(zones)
    if state in ("missing", "differs"):
        assert any(one.remedy for one in findings)


async def test_a_signed_zone_that_does_not_verify_is_wrong() -> None:
    """For everybody who validates, the domain is gone."""

    class Broken(ZoneResolver):
        async def lookup(self, name: str, type: str):
            from dataclasses import replace

            from samotop.dns import Security, Status

            answer = await super().lookup(name, type)
            if name == "example.org":
                return replace(answer, status=Status.SERVFAIL, records=(), security=Security.BOGUS)
            return answer

    findings = await check_records(SITUATION, plan_sections(SITUATION), Broken(make_zones()))
    assert {one.state for one in findings if one.purpose in ("MX", "SPF", "DNSSEC") and one.name == "example.org"} == {
        "differs"
    }


async def test_a_zone_without_signatures_is_advice_only() -> None:
    findings = await check(make_zones(), secure=False)
    assert not any(one.is_wrong for one in findings)
    assert {one.purpose for one in findings if one.state == "advice"} == {"DNSSEC", "TLSA"}


async def test_records_for_issuers_above_hold_for_the_host() -> None:
    zones = make_zones()
    zones["example.org"]["CAA"] = zones["mx.example.org"].pop("CAA")
    (found,) = [one for one in await check(zones) if one.purpose == "CAA"]
    assert (found.state, "example.org" in found.words) == ("ok", True)


async def test_without_known_addresses_those_in_dns_are_taken() -> None:
    from dataclasses import replace

    situation = replace(SITUATION, addresses=())
    zones = make_zones()
    assert {one.state for one in await check(zones, situation)} == {"ok"}
    zones["mx.example.org"].pop("A")
    found = [one for one in await check(zones, situation) if one.purpose == "address"]
    assert [one.state for one in found] == ["missing"]


async def test_everything_is_asked_once_and_its_progress_told() -> None:
    """Twenty questions one after another would take a slow server a minute."""
    seen: list[tuple[int, int]] = []
    resolver = ZoneResolver(make_zones(), secure=True)
    await check_records(SITUATION, plan_sections(SITUATION), resolver, lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(seen[0][1] + 1))
    assert len({total for _, total in seen}) == 1


GOLDEN = Path(__file__).parents[2] / "golden" / "dns"


@pytest.mark.parametrize("case", sorted(path.parent.name for path in GOLDEN.glob("*/zones.toml")))
async def test_the_words_are_those_in_the_folder(case: str) -> None:
    """They are for people: a change of them is to be read. `GOLDEN=write pytest ...` writes them anew."""
    told = tomllib.loads((GOLDEN / case / "zones.toml").read_text())
    resolver = ZoneResolver(told["zones"], secure=told.get("secure", False))
    findings = await check_records(SITUATION, plan_sections(SITUATION), resolver)
    words = "\n".join((*format_findings(findings, Paint(is_on=False)), summarize("example.org", findings), ""))
    expected = GOLDEN / case / "expected.txt"
    if os.environ.get("GOLDEN") == "write":
        expected.write_text(words)
    assert words == expected.read_text()


def test_there_are_golden_cases() -> None:
    """A folder that moved would make the test above pass by testing nothing."""
    assert len(list(GOLDEN.glob("*/zones.toml"))) >= 3


@pytest.fixture
def answering(run, home: Path) -> Iterator[ZoneServer]:
    """A server that has what the home's domain needs."""
    told = json.loads(run("dns", "records", "example.org", "--address", "192.0.2.1", "--json", "--home", str(home))[1])
    zones: dict[str, dict[str, list[str]]] = {}
    for one in told["records"]:
        zones.setdefault(one["name"], {}).setdefault(one["type"], []).append(one["data"])
    with ZoneServer(zones, ["example.org"]) as server:
        yield server


def test_a_domain_that_is_set_up_is_status_0(run, home: Path, answering: ZoneServer) -> None:
    words = ("dns", "check", "example.org", "--address", "192.0.2.1", "--server", answering.address)
    status, out, err = run(*words, "--home", str(home))
    assert (status, err) == (0, "")
    assert out.endswith("example.org is set up for mail.\n")
    assert "\x1b" not in out


def test_something_wrong_is_status_1_with_the_line_to_paste(run, home: Path, answering: ZoneServer) -> None:
    del answering.zones["_dmarc.example.org"]
    words = ("dns", "check", "example.org", "--address", "192.0.2.1", "--server", answering.address)
    status, out, _ = run(*words, "--home", str(home))
    assert status == 1
    assert "missing     DMARC" in out
    assert 'paste: _dmarc                            IN TXT   "v=DMARC1; p=quarantine;' in out
    assert out.endswith(" findings about example.org is wrong.\n")
    told = json.loads(run(*words, "--json", "--home", str(home))[1])
    assert [one["purpose"] for one in told["findings"] if one["state"] == "missing"] == ["DMARC"]


def test_dns_that_does_not_answer_is_status_75(run, home: Path, answering: ZoneServer) -> None:
    answering.origins = ["other.example"]
    words = ("dns", "check", "example.org", "--address", "192.0.2.1", "--server", answering.address)
    status, out, _ = run(*words, "--home", str(home))
    assert status == 75
    assert "Try again later" in out
