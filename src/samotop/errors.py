"""Three families of errors, so that a caller knows what to do with one.

* ``SetupError``: somebody configured something that cannot work. Nothing is
  started; the message names the place and the remedy.
* ``PeerError``: the other side sent what it must not. It is an answer to be
  given, never a traceback; parsers raise subclasses of it.
* Anything else is a bug, and crashes the task that met it.
"""

from __future__ import annotations


class SamotopError(Exception):
    """The root of every error that Samotop raises on purpose."""


class SetupError(SamotopError):
    """The configuration or the machine does not allow this.

    ``remedy`` says in words what would be right; ``place`` is ``file:line``
    where that is known.
    """

    def __init__(self, message: str, *, remedy: str = "", place: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy
        self.place = place

    def __str__(self) -> str:
        text = super().__str__()
        if self.place:
            text = f"{self.place}: {text}"
        return f"{text}\n  {self.remedy}" if self.remedy else text


class PeerError(SamotopError):
    """The peer's input is refused. The text says what was wrong, for the peer to read."""


class TryAgainLater(SamotopError):
    """This cannot be done now and may go through later (exit status 75, a 4yz reply)."""
