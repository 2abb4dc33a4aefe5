"""The server killed at random, under load, again and again: what was acknowledged lies in the Maildir, once.

What is random is seeded, so that a failure says what to repeat it with:
``SAMOTOP_CRASH_SEED``. ``SAMOTOP_CRASH_ROUNDS`` asks for more rounds than the
dozens that fit into a minute.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import pytest

from tests.crash.load import Load, Reader, check_nothing_lost, left_over
from tests.fakes.serving import (
    POLL_SECONDS,
    POLL_STEP,
    STOP_SECONDS,
    Home,
    MakeHome,
    ReservedPort,
    Served,
    StartServer,
    children_of,
    homes,
    is_alive,
    make_home,
    poll,
    start_server,
)
from tests.fakes.talk import Talk, message

__all__ = ["homes", "make_home", "start_server"]

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(600)]

SEED: Final = int(os.environ.get("SAMOTOP_CRASH_SEED") or 20261122)
ROUNDS: Final = int(os.environ.get("SAMOTOP_CRASH_ROUNDS") or 20)
"""Kills of a server of one process; a round takes about a second. Of one with workers, where it takes three, half."""
CLIENTS: Final = 4

LMTP_TOO: Final = """\
hostname = "mx.example.org"
domains = ["example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"
tls = "none"

[[listen]]
protocol = "lmtp"
address = "{lmtp}"
"""

SEVERAL: Final = """\
hostname = "mx.example.org"
domains = ["example.org"]
workers = WORKERS

[[listen]]
protocol = "smtp"
address = "127.0.0.1:PORT"
tls = "none"
"""


@pytest.fixture
def shared() -> Iterator[Callable[[int], str]]:
    """``shared(workers)``: a configuration for several workers, who need a port with a number; one takes any."""
    port = ReservedPort()

    def config(workers: int) -> str:
        return SEVERAL.replace("WORKERS", str(workers)).replace("PORT", str(port.number) if workers > 1 else "0")

    yield config
    port.close()


def drain(home: Home, start_server: StartServer) -> None:
    """Serve until nothing waits, then stop in peace: what is kept for a while after that is kept for ever."""
    served = start_server(home)
    ends_at = time.monotonic() + POLL_SECONDS
    while queue := home.queue():
        assert time.monotonic() < ends_at, f"still in the queue, with {served.stderr}: {queue}"
        time.sleep(POLL_STEP)
    assert served.terminate() == 0


def test_kill_under_load_loses_and_doubles_nothing(make_home: MakeHome, start_server: StartServer) -> None:
    """kill -9 at any moment: while clients send, right after the start, and while it starts and recovers."""
    home = make_home(LMTP_TOO)
    chance = random.Random(SEED)
    with Reader(home), Load(CLIENTS, SEED) as load:
        for number in range(ROUNDS):
            served = start_server(home, is_ready=False)
            if number % 4 == 3:  # before it is ready: what it found must survive that, too
                with_patience(served, chance.uniform(0.05, 0.8))
            else:
                served.wait_until_ready()
                load.aim(served.address("lmtp" if number % 4 == 2 else "smtp"))
                load.wait_for(chance.randrange(1, 150))
                time.sleep(chance.uniform(0, 0.01))  # somewhere within a batch, not always behind a reply
            served.kill()
            load.aim("")
    assert len(load.acknowledged) > ROUNDS * 10
    drain(home, start_server)
    check_nothing_lost(home, load)
    assert not [path for path in left_over(home) if path.parent.name == "spool"], "segments of nobody"


def are_replaced(served: Served, gone: list[int]) -> bool:
    """Does the server have two workers again, none of them one of ``gone``?"""
    now = served.workers()
    return len(now) == 2 and not set(gone) & set(now)


def are_gone(workers: list[int]) -> bool:
    return not any(map(is_alive, workers))


def with_patience(served: Served, seconds: float) -> None:
    """Let a starting server be for a while, or until it ends."""
    try:
        served.process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
    pytest.fail(f"it ended by itself\n{served.stderr}")


def test_killed_workers_lose_and_double_nothing(
    make_home: MakeHome, start_server: StartServer, shared: Callable[[int], str]
) -> None:
    """Two workers: now one of them, now both, now the process that started them. Those left over end by themselves.

    After the supervisor's death the next server is started at once, while its
    workers may still be writing.
    """
    home = make_home(shared(2))
    chance = random.Random(SEED + 1)
    served = start_server(home, allowed=["worker_ended"])
    with Reader(home), Load(CLIENTS, SEED + 1) as load:
        load.aim(served.address())
        for number in range(ROUNDS // 2):
            load.wait_for(chance.randrange(1, 150))
            time.sleep(chance.uniform(0, 0.01))
            workers = served.workers()
            if number % 4 == 1:  # a worker: it comes back; the others go on meanwhile
                victims = chance.sample(workers, chance.randint(1, len(workers)))
                for victim in victims:
                    os.kill(victim, signal.SIGKILL)
                poll(partial(are_replaced, served, victims), what="new workers")
            else:
                served.process.kill()
                served.process.wait()
                served = start_server(home, allowed=["worker_ended"])
                assert not any(map(is_alive, workers)), "a worker of the killed server runs beside the next one"
        load.aim("")
        assert served.terminate() == 0
    assert len(load.acknowledged) > ROUNDS * 5
    home.write(shared(1))  # one process takes over both slots
    drain(home, start_server)
    check_nothing_lost(home, load)
    assert not [path for path in left_over(home) if path.parent.name == "spool"], "segments of nobody"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_under_load_loses_nothing(
    make_home: MakeHome, start_server: StartServer, shared: Callable[[int], str], workers: int
) -> None:
    """SIGTERM while clients send: exit status 0 within 10 s, nothing lost, and it can be started again."""
    home = make_home(shared(workers))
    with Load(CLIENTS, SEED + 2) as load:
        for _ in range(3):
            served = start_server(home)
            load.aim(served.address())
            load.wait_for(100)
            began = time.monotonic()
            assert served.terminate() == 0
            assert time.monotonic() - began < STOP_SECONDS
            load.aim("")
    drain(home, start_server)
    check_nothing_lost(home, load)
    assert left_over(home) == []


def test_a_stop_waits_for_the_transaction_under_way(make_home: MakeHome, start_server: StartServer) -> None:
    """A client in the middle of its content may finish; an idle one is told to come back; new ones are not taken."""
    home = make_home(LMTP_TOO)
    served = start_server(home)
    with Talk(served.address()) as busy, Talk(served.address()) as idle:
        busy.ehlo()
        assert busy.say_all("MAIL FROM:<a@client.test>", "RCPT TO:<alice@example.org>", "DATA")[2].startswith("354")
        busy.send(message("half-a-message"))
        idle.ehlo()
        served.process.send_signal(signal.SIGTERM)
        assert idle.reply().startswith("421 4.3.2")
        assert idle.rest() == b""
        assert served.process.poll() is None, "it waits for the busy one"
        assert busy.content(b"the other half\r\n").startswith("250 2.0.0")
        assert busy.reply().startswith("421 4.3.2")
        assert busy.rest() == b""
    assert served.terminate() == 0
    drain(home, start_server)
    assert b"the other half" in home.wait_for_mail(1)[0]


def test_a_stop_does_not_wait_for_ever(make_home: MakeHome, start_server: StartServer) -> None:
    """A client that says nothing more is cut off in time, and what it had sent is no message."""
    home = make_home(LMTP_TOO)
    served = start_server(home)
    with Talk(served.address()) as silent:
        silent.ehlo()
        silent.say_all("MAIL FROM:<a@client.test>", "RCPT TO:<alice@example.org>", "DATA")
        silent.send(message("half-a-message"))
        assert served.terminate() == 0
        assert silent.rest() == b""
    drain(home, start_server)
    assert home.mail() == []
    assert left_over(home) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_server_of_a_home_is_refused(
    make_home: MakeHome, start_server: StartServer, shared: Callable[[int], str], workers: int
) -> None:
    """Exit status 75, with a sentence, while the first goes on undisturbed."""
    home = make_home(shared(workers))
    served = start_server(home)
    second = home.run("serve", status=75)
    assert "a server is running" in second.stderr and second.stdout == ""
    with Talk(served.address()) as talk:
        assert talk.ehlo().startswith("250")
    assert served.terminate() == 0


def test_workers_end_with_their_server(
    make_home: MakeHome, start_server: StartServer, shared: Callable[[int], str]
) -> None:
    """However it ends: killed, or asked to stop. A port that stays taken would keep the next one from starting."""
    home = make_home(shared(2))
    for ends_by in (signal.SIGKILL, signal.SIGTERM):
        served = start_server(home)
        workers = children_of(served.pid)
        assert len(workers) == 2
        served.process.send_signal(ends_by)
        assert served.process.wait(STOP_SECONDS) == (0 if ends_by == signal.SIGTERM else -signal.SIGKILL)
        poll(partial(are_gone, workers), seconds=STOP_SECONDS, what="the workers to end")


def test_a_worker_left_over_keeps_the_next_server_out(
    make_home: MakeHome, start_server: StartServer, shared: Callable[[int], str]
) -> None:
    """Two processes with one slot would remove each other's files: a worker that hangs holds the home's lock."""
    home = make_home(shared(2))
    served = start_server(home)
    stuck, other = served.workers()
    os.kill(stuck, signal.SIGSTOP)
    try:
        served.kill()
        poll(lambda: not is_alive(other), what="the worker that can to end")
        home.run("serve", status=75)
    finally:
        os.kill(stuck, signal.SIGKILL)
    poll(lambda: not is_alive(stuck))
    assert start_server(home).terminate() == 0
