"""From the configuration to the parts' rules, and a process that starts, or says why not."""

from __future__ import annotations

import pytest

from samotop.app import reception_rules
from samotop.config.shapes import Config, Limits


def config(**limits: int) -> Config:
    return Config(hostname="mx.example.org", domains=("example.org",), limits=Limits(**limits))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("workers", "sessions", "per_address"), [(1, 100, 5), (2, 50, 3), (3, 33, 2), (5, 20, 1), (200, 1, 1)]
)
def test_each_worker_takes_its_share_of_the_sessions(workers: int, sessions: int, per_address: int) -> None:
    """Each counts its own: together they would take ``workers`` times what was allowed."""
    rules = reception_rules(config(sessions=100, sessions_per_address=5), workers)
    assert (rules.sessions, rules.sessions_per_address) == (sessions, per_address)
