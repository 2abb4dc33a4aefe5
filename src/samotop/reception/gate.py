"""How many sessions at once, in all and per address (RFC 5321 §7.8).

What counts as one address says ``net.networks.network_key``.
"""

from __future__ import annotations

from samotop.reply import Reply

FULL = Reply.of(421, "4.3.2", "Too many sessions here, try again later")
TOO_MANY = Reply.of(421, "4.7.0", "Too many sessions from your address, try again later")


class Gate:
    """Counts sessions. ``enter`` says no with a reply; each yes is followed by one ``leave``."""

    __slots__ = ("_by_key", "_per_address", "_sessions", "count")

    def __init__(self, sessions: int, per_address: int) -> None:
        self._sessions = sessions
        self._per_address = per_address
        self._by_key: dict[str, int] = {}
        self.count = 0

    def enter(self, key: str, *, force: bool = False) -> Reply | None:
        """Count a session in; ``force`` for one that is here already and about to end."""
        if not force and self.count >= self._sessions:
            return FULL
        here = self._by_key.get(key, 0)
        if key and here >= self._per_address:
            return TOO_MANY
        self._by_key[key] = here + 1
        self.count += 1
        return None

    def leave(self, key: str) -> None:
        self.count -= 1
        here = self._by_key[key] - 1
        if here:
            self._by_key[key] = here
        else:
            del self._by_key[key]
