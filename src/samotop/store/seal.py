"""Sealing contents: AES-256-GCM under a random key of its own for each, in chunks.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: "Online
Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015): chunk
``n`` is sealed with the nonce ``n || is_last``, 11 octets of counter and one of
flag. A chunk moved, left out, repeated or taken from elsewhere has the wrong
counter; an end cut off or added to has the wrong flag. As each key seals one
content only, counters never meet again under it.

Sealed form: chunks of 64 KiB of plain octets, each followed by a tag of 16;
the last may be shorter, and only that of an empty content is empty.

This is not authentication of who wrote it: whoever has the state row can seal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from samotop.ports import Sealer

KEY_OCTETS: Final = 32
CHUNK: Final = 64 * 1024
"""Plain octets of a chunk: large enough that the tag and the call cost nothing, small enough to hold many."""
TAG: Final = 16
SEALED_CHUNK: Final = CHUNK + TAG

_FIRST_AND_LAST: Final = bytes(11) + b"\x01"


class AesSealing:
    """One content being sealed (``ports.Sealing``)."""

    __slots__ = ("_cipher", "_count", "_held", "_parts", "key")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._parts: list[bytes] = []
        self._held = 0
        self._count = 0
        self._cipher: AESGCM | None = None

    def update(self, chunk: bytes) -> bytes:
        self._parts.append(chunk)
        self._held += len(chunk)
        # A full chunk waits until there is more: only finish() may seal the last one.
        if self._held <= CHUNK:
            return b""
        plain = b"".join(self._parts)
        cipher = self._cipher = self._cipher or AESGCM(self.key)
        sealed = []
        start = 0
        while len(plain) - start > CHUNK:
            sealed.append(cipher.encrypt(_nonce(self._count, False), plain[start : start + CHUNK], None))
            self._count += 1
            start += CHUNK
        self._parts = [plain[start:]]
        self._held = len(plain) - start
        return b"".join(sealed)

    def finish(self) -> bytes:
        parts = self._parts
        plain = parts[0] if len(parts) == 1 else b"".join(parts)
        self._parts = []
        if self._cipher is None:
            return AESGCM(self.key).encrypt(_FIRST_AND_LAST, plain, None)
        return self._cipher.encrypt(_nonce(self._count, True), plain, None)


class BatchSealer(Sealer, Protocol):
    """A ``ports.Sealer`` that can also seal many small contents at once."""

    def seal_all(self, contents: Sequence[Sequence[bytes]]) -> list[tuple[bytes, bytes]]:
        """Each content's key and its sealed octets, in order; a content is its chunks."""
        ...


class AesSealer:
    """Seals each content under a random key of its own."""

    def begin(self) -> AesSealing:
        return AesSealing(os.urandom(KEY_OCTETS))

    def seal_all(self, contents: Sequence[Sequence[bytes]]) -> list[tuple[bytes, bytes]]:
        # One request for all keys: each would give the interpreter lock away and wait to get it back.
        random = os.urandom(KEY_OCTETS * len(contents))
        result = []
        start = 0
        for chunks in contents:
            key = random[start : start + KEY_OCTETS]
            start += KEY_OCTETS
            plain = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            if len(plain) <= CHUNK:
                result.append((key, AESGCM(key).encrypt(_FIRST_AND_LAST, plain, None)))
            else:
                sealing = AesSealing(key)
                sealed = sealing.update(plain)
                result.append((key, sealed + sealing.finish()))
        return result


class AesOpener:
    """Opens what ``AesSealer`` sealed (``ports.Opener``)."""

    def open(self, key: bytes, read: Callable[[int], bytes]) -> Iterator[bytes]:
        if len(key) != KEY_OCTETS:
            raise ValueError("the content's key is gone or damaged")
        cipher = AESGCM(key)
        count = 0
        sealed = read(SEALED_CHUNK)
        while True:
            ahead = read(SEALED_CHUNK) if len(sealed) == SEALED_CHUNK else b""
            try:
                plain = cipher.decrypt(_nonce(count, not ahead), sealed, None)
            except InvalidTag:
                raise ValueError("the content is damaged: it was altered, reordered or cut short") from None
            if plain:
                yield plain
            if not ahead:
                return
            sealed = ahead
            count += 1


def sealed_size(size: int) -> int:
    """Octets that ``size`` plain octets become when sealed."""
    return size + TAG * max(1, -(-size // CHUNK))


def _nonce(count: int, is_last: bool) -> bytes:
    return (count << 8 | is_last).to_bytes(12, "big")
