"""How much each account has sent today: counted in memory, kept in the store, forgotten the day after.

Recipients are counted by keyed digests that leave neither the process nor the
day; the store has numbers alone. Each process counts for itself and adds to the
store what it has seen; at its start, and with every flush, it takes over what
all of them have. So several workers may together let a few messages more pass
than one would.

``note`` and ``usage`` are called on the loop; ``flush`` in a thread. Raises
``TryAgainLater`` from ``flush`` where the store does not answer; then nothing is
lost but the next start's memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from threading import Lock
from typing import Final

from samotop.address import Address
from samotop.policy.submission import Usage
from samotop.ports.tallies import DAY_SECONDS, Tallies, Tally

DIGEST_OCTETS: Final = 12
KNOWN_LIMIT: Final = 100_000
"""Recipients of one account and day that are told apart; above any limit that an operator sets in earnest."""

_MESSAGE: Final = b"message"
_RECIPIENT: Final = b"recipient"


class Usages:
    """``secret`` keys the digests."""

    def __init__(self, tallies: Tallies, secret: bytes) -> None:
        self._tallies = tallies
        self._secret = secret[:64]
        self._by_login: dict[str, Usage] = {}
        self._unwritten: dict[tuple[int, str, bytes], int] = {}
        self._lock = Lock()

    def usage(self, login: str, now: float) -> Usage:
        """What ``login`` has sent on the day of ``now`` (seconds since 1970)."""
        day = int(now // DAY_SECONDS)
        found = self._by_login.get(login)
        if found is None or found.day != day:
            found = self._by_login[login] = Usage(day)
        return found

    def digest(self, address: Address) -> bytes:
        text = f"{address.local}@{address.domain}".lower().encode("utf-8", "replace")
        return hashlib.blake2b(text, key=self._secret, digest_size=DIGEST_OCTETS).digest()

    def note(self, login: str, recipients: Iterable[Address], now: float) -> None:
        """A message was accepted."""
        usage = self.usage(login, now)
        new = {self.digest(one) for one in recipients} - usage.known
        usage.messages += 1
        usage.recipients += len(new)
        if len(usage.known) + len(new) <= KNOWN_LIMIT:
            usage.known |= new
        with self._lock:
            for record, count in ((_MESSAGE, 1), (_RECIPIENT, len(new))):
                if count:
                    key = (usage.day, login, record)
                    self._unwritten[key] = self._unwritten.get(key, 0) + count

    def flush(self, now: float) -> None:
        """Write down what is new, take over what others wrote, forget what is over."""
        day = int(now // DAY_SECONDS)
        with self._lock:
            waiting, self._unwritten = self._unwritten, {}
        try:
            if waiting:
                self._tallies.add([Tally(*key, count) for key, count in waiting.items()])
        except Exception:
            with self._lock:
                for key, count in waiting.items():
                    self._unwritten[key] = self._unwritten.get(key, 0) + count
            raise
        self._tallies.expire(day)
        for seen, login in self._tallies.pending(day + 1):
            counts = {tally.record: tally.count for tally in self._tallies.get(seen, login, 2)}
            usage = self.usage(login, now)
            with self._lock:
                new = {record: self._unwritten.get((day, login, record), 0) for record in (_MESSAGE, _RECIPIENT)}
            usage.messages = max(usage.messages, counts.get(_MESSAGE, 0) + new[_MESSAGE])
            usage.recipients = max(usage.recipients, counts.get(_RECIPIENT, 0) + new[_RECIPIENT])
