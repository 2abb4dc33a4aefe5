"""Who answers questions."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from samotop.dns.answer import Answer


class Resolver(Protocol):
    """Answers questions, asynchronously and within bounds of its own.

    Two rules hold for every implementation, so that no caller needs a ``try``:
    a failure is an answer with a status, never an exception; and a name that
    cannot exist (an overlong label) is answered with ``NXDOMAIN``.
    """

    async def lookup(self, name: str, type: str) -> Answer:
        """Ask for ``name``, absolute with or without its last dot, in U-labels or A-labels; ``type`` as in ``"MX"``.

        Aliases are followed. Raises nothing but ``asyncio.CancelledError``.
        """
        ...


class OpenResolver(Resolver, Protocol):
    """One with connections to close when it is no longer needed: by ``close``, or at the end of ``async with``."""

    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
