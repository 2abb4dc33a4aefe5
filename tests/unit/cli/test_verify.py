"""`samotop verify`: where it reads, whom it asks, what it gives back."""

from __future__ import annotations

import io
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from samotop.cli import stored
from samotop.cli.evidence import find_origin
from samotop.cli.stored import restore
from samotop.errors import SetupError
from samotop.message.received import read_hops
from tests.fakes.zoneserver import ZoneServer

GOLDEN = Path(__file__).parents[2] / "golden" / "verify"
WELL = GOLDEN / "all-is-well"
LETTER = b"From: a@example.net\nSubject: x\n\nHi\n"


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The home of whoever runs the tests says nothing here."""
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("SAMOTOP_HOME", raising=False)
    monkeypatch.setattr("samotop.cli.place.is_root", lambda: False)


@pytest.fixture
def server() -> Iterator[ZoneServer]:
    with ZoneServer(tomllib.loads((WELL / "zones.toml").read_text())["zones"]) as running:
        yield running


def test_a_stored_message_is_explained_without_a_home(run, server: ZoneServer) -> None:
    status, out, err = run("verify", str(WELL / "input.eml"), "--server", server.address)
    assert (status, err) == (0, "")
    assert out.startswith("This message is from example.net, as it says (bob@example.net).\n")
    assert "nobody has changed the text" in " ".join(out.split())
    assert "\x1b" not in out


def test_programs_get_every_result_as_json(run, server: ZoneServer) -> None:
    status, out, _ = run("verify", str(WELL / "input.eml"), "--server", server.address, "--json")
    told = json.loads(out)
    assert status == 0
    assert told["spf"]["result"] == told["dmarc"]["result"] == told["iprev"]["result"] == "pass"
    assert [(one["selector"], one["result"]) for one in told["dkim"]] == [("s2026-rsa", "pass"), ("s2026-ed", "pass")]
    assert told["arc"]["result"] == "none"
    assert told["origin"] == {
        "ip": "192.0.2.25",
        "hello": "out.example.net",
        "reverse_path": "bob@example.net",
        "told_by": "mx.example.org",
    }
    assert [hop["by"] for hop in told["hops"]] == ["out.example.net", "mx.example.org"]
    assert told["stored"][0]["results"]["dmarc"] == "pass"


def test_dns_that_does_not_answer_is_status_75(run, server: ZoneServer) -> None:
    """Whoever runs it from a program can try again."""
    server.origins = ["nothing.example"]
    status, out, _ = run("verify", str(WELL / "input.eml"), "--server", server.address)
    assert status == 75
    assert "try again later" in out


def test_what_was_said_stands_above_what_is_written(run, server: ZoneServer) -> None:
    words = ("verify", str(WELL / "input.eml"), "--server", server.address, "--json")
    status, out, _ = run(*words, "--ip", "198.51.100.1", "--hello", "other.example", "--from", "<>")
    told = json.loads(out)
    assert status == 0
    assert (told["origin"]["ip"], told["origin"]["reverse_path"]) == ("198.51.100.1", "")
    assert told["spf"]["domain"] == "other.example"


def test_the_home_says_whom_to_ask_and_who_we_are(run, server: ZoneServer, home: Path) -> None:
    with (home / "samotop.toml").open("a") as file:
        file.write(f'[dns]\nservers = ["{server.address}"]\ntrusted = true\n')
    status, out, _ = run("verify", str(WELL / "input.eml"), "--home", str(home))
    assert status == 0
    assert "That is not this server" not in out


def test_the_roots_keys_are_those_of_the_home(run, home: Path) -> None:
    """What the server goes by, or the two would not agree on who is proven."""
    (home / "root.key").write_text("nothing\n")
    status, _, err = run("verify", str(WELL / "input.eml"), "--home", str(home))
    assert status == 1
    assert str(home / "root.key") in err


def test_a_message_comes_from_standard_input(run, server: ZoneServer, monkeypatch: pytest.MonkeyPatch) -> None:
    octets = (WELL / "input.eml").read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(octets)))
    status, out, _ = run("verify", "-", "--server", server.address, "--json")
    assert status == 0
    assert json.loads(out)["dmarc"]["result"] == "pass"


def test_an_option_that_is_none_is_no_file(run) -> None:
    status, out, err = run("verify", "--bogus")
    assert (status, out) == (2, "")
    assert "samotop verify --help" in err


@pytest.mark.parametrize("content", [b"", b"\n\n", b"just some text\n", b"\x89PNG\r\n\x1a\n", b"From a@b Sun Nov 22\n"])
def test_what_is_no_message_is_refused(run, tmp_path: Path, content: bytes) -> None:
    """Better than an explanation of nothing."""
    (tmp_path / "file").write_bytes(content)
    status, out, err = run("verify", str(tmp_path / "file"))
    assert (status, out) == (1, "")
    assert "no message" in err


def test_a_file_that_cannot_be_read_is_refused(run, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        status, _, err = run("verify", str(path))
        assert status == 1
        assert str(path) in err


def test_a_file_beyond_the_bound_is_refused(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MESSAGE_LIMIT", 100)
    (tmp_path / "file").write_bytes(LETTER + b"x" * 100)
    status, _, err = run("verify", str(tmp_path / "file"))
    assert status == 1
    assert "larger than any message" in err


@pytest.mark.parametrize(
    "words",
    [
        *(("--ip", "nowhere"), ("--ip", "")),
        *(("--server", "ns.example.org"), ("--server", "127.0.0.1:0")),
        ("--from", "nobody"),
    ],
    ids=" ".join,
)
def test_an_address_that_is_none_is_refused_with_a_remedy(run, words: tuple[str, str]) -> None:
    status, _, err = run("verify", str(WELL / "input.eml"), *words)
    assert status == 1
    assert "rite" in err  # "write it like", "Write ..."


def test_line_ends_are_those_of_the_wire() -> None:
    """Signatures are of CRLF, Maildirs keep LF; what has CRLF is left alone, and an mbox's first line goes."""
    assert restore(LETTER) == LETTER.replace(b"\n", b"\r\n")
    wire = b"From: a@b.example\r\n\r\na\nb\r\n"
    assert restore(wire) == wire
    assert restore(b"From a@b.example Sun Nov 22 10:00:00 2026\n" + LETTER) == restore(LETTER)
    with pytest.raises(SetupError):
        restore(b"\r\n\r\n")


def test_hops_within_our_own_network_are_not_the_origin() -> None:
    """A filter on loopback hands the message back to us; who brought it is one field below."""
    header = (
        b"Return-Path: <a@example.net>\r\n"
        b"Received: from localhost (localhost [127.0.0.1]) by mx.example.org\r\n"
        b"Received: from relay (relay [10.1.2.3]) by filter.example.org\r\n"
        b"Received: from out.example.net (out.example.net [192.0.2.25]) by mx.example.org\r\n"
        b"Received: from forged (forged [198.51.100.1]) by out.example.net\r\n"
    )
    origin, _ = find_origin(header, read_hops(header))
    assert (origin.ip, origin.hello, origin.reverse_path) == ("192.0.2.25", "out.example.net", "a@example.net")


def test_colours_are_for_terminals_that_want_them(run, server: ZoneServer, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("verify", str(WELL / "input.eml"), "--server", server.address)
    plain = run(*words)[1]
    monkeypatch.setattr("samotop.cli.paint._is_terminal", lambda stream, environment: stream is sys.stdout)
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = run(*words)[1]
    assert "\x1b[32m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert run(*words)[1] == plain
