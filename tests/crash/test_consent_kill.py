"""Requests and kill -9: what was acknowledged to a stranger waits in Requests, and an approval is whole in the end.

The second half kills ``samotop contact approve`` at its two worst places: the decision is written and nothing is moved,
and one of two messages is moved. Whatever comes next, a running server's sweep or the next approval, moves the rest.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.crash.load import build as build_load
from tests.crash.load import name_of
from tests.fakes.serving import Home, MakeHome, Served, StartServer, environment, homes, make_home, poll, start_server
from tests.fakes.talk import Talk
from tests.fakes.zoneserver import ZoneServer

__all__ = ["homes", "make_home", "start_server"]

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(600)]

SEED: Final = int(os.environ.get("SAMOTOP_CRASH_SEED") or 20261122)
ROUNDS: Final = int(os.environ.get("SAMOTOP_CRASH_ROUNDS") or 8)

CONFIG: Final = """\
hostname = "mx.example.org"
domains = ["example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"
tls = "none"

[policy]
exempt = []

[consent]
unknown = "request"

[dns]
servers = ["SERVER"]
dnssec = "off"
"""
ZONES: Final = {"client.test": {"TXT": ['"v=spf1 ip4:127.0.0.1 -all"']}}
RECIPIENTS: Final = ("alice", "bob")


@pytest.fixture
def home(make_home: MakeHome) -> Iterator[Home]:
    with ZoneServer(ZONES) as dns:
        yield make_home(CONFIG.replace("SERVER", dns.address))


def build(name: str) -> bytes:
    """A message whose author SPF proves, whose name and sum ``load.name_of`` reads."""
    return b"From: Bob <load@client.test>\r\nSubject: Hello\r\n" + build_load(name, 2000)


def send(talk: Talk, name: str) -> bool:
    """One message for both; was it acknowledged?"""
    lines = ["MAIL FROM:<load@client.test>", *[f"RCPT TO:<{one}@example.org>" for one in RECIPIENTS], "DATA"]
    assert talk.say_all(*lines)[-1].startswith("354")
    return talk.content(build(name)).startswith("250")


def requests(home: Home, account: str) -> Counter[str]:
    return Counter(name_of(path.read_bytes()) for path in home.path.glob(f"mail/{account}/.Requests/new/*"))


def inbox(home: Home, account: str = "alice") -> list[Path]:
    return list(home.path.glob(f"mail/{account}/new/*"))


def asking(home: Home) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(home.run("contact", "list", "--account", "alice", "--json").stdout)
    return found


def test_kill_around_the_250_of_a_request_loses_nothing(home: Home, start_server: StartServer) -> None:
    """The row of the request is written first, then the message is durable, then it is acknowledged."""
    chance = random.Random(SEED)
    acknowledged: set[str] = set()
    sent: set[str] = set()
    for number in range(ROUNDS):
        served = start_server(home)
        with Talk(served.address()) as talk:
            talk.ehlo()
            for count in range(chance.randrange(1, 8)):
                name = f"{number}-{count}"
                sent.add(name)
                if send(talk, name):
                    acknowledged.add(name)
            name = f"{number}-last"
            sent.add(name)
            lines = ["MAIL FROM:<load@client.test>", *[f"RCPT TO:<{one}@example.org>" for one in RECIPIENTS], "DATA"]
            assert talk.say_all(*lines)[-1].startswith("354")
            talk.send(build(name) + b".\r\n")
            time.sleep(chance.uniform(0, 0.02))  # some way into checking, writing and syncing it
            served.kill()
            try:
                if talk.reply().startswith("250"):
                    acknowledged.add(name)
            except (OSError, EOFError):
                pass
    served = start_server(home)
    poll(lambda: not home.queue(), what="the queue to be empty")
    assert served.terminate() == 0
    assert len(acknowledged) >= ROUNDS
    for account in RECIPIENTS:
        found = requests(home, account)
        assert acknowledged <= found.keys(), "lost"
        assert found.keys() <= sent, "something arrived that nobody sent"
        assert max(found.values()) == 1, "doubled"
        assert not inbox(home, account), "a stranger in the inbox"
    assert [one["who"] for one in asking(home)] == ["load@client.test"]


KILL: Final = {
    "decided": "contact.Ledger.release = lambda self: os.kill(os.getpid(), 9)",
    "one moved": (
        "def rename(self, source, target):\n"
        "    os.rename(source, target)\n"
        "    os.kill(os.getpid(), 9)\n"
        "Disk.rename = rename"
    ),
}
"""What of the verb is left, by where it dies."""


def approve_and_die(home: Home, where: str) -> None:
    program = (
        "import os, sys\nfrom samotop.cli import contact, main\nfrom samotop.transport.disk import Disk\n"
        f"{KILL[where]}\nsys.exit(main(sys.argv[1:]))\n"
    )
    words = ["contact", "approve", "--account", "alice", "--home", str(home.path), "load@client.test"]
    ran = subprocess.run([sys.executable, "-c", program, *words], env=environment(), capture_output=True, check=False)
    assert ran.returncode == -9, ran.stderr.decode()


def two_requests(home: Home, served: Served) -> None:
    with Talk(served.address()) as talk:
        talk.ehlo()
        assert send(talk, "one")
        assert send(talk, "two")
    poll(lambda: len(requests(home, "alice")) == 2, what="both in Requests")


@pytest.mark.parametrize("where", KILL)
def test_a_running_server_ends_what_a_killed_approval_began(home: Home, start_server: StartServer, where: str) -> None:
    served = start_server(home)
    two_requests(home, served)
    approve_and_die(home, where)
    poll(lambda: len(inbox(home)) == 2, what="both in the inbox")
    assert not requests(home, "alice")
    assert len(requests(home, "bob")) == 2, "bob has approved nobody"
    assert [one["standing"] for one in asking(home)] == ["approved"]


@pytest.mark.parametrize("where", KILL)
def test_the_next_approval_ends_what_a_killed_one_began(home: Home, start_server: StartServer, where: str) -> None:
    served = start_server(home)
    two_requests(home, served)
    assert served.terminate() == 0
    approve_and_die(home, where)
    assert len(inbox(home)) + sum(requests(home, "alice").values()) == 2, "each in one of both places"
    home.run("contact", "approve", "--account", "alice", "load@client.test")
    assert len(inbox(home)) == 2
    assert not requests(home, "alice")
