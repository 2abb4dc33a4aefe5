"""Secrets of a home: one for all, whole or not at all."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from samotop.store.secrets import SECRET_OCTETS, keep_secret


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "a.secret"
    secret = keep_secret(path)
    assert len(secret) == SECRET_OCTETS and keep_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["a.secret"]


def test_who_start_at_once_have_the_same(tmp_path: Path) -> None:
    """Workers of one server: what one of them signs, the others must believe."""
    count = 16
    barrier = Barrier(count)

    def start(number: int) -> bytes:
        barrier.wait()
        return keep_secret(tmp_path / "keys" / "a.secret")

    (tmp_path / "keys").mkdir()
    with ThreadPoolExecutor(count) as pool:
        assert len(set(pool.map(start, range(count)))) == 1


@pytest.mark.parametrize("part", [b"", b"half"])
def test_a_part_of_one_is_replaced(tmp_path: Path, part: bytes) -> None:
    """By a crash of an older release, or a full disk."""
    path = tmp_path / "a.secret"
    path.write_bytes(part)
    assert len(keep_secret(path)) == SECRET_OCTETS
    assert path.read_bytes() == keep_secret(path)
