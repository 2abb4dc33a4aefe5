"""An alias's entries and kill -9: whoever was promised a copy by the 250 gets it, here and elsewhere.

Each message becomes two entries, of which a crash may leave one. Then it was
not acknowledged: its sender would try again, which these clients do not, so
that a copy of what was never acknowledged may be found on one side alone.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from typing import Final

import pytest

from tests.crash.load import Load, Reader, check_nothing_lost, left_over, name_of
from tests.fakes.hops import HopScript, serve_hop
from tests.fakes.serving import MakeHome, StartServer, homes, make_home, poll, start_server

__all__ = ["homes", "make_home", "start_server"]

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(600)]

SEED: Final = int(os.environ.get("SAMOTOP_CRASH_SEED") or 20261122)
ROUNDS: Final = int(os.environ.get("SAMOTOP_CRASH_ROUNDS") or 10)
CLIENTS: Final = 4

CONFIG: Final = """\
hostname = "mx.example.org"
domains = ["example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"
tls = "none"

[relay]
smarthost = "smtp://127.0.0.1:PORT?tls=none"

[[alias]]
address = "alice@example.org"
to = ["alice", "alice@elsewhere.example"]

[[alias]]
address = "bob@example.org"
to = ["bob", "bob@elsewhere.example"]
"""


def test_kill_around_the_250_of_an_alias_loses_nothing(make_home: MakeHome, start_server: StartServer) -> None:
    """Small contents, and large ones whose copies are files of their own."""
    chance = random.Random(SEED)
    with serve_hop(HopScript()) as hop:
        home = make_home(CONFIG.replace("PORT", str(hop.port)))
        with Reader(home), Load(CLIENTS, SEED) as load:
            for _ in range(ROUNDS):
                served = start_server(home)
                load.aim(served.address())
                load.wait_for(chance.randrange(1, 60))
                time.sleep(chance.uniform(0, 0.02))
                served.kill()
                load.aim("")
        served = start_server(home)
        poll(lambda: not home.queue(), seconds=120, what="the queue to be empty")
        assert served.terminate() == 0
        found: Counter[tuple[str, str]] = Counter()
        for recipients, content in hop.messages:
            name = name_of(content.replace(b"\r\n", b"\n"))
            found.update((name, recipient.partition("@")[0]) for recipient in recipients)
    assert len(load.acknowledged) > ROUNDS
    check_nothing_lost(home, load)
    due = {(name, recipient) for name, recipients in load.acknowledged.items() for recipient in recipients}
    lost = due - found.keys()
    assert not lost, f"{len(lost)} of {len(due)} lost on their way to another server"
    assert {name for name, _ in found} <= load.sent, "something arrived that nobody sent"
    assert not [path for path in left_over(home) if path.parent.name == "spool"], "segments of nobody"
