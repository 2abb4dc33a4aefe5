"""Load with a memory: clients that send message after message and know which of them were acknowledged.

Every message has a number of its own in its body, and ends with a sum over it,
so that a file in the Maildir says which message it is and whether it is whole.
"""

from __future__ import annotations

import hashlib
import random
import re
import threading
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Final

from tests.fakes.serving import Home
from tests.fakes.talk import Talk

SMALL: Final = 3_000
LARGE: Final = 300_000
"""Octets: below and above what gets a file of its own in the spool."""

_NAMED: Final = re.compile(rb"^X-Load: (\S+)$", re.MULTILINE)


def build(name: str, size: int) -> bytes:
    """A message with this name, about ``size`` octets long."""
    line = hashlib.sha256(name.encode()).hexdigest().encode() + b"\r\n"
    body = line * (size // len(line) + 1)
    total = hashlib.sha256(body.replace(b"\r\n", b"\n")).hexdigest()
    return f"X-Load: {name}\r\n\r\n".encode() + body + total.encode() + b"\r\n"


def name_of(stored: bytes) -> str:
    """Which message this is. Raises ``AssertionError`` where it is not whole."""
    head, _, rest = stored.partition(b"\n\n")
    found = _NAMED.search(head)
    assert found is not None, "the header is not whole"
    body, total = rest[:-65], rest[-65:]
    assert hashlib.sha256(body).hexdigest().encode() + b"\n" == total, f"{found[1]!r} is not whole"
    return found[1].decode()


class Load:
    """``clients`` threads that send to wherever ``aim`` points, until ``stop``.

    ``acknowledged`` are the messages for which 250 was said, with their
    recipients; ``sent`` are all whose content was begun.
    """

    def __init__(self, clients: int, seed: int) -> None:
        self.acknowledged: dict[str, tuple[str, ...]] = {}
        self.sent: set[str] = set()
        self.refused: list[str] = []
        self._lock = threading.Lock()
        self._moved = threading.Condition(self._lock)
        self._address = ""
        self._is_over = False
        self._threads = [
            threading.Thread(target=self._run, args=(number, random.Random(f"{seed}-{number}")), daemon=True)
            for number in range(clients)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._moved:
            self._is_over = True
            self._moved.notify_all()
        for thread in self._threads:
            thread.join()

    def aim(self, address: str) -> None:
        """Send there; nowhere for an empty address."""
        with self._moved:
            self._address = address
            self._moved.notify_all()

    def wait_for(self, more: int, seconds: float = 30.0) -> None:
        """Until ``more`` messages were acknowledged from now on."""
        with self._moved:
            goal = len(self.acknowledged) + more
            assert self._moved.wait_for(lambda: len(self.acknowledged) >= goal, seconds), "nothing gets through"

    def _run(self, number: int, chance: random.Random) -> None:
        count = 0
        while True:
            with self._moved:
                self._moved.wait_for(lambda: self._is_over or self._address)
                if self._is_over:
                    return
                address = self._address
            try:
                with Talk(address) as talk:
                    talk.say("LHLO load" if address.startswith("unix:") else "EHLO load")
                    while self._aims_at(address):
                        count += 1
                        self._send(talk, f"{number}-{count}", chance)
            except (OSError, EOFError):
                with self._moved:  # it died; the next one has another port, or comes back to the same in a moment
                    self._moved.wait_for(partial(self._has_turned_from, address), 0.05)

    def _aims_at(self, address: str) -> bool:
        return self._address == address and not self._is_over

    def _has_turned_from(self, address: str) -> bool:
        return not self._aims_at(address)

    def _send(self, talk: Talk, name: str, chance: random.Random) -> None:
        recipients = chance.choice([("alice",), ("bob",), ("alice", "bob")])
        size = LARGE if chance.random() < 0.03 else SMALL
        lines = ["MAIL FROM:<load@client.test>", *[f"RCPT TO:<{one}@example.org>" for one in recipients], "DATA"]
        replies = talk.say_all(*lines)
        if not replies[-1].startswith("354"):
            raise EOFError(replies[-1])
        with self._lock:
            self.sent.add(name)
        reply = talk.content(build(name, size))
        with self._moved:
            if reply.startswith("250"):
                self.acknowledged[name] = recipients
            else:
                self.refused.append(reply)
            self._moved.notify_all()


class Reader:
    """A mail program that looks at its mail at once: what comes into ``new`` it moves to ``cur``, or to a subfolder.

    Without it a message that is delivered twice would take the place of itself, and nobody would see.
    """

    def __init__(self, home: Home) -> None:
        self._boxes = [home.path / "mail" / account for account in ("alice", "bob")]
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(0.005):
            for box in self._boxes:
                for number, path in enumerate((box / "new").glob("*")):
                    folder = box / "cur" if number % 3 else box / ".Archive" / "cur"
                    folder.mkdir(parents=True, exist_ok=True)
                    path.rename(folder / f"{path.name}:2,S")


def count_stored(home: Home, account: str) -> Counter[str]:
    """How often each message lies in the account's Maildir. Files that are not whole fail."""
    box = home.path / "mail" / account
    found = [path for pattern in ("new/*", "cur/*", ".*/cur/*") for path in box.glob(pattern)]
    return Counter(name_of(path.read_bytes()) for path in found)


def check_nothing_lost(home: Home, load: Load) -> None:
    """Each acknowledged message once for each of its recipients, no message twice, none that nobody sent."""
    for account in ("alice", "bob"):
        stored = count_stored(home, account)
        due = {name for name, recipients in load.acknowledged.items() if account in recipients}
        lost = due - stored.keys()
        doubled = {name for name, count in stored.items() if count > 1}
        assert not lost, f"{len(lost)} of {len(due)} lost: {sorted(lost)[:10]}"
        assert not doubled, f"{len(doubled)} of {len(stored)} doubled: {sorted(doubled)[:10]}"
        assert stored.keys() <= load.sent, "something arrived that nobody sent"


def left_over(home: Home) -> list[Path]:
    """What stays in the spool and in the Maildirs' tmp although nothing waits any more."""
    return [*home.path.glob("spool/*"), *home.path.glob("mail/*/tmp/*")]
