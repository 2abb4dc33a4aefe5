"""The keys that sign our mail: ``HOME/keys/dkim/DOMAIN/SELECTOR.pem``, and which of them are in use.

Keys come in pairs, one for each algorithm, because a receiver may know only
one: ``s20261122-rsa`` and ``s20261122-ed`` are the pair ``s20261122``. A
domain's pairs are in the order in which they were made. One of them signs; the
file ``signing`` beside them says which, and since when. Later ones wait until
their records are in the DNS; earlier ones are retired: nothing is signed with
them, and their records stay until the mail that they signed has arrived
(RFC 6376 §3.1: that is what selectors are for). Without the file the last pair
signs. Files of any other selector count as a pair of one, made before all others.

Files are 0600, directories 0700. Each file is written beside its place, synced,
and linked there: whole or not at all, durable, and never over another one.

Does not know what a key is: PEM goes in and comes out. Raises ``SetupError``.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Final

from samotop.dns.names import normalize_name
from samotop.errors import SetupError

KEYS_NAME: Final = "keys/dkim"
SIGNING_NAME: Final = "signing"
FILE_LIMIT: Final = 64 * 1024
"""Octets of a key's file that are read: sixteen times an RSA key of 4096 bits."""
PAIRS_A_DAY: Final = 26
"""Pairs made in one day: one for each letter; who needs more looks for something else."""

_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_DATED: Final = re.compile(r"(s\d{8}[a-z]?)-(?:rsa|ed)")


class PairState(Enum):
    """What a pair is there for."""

    SIGNS = "signs"
    WAITS = "waits"
    """Made, and not used before its records are in the DNS."""
    RETIRED = "retired"
    """Used before: its records stay for the mail that is under way."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A private key as it lies on disk."""

    selector: str
    pem: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The keys of one name. ``since`` is when it began to sign, in seconds since 1970; 0 where that is not known."""

    domain: str
    name: str
    keys: tuple[StoredKey, ...]
    state: PairState
    since: float = 0.0


class DkimKeys:
    """The keys of a home."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._place = home / KEYS_NAME

    def pairs(self, domain: str) -> list[KeyPair]:
        """The domain's pairs, the oldest first. Raises ``SetupError`` where they cannot be read."""
        directory = self._directory(domain)
        with _explained(directory):
            files = sorted(directory.glob("*.pem")) if directory.is_dir() else []
            named: dict[str, list[StoredKey]] = {}
            for path in files:
                if _NAME.fullmatch(path.stem):
                    dated = _DATED.fullmatch(path.stem)
                    named.setdefault(dated[1] if dated else path.stem, []).append(StoredKey(path.stem, _read(path)))
            order = sorted(named, key=lambda name: (_is_dated(name), name))
            signing, since = _read_signing(directory / SIGNING_NAME)
        if signing not in order:
            signing, since = (order[-1] if order else ""), 0.0
        at = order.index(signing) if order else 0
        states = [PairState.RETIRED] * at + [PairState.SIGNS] + [PairState.WAITS] * (len(order) - at - 1)
        return [
            KeyPair(domain, name, tuple(named[name]), state, since if name == signing else 0.0)
            for name, state in zip(order, states, strict=False)
        ]

    def signing(self, domain: str) -> KeyPair | None:
        """The pair that signs now. Raises ``SetupError`` where it cannot be read."""
        return next((pair for pair in self.pairs(domain) if pair.state is PairState.SIGNS), None)

    def add(self, domain: str, pems: Mapping[str, bytes], now: float) -> KeyPair:
        """Keep a new pair, named for the day (UTC); ``pems`` by the ending of the selector, ``rsa`` and ``ed``.

        The first one signs at once, any other one waits. Raises ``SetupError``.
        """
        directory = self._directory(domain)
        before = self.pairs(domain)
        name = _next_name(now, {pair.name for pair in before})
        with _explained(directory):
            self._make(directory)
            signing = next((pair for pair in before if pair.state is PairState.SIGNS), None)
            if signing is not None:  # said before there is another that could be taken for it
                _replace(directory / SIGNING_NAME, _format_signing(signing.name, signing.since))
            for ending, pem in pems.items():
                _create(directory / f"{name}-{ending}.pem", pem)
            if signing is None:
                _replace(directory / SIGNING_NAME, _format_signing(name, now))
        return next(pair for pair in self.pairs(domain) if pair.name == name)

    def use(self, pair: KeyPair, now: float) -> None:
        """Sign with ``pair`` from now on. Raises ``SetupError``."""
        path = self._directory(pair.domain) / SIGNING_NAME
        with _explained(path):
            _replace(path, _format_signing(pair.name, now))

    def remove(self, pair: KeyPair) -> None:
        """Destroy a retired or waiting pair. Raises ``SetupError``."""
        if pair.state is PairState.SIGNS:
            raise SetupError(f"{pair.name} signs the mail of {pair.domain}", remedy="let another pair sign first")
        directory = self._directory(pair.domain)
        with _explained(directory):
            for key in pair.keys:
                (directory / f"{key.selector}.pem").unlink(missing_ok=True)
            _sync(directory)

    def _directory(self, domain: str) -> Path:
        try:
            name = normalize_name(domain)
        except ValueError:
            name = ""
        if not _NAME.fullmatch(name):
            raise SetupError("that is no domain that could have keys", remedy='write it like "example.org"')
        return self._place / name

    def _make(self, directory: Path) -> None:
        for one in (self._place.parent, self._place, directory):
            if not one.is_dir():
                one.mkdir(mode=0o700)
                _sync(one.parent)


def _is_dated(name: str) -> bool:
    return _DATED.fullmatch(f"{name}-ed") is not None


def _next_name(now: float, taken: set[str]) -> str:
    day = datetime.fromtimestamp(now, UTC).strftime("s%Y%m%d")
    for letter in ("", *(chr(ord("b") + number) for number in range(PAIRS_A_DAY - 1))):
        # Behind all others, also where the clock was wrong once: the order says what signs.
        if f"{day}{letter}" not in taken and all(name < f"{day}{letter}" for name in taken if _is_dated(name)):
            return f"{day}{letter}"
    raise SetupError("there is a pair of keys made later than now", remedy="set the clock, or wait until tomorrow")


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(FILE_LIMIT)


def _read_signing(path: Path) -> tuple[str, float]:
    try:
        told = json.loads(_read(path))
        return str(told["pair"]), float(told["since"])
    except FileNotFoundError:
        return "", 0.0
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SetupError(
            f"{path} cannot be understood", remedy="remove it: the newest pair of keys signs then"
        ) from None


def _format_signing(name: str, since: float) -> bytes:
    return json.dumps({"pair": name, "since": since}).encode() + b"\n"


def _create(path: Path, octets: bytes) -> None:
    """Write a file that must not exist; whole and durable, or not at all."""
    with _draft(path, octets) as draft:
        os.link(draft, path)
    _sync(path.parent)


def _replace(path: Path, octets: bytes) -> None:
    with _draft(path, octets) as draft:
        os.rename(draft, path)
    _sync(path.parent)


@contextmanager
def _draft(path: Path, octets: bytes) -> Iterator[str]:
    """A synced file beside ``path``, mode 0600; gone at the end, unless it was renamed."""
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
        yield draft
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise SetupError(f"{error.filename2 or place} is there already", remedy="somebody made it now; look") from None
    except OSError as error:
        raise SetupError(
            f"{error.filename or place} cannot be used: {error.strerror}", remedy="check who owns it, and the disk"
        ) from None
