"""The relay killed at random, under load: what was acknowledged reaches the next hop, and hardly anything twice.

A next hop that has said 250 and a server that died before it could write that
down: nobody can tell then, and the message is sent again (RFC 5321 §4.5.4.2).
So copies are allowed, but no more than were on their way at a kill.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from typing import Final

import pytest

from tests.crash.load import Load, name_of
from tests.fakes.hops import HopScript, serve_hop
from tests.fakes.serving import MakeHome, StartServer, homes, make_home, poll, start_server

__all__ = ["homes", "make_home", "start_server"]

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(600)]

SEED: Final = int(os.environ.get("SAMOTOP_CRASH_SEED") or 20261122)
ROUNDS: Final = int(os.environ.get("SAMOTOP_CRASH_ROUNDS") or 10)
CLIENTS: Final = 4
ON_THEIR_WAY: Final = 60
"""Messages that may have been taken by the next hop and not been written down when a kill comes: 20 sessions, and what
each has carried while the disk was waited for."""

CONFIG: Final = """\
hostname = "mx.relay.test"
domains = ["relay.test"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"
tls = "none"

[relay]
trusted = ["127.0.0.1"]
smarthost = "smtp://127.0.0.1:PORT?tls=none"
"""


def test_kill_while_relaying_loses_nothing(make_home: MakeHome, start_server: StartServer) -> None:
    """kill -9 while clients send and sessions with the next hop are open."""
    chance = random.Random(SEED)
    with serve_hop(HopScript()) as hop:
        home = make_home(CONFIG.replace("PORT", str(hop.port)))
        with Load(CLIENTS, SEED) as load:
            for _ in range(ROUNDS):
                served = start_server(home)
                load.aim(served.address())
                load.wait_for(chance.randrange(1, 150))
                time.sleep(chance.uniform(0, 0.05))
                served.kill()
                load.aim("")
        served = start_server(home)
        poll(lambda: not home.queue(), seconds=120, what="the queue to be empty")
        assert served.terminate() == 0
        found: Counter[tuple[str, str]] = Counter()
        for recipients, content in hop.messages:
            name = name_of(content.replace(b"\r\n", b"\n"))
            found.update((name, recipient.partition("@")[0]) for recipient in recipients)
    due = {(name, recipient) for name, recipients in load.acknowledged.items() for recipient in recipients}
    lost = due - found.keys()
    assert not lost, f"{len(lost)} of {len(due)} lost"
    doubled = [one for one, count in found.items() if count > 1]
    assert len(doubled) <= ROUNDS * ON_THEIR_WAY, f"{len(doubled)} of {len(found)} doubled"
    assert {name for name, _ in found} <= load.sent, "something arrived that nobody sent"
