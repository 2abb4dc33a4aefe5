"""The sets of a header section in their order, by every rule that needs no key (RFC 8617 §5.2, steps 1 to 3).

Raises ``BrokenChain``, whose text is the reason in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from samotop.message.authres import AuthenticationResults
from samotop.msgauth.arc.parse import (
    ArcSyntaxError,
    Seal,
    parse_seal,
    read_results,
    split_message_signature,
    split_results,
)
from samotop.msgauth.arc.result import SETS_LIMIT, ArcSet
from samotop.msgauth.signature.fields import SignedHeader
from samotop.msgauth.signature.tags import Tag

T = TypeVar("T")

RESULTS_NAME: Final = b"arc-authentication-results"
SIGNATURE_NAME: Final = b"arc-message-signature"
SEAL_NAME: Final = b"arc-seal"
NAMES: Final = (RESULTS_NAME, SIGNATURE_NAME, SEAL_NAME)

_WORDS: Final = {
    RESULTS_NAME: "ARC-Authentication-Results",
    SIGNATURE_NAME: "ARC-Message-Signature",
    SEAL_NAME: "ARC-Seal",
}


class BrokenChain(ValueError):
    """The chain's structure is not that of RFC 8617; ``sets`` where they could be put in order."""

    def __init__(self, reason: str, sets: tuple[ArcSet, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sets = sets


@dataclass(frozen=True, slots=True)
class Link:
    """One set: its seal, and where its three fields are in the header section."""

    seal: Seal
    results: AuthenticationResults | None
    results_place: int
    signature_place: int
    signature_tags: dict[str, Tag]
    """Of its message signature, to be read where it matters."""
    seal_place: int

    @property
    def instance(self) -> int:
        return self.seal.instance

    def to_set(self) -> ArcSet:
        signed = self.seal.signed
        return ArcSet(self.instance, signed.domain, signed.selector, self.results, self.seal.cv)


def collect_chain(header: SignedHeader) -> tuple[Link, ...]:
    """The sets, the oldest first; none where there is no field of any."""
    if not any(header.places(name) for name in NAMES):
        return ()
    if header.fault:
        raise BrokenChain(header.fault)
    if any(len(header.places(name)) > SETS_LIMIT for name in NAMES):
        raise BrokenChain(f"there are more than {SETS_LIMIT} sets, or one has a field twice")
    seals: dict[int, tuple[int, Seal]] = {}
    signatures: dict[int, tuple[int, dict[str, Tag]]] = {}
    results: dict[int, tuple[int, bytes]] = {}
    for place in header.places(SEAL_NAME):
        seal = _read(header, place, SEAL_NAME, parse_seal)
        _put(seals, seal.instance, (place, seal), SEAL_NAME)
    for place in header.places(SIGNATURE_NAME):
        instance, tags = _read(header, place, SIGNATURE_NAME, split_message_signature)
        _put(signatures, instance, (place, tags), SIGNATURE_NAME)
    for place in header.places(RESULTS_NAME):
        instance, value = _read(header, place, RESULTS_NAME, split_results)
        _put(results, instance, (place, value), RESULTS_NAME)
    count = max((*seals, *signatures, *results))
    for instance in range(1, count + 1):
        if not (instance in seals and instance in signatures and instance in results):
            raise BrokenChain(f"set {instance} is not whole")
    chain = tuple(
        Link(
            seals[instance][1],
            read_results(results[instance][1]),
            results[instance][0],
            *signatures[instance],
            seals[instance][0],
        )
        for instance in range(1, count + 1)
    )
    _check_words(chain)
    return chain


def _read(header: SignedHeader, place: int, name: bytes, parse: Callable[[bytes], T]) -> T:
    try:
        return parse(header.fields[place].value)
    except ArcSyntaxError as error:
        raise BrokenChain(f"an {_WORDS[name]} {error}") from None


def _put(found: dict[int, T], instance: int, value: T, name: bytes) -> None:
    if instance in found:
        raise BrokenChain(f"set {instance} has two {_WORDS[name]} fields")
    found[instance] = value


def _check_words(chain: tuple[Link, ...]) -> None:
    """What each server said of the chain before it: "none" first, "pass" from then on."""
    sets = tuple(link.to_set() for link in chain)
    if chain[-1].seal.cv == "fail":
        raise BrokenChain("the last server that sealed found the chain broken", sets)
    for link in chain:
        if link.seal.cv != ("none" if link.instance == 1 else "pass"):
            raise BrokenChain(f"the seal of set {link.instance} says cv={link.seal.cv}", sets)
