"""The limit of open files: raised at the start, and what fits into it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from samotop.net.descriptors import PER_SESSION, RESERVE, fitting_sessions


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    """Most systems start a service with a soft limit of 1024 and a far higher hard one."""
    program = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))\n"
        "from samotop.net.descriptors import raise_limit\n"
        "print(raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE), raise_limit())\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["300", "300", "300", "300"]


@pytest.mark.parametrize(
    ("limit", "sessions"),
    [(10, 1), (RESERVE, 1), (RESERVE + 10 * PER_SESSION, 10), (1_048_576, 524_160)],
)
def test_sessions_leave_the_reserve_to_the_others(limit: int, sessions: int) -> None:
    assert fitting_sessions(limit) == sessions


def test_no_limit_is_enough_for_all() -> None:
    assert fitting_sessions(resource.RLIM_INFINITY) > 1_000_000
