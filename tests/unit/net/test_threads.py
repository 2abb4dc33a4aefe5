"""The pool whose threads nobody waits for."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import CancelledError
from functools import partial

import pytest

from samotop.net.threads import DaemonPool


def test_a_job_gives_what_it_returns_or_raises() -> None:
    pool = DaemonPool(2, "test")

    def broken() -> None:
        raise KeyError("bug")

    assert pool.submit(lambda: 42).result(10) == 42
    with pytest.raises(KeyError):
        pool.submit(broken).result(10)
    assert pool.submit(lambda: 43).result(10) == 43
    assert pool.close(wait=10)


def test_jobs_run_at_the_same_time_up_to_the_limit() -> None:
    pool = DaemonPool(2, "test")
    meeting = threading.Barrier(2)
    both = [pool.submit(lambda: meeting.wait(10)) for _ in range(2)]
    assert sorted(one.result(10) for one in both) == [0, 1]
    names = [pool.submit(lambda: threading.current_thread().name).result(10) for _ in range(20)]
    assert set(names) <= {"test_0", "test_1"}
    assert pool.close(wait=10)


def hold(begun: threading.Event, gate: threading.Event) -> bool:
    begun.set()
    return gate.wait(10)


def test_what_has_not_begun_is_run_or_cancelled() -> None:
    """As the owner says; what runs is never cut off."""
    for cancels in (False, True):
        pool = DaemonPool(1, "test")
        begun, gate = threading.Event(), threading.Event()
        first = pool.submit(partial(hold, begun, gate))
        second = pool.submit(lambda: 2)
        assert begun.wait(10)
        assert not pool.close(cancels=cancels)
        with pytest.raises(RuntimeError):
            pool.submit(lambda: 3)
        gate.set()
        assert first.result(10)
        if cancels:
            with pytest.raises(CancelledError):
                second.result(10)
        else:
            assert second.result(10) == 2
        assert pool.close(wait=10)


def test_without_a_thread_the_job_is_refused_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that was refused and ran all the same would run beside what took its place."""
    pool = DaemonPool(2, "test")
    ran: list[int] = []

    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError):
            pool.submit(lambda: ran.append(1))
    pool.submit(lambda: ran.append(2)).result(10)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        pool.submit(lambda: ran.append(3)).result(10)  # one thread is enough
    assert ran == [2, 3]
    assert pool.close(wait=10)


def test_a_process_ends_while_a_job_hangs() -> None:
    program = (
        "import threading\n"
        "from samotop.net.threads import DaemonPool\n"
        "begun = threading.Event()\n"
        "DaemonPool(1, 'x').submit(lambda: (begun.set(), threading.Event().wait()))\n"
        "assert begun.wait(10)\n"
    )
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", program], timeout=30, check=False, env=path).returncode == 0
