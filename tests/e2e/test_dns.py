"""The records of a domain, from `samotop dns records` through a real name server to `dns check`, and a letter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from samotop.msgauth import dkim
from samotop.store.keys import DkimKeys
from tests.fakes.knot import Knot, start_knot

__all__ = ["start_knot"]

pytestmark = pytest.mark.slow

APEX = """\
$TTL 300
@ IN SOA ns.example.org. hostmaster.example.org. 1 7200 3600 86400 300
@ IN NS ns.example.org.
ns IN A 127.0.0.1
"""
LETTER = (
    b"From: alice@example.org\r\nTo: bob@example.net\r\nSubject: Lunch\r\n"
    b"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nAt noon?\r\n"
)


def samotop(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SAMOTOP_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-m", "samotop", *words], capture_output=True, text=True, env=environment, timeout=60
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("dns")
    (place / "password").write_text("correct horse\n")
    home = place / "home"
    words = ["init", "--domain", "example.org", "--account", "alice", "--password-file", str(place / "password")]
    made = samotop(*words, "--listen", "smtp=127.0.0.1:0", "--listen", "submission=127.0.0.1:2587", home=home)
    assert made.returncode == 0, made.stderr
    return home


@pytest.fixture
def zone(home: Path) -> str:
    printed = samotop("dns", "records", "example.org", "--address", "192.0.2.1", home=home)
    assert (printed.returncode, printed.stderr) == (0, "")
    return printed.stdout


def test_knot_takes_the_zone_without_a_word(zone: str, tmp_path: Path, needs: Callable[..., str]) -> None:
    """A second reader of zone files: what dnspython lets through may still be a mistake."""
    file = tmp_path / "example.org.zone"
    file.write_text(APEX + zone)
    done = subprocess.run(
        [needs("kzonecheck", package="knot-dnssecutils"), "-o", "example.org", "-v", str(file)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No semantic error" in done.stdout + done.stderr


def test_what_was_pasted_is_found_good(home: Path, zone: str, start_knot: Callable[..., Knot]) -> None:
    knot = start_knot({"example.org": APEX + zone})
    words = ("dns", "check", "example.org", "--address", "192.0.2.1", "--server", str(knot.server))
    done = samotop(*words, home=home)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.endswith("example.org is set up for mail.\n")


def test_what_was_forgotten_or_damaged_is_found_wrong(home: Path, zone: str, start_knot: Callable[..., Knot]) -> None:
    lines = [line for line in zone.splitlines() if not line.startswith("_smtp._tls")]
    damaged = "\n".join(lines).replace('"v=spf1 mx -all"', '"v=spf1 ip4:198.51.100.1 -all"') + "\n"
    knot = start_knot({"example.org": APEX + damaged})
    words = ("dns", "check", "example.org", "--address", "192.0.2.1", "--server", str(knot.server), "--json")
    done = samotop(*words, home=home)
    assert done.returncode == 1
    wrong = {one["purpose"]: one["state"] for one in json.loads(done.stdout)["findings"] if one["state"] != "ok"}
    assert {"SPF": "differs", "TLS-RPT": "missing"}.items() <= wrong.items()
    assert "MX" not in wrong


def test_a_letter_signed_with_the_homes_keys_is_verified(
    home: Path, zone: str, start_knot: Callable[..., Knot], tmp_path: Path
) -> None:
    """Keys, records, name server, verification: each knows the others by what is published alone."""
    knot = start_knot({"example.org": APEX + zone})
    pair = DkimKeys(home).signing("example.org")
    assert pair is not None
    keys = tuple(dkim.SigningKey(key.selector, dkim.parse_private_key(key.pem)) for key in pair.keys)
    letter = tmp_path / "letter.eml"
    letter.write_bytes((dkim.sign(LETTER, dkim.Signer("example.org", keys)) + LETTER).replace(b"\r\n", b"\n"))
    words = ("verify", str(letter), "--server", str(knot.server), "--json")
    done = samotop(*words, "--ip", "192.0.2.1", "--hello", "mx.example.org", "--from", "alice@example.org", home=home)
    told = json.loads(done.stdout)
    assert [one["result"] for one in told["dkim"]] == ["pass", "pass"]
    assert (told["spf"]["result"], told["dmarc"]["result"]) == ("pass", "pass")
    assert sorted(told["dmarc"]["aligned"]) == ["dkim", "spf"]
