"""A cache with bounds: so many entries, so many octets, no entry past its time.

    cache: Cache[tuple[str, str], Answer] = Cache(clock)
    cache.put(("example.org", "MX"), answer, ttl=300, octets=500)
    found = cache.get(("example.org", "MX"))      # (answer, whole seconds left), or None

What was not used for longest goes first. Time is the injected clock's, which
never jumps; a time to live is cut to a day, as a mistyped one of years would
else stay (RFC 2181 §8 bounds it at 68 years, RFC 8767 §4 recommends a
bound of days). Nothing is served past it. ``get`` and ``put`` take no lock and await
nothing: for one event loop. Raises nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from samotop.ports.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class CacheRules:
    """Bounds. ``longest`` is in seconds."""

    entries: int = 50_000
    octets: int = 32 * 1024 * 1024
    """By what callers of ``put`` say of their values."""
    longest: int = 24 * 3600


class Cache(Generic[K, V]):
    """Values by key, each with its end."""

    __slots__ = ("_clock", "_held", "_now", "_octets", "_rules")

    def __init__(self, clock: Clock, rules: CacheRules = CacheRules()) -> None:
        self._clock = clock
        self._now = clock.monotonic
        self._rules = rules
        self._held: OrderedDict[K, tuple[float, int, V]] = OrderedDict()
        self._octets = 0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def octets(self) -> int:
        """What the values held take, by their ``put``."""
        return self._octets

    def get(self, key: K) -> tuple[V, int] | None:
        """The value and the whole seconds for which it still holds; ``None`` if there is none, or no longer."""
        held = self._held.get(key)
        if held is None:
            return None
        left = held[0] - self._now()
        if left <= 0:
            self.drop(key)
            return None
        self._held.move_to_end(key)
        return held[2], int(left)

    def put(self, key: K, value: V, ttl: float, octets: int) -> None:
        """Keep ``value`` for ``ttl`` seconds, in place of what was there; not if that is 0 or it is too large."""
        self.drop(key)
        if ttl <= 0 or octets > self._rules.octets or self._rules.entries < 1:
            return
        self._held[key] = (self._now() + min(ttl, self._rules.longest), octets, value)
        self._octets += octets
        while self._octets > self._rules.octets or len(self._held) > self._rules.entries:
            _, (_, freed, _) = self._held.popitem(last=False)
            self._octets -= freed

    def drop(self, key: K) -> None:
        """Forget one."""
        held = self._held.pop(key, None)
        if held is not None:
            self._octets -= held[1]

    def clear(self) -> None:
        """Forget all."""
        self._held.clear()
        self._octets = 0
