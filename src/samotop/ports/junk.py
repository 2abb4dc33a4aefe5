"""What an owner's learned filter thinks of a message, as services see it. Called in threads; raises nothing.

A guess helps an owner to look at requests, and nothing is ever learned from one: only from decisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Guess:
    """``probability`` of spam, 0 to 1; ``is_junk`` if that is above the owner's own threshold.

    ``features`` are what the filter can learn from later, without the text.
    """

    probability: float
    is_junk: bool
    features: bytes = b""

    def __str__(self) -> str:
        return f"looks like junk ({self.probability:.3f})" if self.is_junk else f"junk {self.probability:.3f}"


class Guesser(Protocol):
    def guess(self, owner: str, octets: bytes) -> Guess | None:
        """``None`` where there is no opinion: the owner has taught nothing yet, or the filter cannot be read."""
        ...

    def features(self, octets: bytes) -> bytes:
        """What can be learned of a message later."""
        ...
