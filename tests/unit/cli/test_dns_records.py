"""`samotop dns records`: what a domain needs, as a zone file and as values."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import dns.rdatatype
import dns.zone
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from samotop.cli import dns_home
from samotop.cli.dns_home import observe, own_domain
from samotop.cli.dns_plan import plan_sections
from samotop.cli.dns_records import CertificateNote, KeyNote, Situation
from samotop.cli.dns_zone import format_zone
from samotop.config.read import FILE_NAME, load_config
from samotop.errors import SetupError
from samotop.msgauth.dmarc import parse_record as parse_dmarc
from samotop.msgauth.signature import parse_key_record
from samotop.msgauth.spf import parse_record as parse_spf
from samotop.net.clock import SystemClock
from samotop.tlspolicy.stspolicy import Mode, StsPolicy

GOLDEN = Path(__file__).parents[2] / "golden" / "dns"
RSA = "v=DKIM1; k=rsa; p=" + "MIIBIjANBgkq" * 30
SELF_SIGNED = CertificateNote(bytes(range(32)), is_self_signed=True)
SITUATIONS: Mapping[str, Situation] = {
    "fresh": Situation(
        "example.org",
        "mx.example.org",
        certificate=SELF_SIGNED,
        services={"submission": 2587},
        keys=(KeyNote("s20261122-ed", "v=DKIM1; k=ed25519; p=11qY", "signs"), KeyNote("s20261122-rsa", RSA, "signs")),
        receives_at=2525,
        hidden=("smtp 127.0.0.1:2525", "submission 127.0.0.1:2587"),
    ),
    "in-service": Situation(
        "example.org",
        "mx.example.org",
        addresses=("192.0.2.1", "2001:db8::1"),
        certificate=CertificateNote(bytes(range(32)), is_self_signed=False, issuer="letsencrypt.org"),
        services={"submission": 587, "submissions": 465},
        keys=(
            KeyNote("s20250101-rsa", RSA, "retired"),
            KeyNote("s20260101-rsa", RSA, "signs"),
            KeyNote("s20261122-rsa", RSA, "waits"),
        ),
        receives_at=25,
    ),
    "host-elsewhere": Situation(
        "example.net",
        "mx.example.org",
        addresses=("192.0.2.1",),
        certificate=SELF_SIGNED,
        keys=(KeyNote("s20261122-rsa", RSA, "signs"),),
        smarthost="relay.example.com",
        receives_at=25,
    ),
    "serves-its-policy": Situation(
        "example.org",
        "mx.example.org",
        addresses=("192.0.2.1",),
        sts=StsPolicy(Mode.ENFORCE, ("mx.example.org", "*.backup.example"), 1_209_600),
        serves_web=True,
        receives_at=25,
    ),
    "host-is-the-domain": Situation("example.org", "example.org", addresses=("192.0.2.1",)),
}


def read_zone(text: str, domain: str) -> dns.zone.Zone:
    """As a name server reads it, but for the SOA and NS that are already in the zone."""
    return dns.zone.from_text(text, origin=f"{domain}.", relativize=False, check_origin=False)


@pytest.mark.parametrize("case", SITUATIONS)
def test_the_zone_is_the_one_in_the_folder(case: str) -> None:
    """People paste it: a change is to be read before it is taken. `GOLDEN=write pytest ...` writes it anew."""
    situation = SITUATIONS[case]
    text = format_zone(situation, plan_sections(situation))
    expected = GOLDEN / f"{case}.zone"
    if os.environ.get("GOLDEN") == "write":
        expected.write_text(text)
    assert text == expected.read_text()
    assert all(len(line) <= 100 for line in text.splitlines() if line.startswith(";") and " IN " not in line)


@pytest.mark.parametrize("case", SITUATIONS)
def test_the_zone_is_read_back_record_by_record(case: str) -> None:
    situation = SITUATIONS[case]
    sections = plan_sections(situation)
    zone = read_zone(format_zone(situation, sections), situation.domain)
    found = {(str(name), dns.rdatatype.to_text(kind)) for name, kind in _each(zone)}
    needed = {
        (f"{one.name}.", one.type)
        for section in sections
        for one in section.records
        if one.name == situation.domain or one.name.endswith(f".{situation.domain}")
    }
    assert found == needed
    assert {"MX", "TXT", "SRV"} <= {kind for _, kind in found}


def _each(zone: dns.zone.Zone):
    for name, rdataset in zone.iterate_rdatasets():
        yield name, rdataset.rdtype


def test_every_section_says_why() -> None:
    for situation in SITUATIONS.values():
        assert all(len(section.why.split()) >= 3 for section in plan_sections(situation))


def test_a_host_elsewhere_leaves_nothing_active_outside_of_the_zone() -> None:
    """A name server would refuse the whole zone for it."""
    situation = SITUATIONS["host-elsewhere"]
    lines = format_zone(situation, plan_sections(situation)).splitlines()
    assert not any("mx.example.org.  " in line for line in lines if not line.startswith(";"))
    assert any(line.startswith("; _25._tcp.mx.example.org. ") and " TLSA " in line for line in lines)


def test_without_an_address_the_placeholder_is_no_record() -> None:
    situation = SITUATIONS["fresh"]
    zone = read_zone(format_zone(situation, plan_sections(situation)), "example.org")
    assert zone.get_rdataset("mx.example.org.", "A") is None


def test_a_home_prints_a_zone_whose_records_mean_what_they_should(run, home: Path) -> None:
    status, out, err = run("dns", "records", "example.org", "--address", "192.0.2.1", "--home", str(home))
    assert (status, err) == (0, "")
    zone = read_zone(out, "example.org")
    (spf,) = zone.find_rdataset("example.org.", "TXT")
    parse_spf(spf.strings[0])
    (policy,) = zone.find_rdataset("_dmarc.example.org.", "TXT")
    assert parse_dmarc(policy.strings[0]).rua[0].uri == "mailto:postmaster@example.org"
    keys = {
        str(name).partition("-")[2].partition(".")[0]: parse_key_record(b"".join(next(iter(rdataset)).strings))
        for name, rdataset in zone.iterate_rdatasets("TXT")
        if "_domainkey" in str(name)
    }
    assert {ending: key.type for ending, key in keys.items()} == {"rsa": "rsa", "ed": "ed25519"}
    certificate = x509.load_pem_x509_certificate((home / "tls/certificate.pem").read_bytes())
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tlsa,) = zone.find_rdataset("_25._tcp.mx.example.org.", "TLSA")
    assert (tlsa.usage, tlsa.selector, tlsa.mtype, tlsa.cert) == (3, 1, 1, hashlib.sha256(spki).digest())
    assert [str(one) for one in zone.find_rdataset("mx.example.org.", "A")] == ["192.0.2.1"]
    assert [str(one) for one in zone.find_rdataset("_imaps._tcp.example.org.", "SRV")] == ["0 0 0 ."]


def test_keys_are_made_once_and_for_the_owner_alone(run, home: Path) -> None:
    words = ("dns", "records", "example.org", "--home", str(home))
    assert run(*words)[1] == run(*words)[1]
    files = list((home / "keys/dkim/example.org").glob("*.pem"))
    assert len(files) == 2
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


def test_programs_get_each_record_and_the_policy(run, home: Path) -> None:
    status, out, _ = run("dns", "records", "example.org", "--json", "--home", str(home))
    told = json.loads(out)
    assert status == 0
    assert {"MX", "SPF", "DKIM", "DMARC", "TLSA", "MTA-STS", "TLS-RPT", "SRV", "CAA"} <= {
        one["purpose"] for one in told["records"]
    }
    assert all(one["data"] in one["line"] and one["why"] for one in told["records"])
    assert told["mta_sts_policy"].splitlines()[:3] == ["version: STSv1", "mode: testing", "mx: mx.example.org"]
    assert read_zone(told["zone"], "example.org").find_rdataset("example.org.", "MX")


def test_a_domain_that_is_not_ours_is_refused(run, home: Path) -> None:
    for domain in ("example.net", "sub.example.org", "a..b"):
        status, _, err = run("dns", "records", domain, "--home", str(home))
        assert status == 1
        assert "they are: example.org" in err


def test_a_name_is_ours_in_any_spelling(home: Path) -> None:
    assert own_domain(load_config(home), "Example.ORG.") == "example.org"


def test_what_the_listeners_offer_is_announced(home: Path) -> None:
    """The port that is really there, and TLS from the first octet where it is."""
    path = home / FILE_NAME
    path.write_text(
        'hostname = "mx.example.org"\ndomains = ["example.org"]\n'
        '[[listen]]\nprotocol = "smtp"\naddress = "8.8.8.8:25"\n'
        '[[listen]]\nprotocol = "submission"\naddress = "*:465"\n'
        '[[listen]]\nprotocol = "submission"\naddress = "[::1]:587"\n'
        '[[listen]]\nprotocol = "imap"\naddress = "*:993"\n'
        '[relay]\nsmarthost = "smtp://user:secret@relay.example.com:587"\n'
    )
    found = observe(load_config(home), home, "example.org", SystemClock(), asks_system=False)
    assert found.services == {"submissions": 465, "submission": 587}
    assert (found.receives_at, found.addresses, found.smarthost) == (25, ("8.8.8.8",), "relay.example.com")
    assert found.hidden == ("submission [::1]:587",)


def test_a_certificate_of_an_authority_is_told_by_its_name(home: Path, trusted_pair: tuple[Path, Path]) -> None:
    certificate, key = trusted_pair
    with (home / FILE_NAME).open("a") as file:
        file.write(f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n')
    note = observe(load_config(home), home, "example.org", SystemClock(), asks_system=False).certificate
    assert note is not None
    assert not note.is_self_signed
    assert len(note.key_digest) == 32


def test_a_file_without_a_certificate_is_a_fault(home: Path) -> None:
    (home / "mine.pem").write_text("nothing")
    with (home / FILE_NAME).open("a") as file:
        file.write('[tls]\ncertificate = "mine.pem"\nkey = "mine.pem"\n')
    with pytest.raises(SetupError, match="no certificate"):
        observe(load_config(home), home, "example.org", SystemClock())


def test_an_address_that_is_none_is_refused(run, home: Path) -> None:
    status, _, err = run("dns", "records", "example.org", "--address", "mx", "--home", str(home))
    assert status == 1
    assert "--address" in err


def test_only_public_addresses_of_the_machine_are_told(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """One behind a router is of no use to anybody else."""
    path = home / FILE_NAME
    path.write_text(path.read_text().replace("127.0.0.1:0", "*:2525"))
    config = load_config(home)
    for address, expected in (("10.0.0.5", ()), ("8.8.8.8", ("8.8.8.8",)), ("", ())):
        monkeypatch.setattr(dns_home, "_source_address", lambda family, far, address=address: address)
        assert observe(config, home, "example.org", SystemClock()).addresses == expected


@pytest.fixture
def trusted_pair(tmp_path: Path) -> tuple[Path, Path]:
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert("mx.example.org")
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    return certificate, key
