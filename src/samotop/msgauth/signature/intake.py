"""How a message comes to a verifier: its header section once it is complete, its body to the hashes.

DKIM and ARC verify different things of it and take it alike. A verifier fills
in ``_examine``, which sees the header and asks for body hashes. Raises
``RuntimeError`` for calls out of order.
"""

from __future__ import annotations

from abc import abstractmethod

from samotop.msgauth.signature.body import BodyHashes
from samotop.msgauth.signature.fields import HeaderTaker, SignedHeader


class Intake:
    """Base of the verifiers. ``bodies`` is given when the body is hashed for others as well, and fed by the caller."""

    def __init__(self, bodies: BodyHashes | None = None) -> None:
        self._taker = HeaderTaker()
        self._is_owner = bodies is None
        self._bodies = BodyHashes() if bodies is None else bodies
        self._header: SignedHeader | None = None

    @abstractmethod
    def _examine(self, header: SignedHeader) -> None:
        """The header section is complete: find the signatures, ask for the body hashes that they need."""

    def feed(self, chunk: bytes) -> None:
        """Take the message's next octets, cut anywhere."""
        rest = self._taker.feed(chunk)
        if self._header is None:
            section = self._taker.section
            if section is None:
                return
            self.begin(SignedHeader(section, is_too_long=self._taker.is_too_long))
        if rest and self._is_owner and self._bodies.is_wanted:
            self._bodies.feed(rest)

    def begin(self, header: SignedHeader) -> None:
        """The header section is complete: for callers who took it off the message themselves.

        It may be shared with others. The body hashes that are needed are asked for here.
        """
        if self._header is not None:
            raise RuntimeError("the header section was complete before")
        self._header = header
        self._examine(header)

    def end(self) -> None:
        """The message has ended. Saying so twice does no harm."""
        if self._header is None:
            self.begin(SignedHeader(self._taker.finish(), is_too_long=self._taker.is_too_long))
        if self._is_owner:
            self._bodies.finish()

    @property
    def is_begun(self) -> bool:
        """The header section is complete, and ``queries`` final."""
        return self._header is not None
