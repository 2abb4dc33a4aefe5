"""Hashes of a body in every form that the signatures of a message ask for, in one pass (RFC 6376 §3.7).

However many signatures there are, each canonical form is computed once and
hashed once: a length limit (``l=``) is a copy of the running hash taken at
that place. Memory is flat and time is linear in the body.

    bodies = BodyHashes()
    bodies.want(wish)           # for each signature, before the first octet of the body
    bodies.feed(chunk)
    bodies.finish()
    bodies.digest(wish)

Raises ``RuntimeError`` for calls in another order, which are bugs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, NamedTuple

from samotop.msgauth.signature.canonical import Canonicalization, open_body_form

PIECE: Final = 64 * 1024
"""Octets that are worked on at once: copies of them stay in the processor's cache."""


class BodyWish(NamedTuple):
    """Which SHA-256 of the body a signature was made over; ``limit`` is its ``l=``, in octets of the canonical form."""

    canonicalization: Canonicalization
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class BodyDigest:
    """What a wish came to. ``size`` counts the octets of the whole canonical form."""

    digest: bytes
    size: int
    limit: int | None = None

    @property
    def is_partial(self) -> bool:
        """There are octets beyond the limit, which nobody signed."""
        return self.limit is not None and self.size > self.limit

    @property
    def is_short(self) -> bool:
        """The body ends before the limit: something was cut off (RFC 6376 §3.5, ``l=``)."""
        return self.limit is not None and self.size < self.limit


class _Form:
    """One canonical form's running hash, and copies of it at each limit."""

    __slots__ = ("_hash", "_left", "digests", "size", "stream")

    def __init__(self, canonicalization: Canonicalization, limits: set[int]) -> None:
        self._hash = hashlib.sha256()
        self._left = sorted(limits, reverse=True)  # the next one is the last
        self.digests: dict[int | None, bytes] = {}
        self.size = 0
        self.stream = open_body_form(canonicalization, self._write)

    def _write(self, octets: bytes) -> None:
        while self._left and self._left[-1] <= self.size + len(octets):
            limit = self._left.pop()
            self._hash.update(octets[: limit - self.size])
            octets = octets[limit - self.size :]
            self.size = limit
            self.digests[limit] = self._hash.digest()
        self._hash.update(octets)
        self.size += len(octets)

    def finish(self) -> None:
        self.stream.finish()
        last = self._hash.digest()
        self.digests[None] = last
        for limit in self._left:
            self.digests[limit] = last


class BodyHashes:
    """The body hashes of one message. See the module's page."""

    __slots__ = ("_forms", "_is_finished", "_limits")

    def __init__(self) -> None:
        self._limits: dict[Canonicalization, set[int]] = {}
        self._forms: dict[Canonicalization, _Form] | None = None
        self._is_finished = False

    @property
    def is_wanted(self) -> bool:
        """Whether anybody asked for anything: else the body need not be fed."""
        return bool(self._limits)

    def want(self, wish: BodyWish) -> None:
        """Ask for a hash; asking again for the same costs nothing."""
        if self._forms is not None:
            raise RuntimeError("the body has begun")
        limits = self._limits.setdefault(wish.canonicalization, set())
        if wish.limit is not None:
            limits.add(wish.limit)

    def feed(self, chunk: bytes) -> None:
        """Take the next octets of the body, of any number."""
        forms = self._begin()
        if self._is_finished:
            raise RuntimeError("the body has ended")
        if len(chunk) <= 2 * PIECE:
            for form in forms.values():
                form.stream.feed(chunk)
            return
        for start in range(0, len(chunk), PIECE):
            piece = chunk[start : start + PIECE]
            for form in forms.values():
                form.stream.feed(piece)

    def finish(self) -> None:
        """The body has ended. Saying so twice does no harm."""
        if self._is_finished:
            return
        self._is_finished = True
        for form in self._begin().values():
            form.finish()

    def digest(self, wish: BodyWish) -> BodyDigest:
        """The hash that was asked for, after ``finish``."""
        if not self._is_finished or self._forms is None:
            raise RuntimeError("the body has not ended")
        form = self._forms[wish.canonicalization]
        return BodyDigest(form.digests[wish.limit], form.size, wish.limit)

    def _begin(self) -> dict[Canonicalization, _Form]:
        if self._forms is None:
            self._forms = {word: _Form(word, limits) for word, limits in self._limits.items()}
        return self._forms
