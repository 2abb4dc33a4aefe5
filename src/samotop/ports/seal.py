"""Sealing: what is written is unreadable without a key that lies elsewhere.

Today each content gets a random key of its own, kept in its state row and
destroyed with it. Later the same port seals to the recipient's public key;
then ``key`` is what the row keeps instead (perhaps nothing).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol


class Sealing(Protocol):
    """One content being sealed, chunk by chunk. Used by one thread at a time."""

    @property
    def key(self) -> bytes:
        """What must be kept to open it again."""
        ...

    def update(self, chunk: bytes) -> bytes:
        """Take plain octets; return sealed ones that are ready, perhaps none."""
        ...

    def finish(self) -> bytes:
        """Return the last sealed octets. Without them the content does not open."""
        ...


class Sealer(Protocol):
    def begin(self) -> Sealing: ...


class Opener(Protocol):
    def open(self, key: bytes, read: Callable[[int], bytes]) -> Iterator[bytes]:
        """Yield the plain chunks; ``read(n)`` gives up to ``n`` sealed octets, fewer only at the end.

        Raises ``ValueError`` when what is read was not sealed with ``key``, was
        altered, reordered or cut short. Chunks already yielded are authentic.
        """
        ...
