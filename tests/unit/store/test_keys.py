"""The keys of a home: which of them signs, and what a crash or a second hand can do."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from samotop.errors import SetupError
from samotop.store.keys import DkimKeys, PairState

NOW = 1_795_000_000.0  # 2026-11-18
DAY = 86400.0
PEMS = {"rsa": b"RSA", "ed": b"ED"}


def states(keys: DkimKeys) -> dict[str, str]:
    return {pair.name: pair.state.value for pair in keys.pairs("example.org")}


@pytest.fixture
def keys(tmp_path: Path) -> DkimKeys:
    return DkimKeys(tmp_path)


def test_a_home_without_keys_has_none(keys: DkimKeys) -> None:
    assert keys.pairs("example.org") == []
    assert keys.signing("example.org") is None


def test_the_first_pair_signs_at_once_and_the_next_waits(keys: DkimKeys) -> None:
    """A signature whose record nobody can find yet is worth less than the old one."""
    first = keys.add("example.org", PEMS, NOW)
    assert (first.name, first.state, first.since) == ("s20261118", PairState.SIGNS, NOW)
    assert {key.selector: key.pem for key in first.keys} == {"s20261118-rsa": b"RSA", "s20261118-ed": b"ED"}
    keys.add("example.org", PEMS, NOW + DAY)
    assert states(keys) == {"s20261118": "signs", "s20261119": "waits"}


def test_a_pair_that_is_used_retires_those_before_it(keys: DkimKeys) -> None:
    for day in range(3):
        last = keys.add("example.org", PEMS, NOW + day * DAY)
    keys.use(last, NOW + 9 * DAY)
    assert states(keys) == {"s20261118": "retired", "s20261119": "retired", "s20261120": "signs"}
    signing = keys.signing("example.org")
    assert signing is not None
    assert signing.since == NOW + 9 * DAY
    keys.remove(keys.pairs("example.org")[0])
    assert states(keys) == {"s20261119": "retired", "s20261120": "signs"}


def test_what_signs_is_not_removed(keys: DkimKeys) -> None:
    with pytest.raises(SetupError, match="signs"):
        keys.remove(keys.add("example.org", PEMS, NOW))


def test_pairs_of_one_day_are_told_apart_and_stay_in_order(keys: DkimKeys) -> None:
    assert [keys.add("example.org", PEMS, NOW).name for _ in range(3)] == ["s20261118", "s20261118b", "s20261118c"]
    assert list(states(keys).values()) == ["signs", "waits", "waits"]


def test_a_clock_that_went_back_makes_no_pair_before_the_others(keys: DkimKeys) -> None:
    """It would be retired before it was used."""
    keys.add("example.org", PEMS, NOW)
    with pytest.raises(SetupError, match="clock"):
        keys.add("example.org", PEMS, NOW - DAY)


def test_everything_is_for_the_owner_alone(keys: DkimKeys, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        keys.add("example.org", PEMS, NOW)
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").rglob("*")}
    assert modes == {
        "dkim": 0o700,
        "example.org": 0o700,
        "signing": 0o600,
        "s20261118-rsa.pem": 0o600,
        "s20261118-ed.pem": 0o600,
    }
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_key_is_not_shown_by_accident(keys: DkimKeys) -> None:
    """A value that is printed in a traceback ends up in a log."""
    assert "RSA" not in repr(keys.add("example.org", PEMS, NOW))


def test_a_crash_between_two_steps_never_changes_what_signs(
    keys: DkimKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call that makes something durable fails in turn; afterwards the first pair still signs."""
    keys.add("example.org", PEMS, NOW)
    (tmp_path / "keys/dkim/example.org/signing").unlink()  # as after a crash right after the first key
    for failing in range(12):
        count = 0

        def fsync(descriptor: int, at: int = failing, real=os.fsync) -> None:
            nonlocal count
            count += 1
            if count == at + 1:
                raise OSError(5, "Input/output error")
            real(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            try:
                keys.add("example.org", PEMS, NOW + failing * DAY + DAY)
            except SetupError:
                assert count == failing + 1
            else:
                assert count <= failing
        signing = keys.signing("example.org")
        assert signing is not None
        assert signing.name == "s20261118"
    assert not list(tmp_path.rglob(".*"))


def test_keys_brought_along_sign_until_there_is_a_pair_of_ours_in_use(keys: DkimKeys, tmp_path: Path) -> None:
    """Who moves here from another server keeps the selector that is in the DNS."""
    directory = tmp_path / "keys/dkim/example.org"
    directory.mkdir(parents=True)
    (directory / "mail.pem").write_bytes(b"OLD")
    (directory / "notes.txt").write_bytes(b"")
    assert states(keys) == {"mail": "signs"}
    keys.add("example.org", PEMS, NOW)
    assert states(keys) == {"mail": "signs", "s20261118": "waits"}


@pytest.mark.parametrize("domain", ["../../etc", "a/b", "", ".", "a..b", "x" * 64, "*.example.org"])
def test_a_domain_never_leads_out_of_the_directory(keys: DkimKeys, domain: str) -> None:
    with pytest.raises(SetupError):
        keys.pairs(domain)


def test_an_international_domain_is_kept_by_its_a_labels(keys: DkimKeys, tmp_path: Path) -> None:
    keys.add("bücher.example", PEMS, NOW)
    assert (tmp_path / "keys/dkim/xn--bcher-kva.example").is_dir()
    assert len(keys.pairs("xn--bcher-kva.example")) == 1


def test_a_damaged_note_of_what_signs_is_told(keys: DkimKeys, tmp_path: Path) -> None:
    """To guess would be to sign with a key that nobody can check."""
    keys.add("example.org", PEMS, NOW)
    for octets in (b"", b"{", b"[]", b'{"pair": "x"}', b'{"pair": "x", "since": "y"}'):
        (tmp_path / "keys/dkim/example.org/signing").write_bytes(octets)
        with pytest.raises(SetupError, match="signing cannot be understood"):
            keys.pairs("example.org")


def test_a_directory_that_cannot_be_used_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    with pytest.raises(SetupError, match="keys"):
        DkimKeys(tmp_path).add("example.org", PEMS, NOW)
