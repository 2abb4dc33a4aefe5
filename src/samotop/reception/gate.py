"""How many sessions at once, in all and per address (RFC 5321 §7.8).

One IPv6 customer has a /64 at least, so addresses of one /64 count as one.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from samotop.reply import Reply

FULL = Reply.of(421, "4.3.2", "Too many sessions here, try again later")
TOO_MANY = Reply.of(421, "4.7.0", "Too many sessions from your address, try again later")


def network_key(address: str) -> str:
    """What counts as one peer: an IPv4 address, an IPv6 /64, or all of this machine's own sockets (``""``)."""
    if ":" not in address:
        return address
    ip = ip_address(address)
    assert isinstance(ip, IPv6Address), "only IPv6 addresses have colons"
    return ip.packed[:8].hex()


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
