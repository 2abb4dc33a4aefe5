"""Validate a message's ARC chain while it arrives (RFC 8617 §5.2): sans-IO, one pass, flat memory.

    verifier = Verifier()
    for chunk in content.chunks():
        verifier.feed(chunk)            # verifier.queries is there as soon as the header section is complete
    verifier.end()
    result = verifier.finish({name: await resolver.lookup(name, "TXT") for name in verifier.queries}, now)

A chain whose structure is broken asks for nothing. The work is bounded by fifty
sets, ``ArcRules.keys`` questions, and two signatures for each set; all of the
public-key work is in ``finish``, which may run in a thread.

To hash a body once for DKIM and for ARC, give both one ``BodyHashes``, call
``begin`` of each with one ``SignedHeader``, and feed the body to that object alone.

Raises ``RuntimeError`` for calls out of order, which are bugs; nothing for
whatever octets come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from samotop.dns.answer import Answer
from samotop.msgauth.arc.chain import BrokenChain, Link, collect_chain
from samotop.msgauth.arc.parse import ArcSyntaxError, MessageSignature, Signed, read_message_signature
from samotop.msgauth.arc.result import ArcResult, ArcRules, ArcSet
from samotop.msgauth.results import Result
from samotop.msgauth.signature.algorithms import verify_digest
from samotop.msgauth.signature.body import BodyHashes, BodyWish
from samotop.msgauth.signature.canonical import Canonicalization
from samotop.msgauth.signature.fields import SignedHeader, remove_signature
from samotop.msgauth.signature.intake import Intake
from samotop.msgauth.signature.keys import find_keys


@dataclass(frozen=True, slots=True)
class _Check:
    """Whether one signature verifies; ``reason`` is a sentence's end, ``is_open`` that DNS did not answer."""

    passes: bool
    reason: str = ""
    is_secure: bool = False
    is_open: bool = False


class Verifier(Intake):
    """See the module's page, and ``Intake`` for how the message comes to it."""

    def __init__(self, rules: ArcRules = ArcRules(), bodies: BodyHashes | None = None) -> None:
        super().__init__(bodies)
        self._rules = rules
        self._chain: tuple[Link, ...] = ()
        self._signatures: dict[int, MessageSignature] = {}  # by instance, those that could be read
        self._queries: dict[str, None] = {}
        self._early: ArcResult | None = None  # what needs neither keys nor body

    def _examine(self, header: SignedHeader) -> None:
        try:
            self._chain = collect_chain(header)
        except BrokenChain as broken:
            self._early = ArcResult(Result.FAIL, broken.reason, broken.sets)
            return
        if not self._chain:
            self._early = ArcResult(Result.NONE, "there is no ARC field")
            return
        self._early = self._plan()

    def _plan(self) -> ArcResult | None:
        """Read the message signatures, ask for body hashes and keys; a result where there is one already."""
        newest = self._chain[-1]
        for link in self._chain:
            try:
                signature = read_message_signature(link.signature_tags)
            except ArcSyntaxError as error:
                if link is newest:
                    return self._fail(f"the newest ARC-Message-Signature {error}")
                continue  # an older one only says since when nothing was changed
            self._signatures[link.instance] = signature
        needed = dict.fromkeys(link.seal.signed.key_name for link in reversed(self._chain))
        needed[self._signatures[newest.instance].signed.key_name] = None
        if len(needed) > self._rules.keys:
            return self._fail(f"the chain needs more than {self._rules.keys} keys")
        for link in reversed(self._chain[:-1]):
            older = self._signatures.get(link.instance)
            if older is None:
                break  # those before it are not looked at either
            if older.signed.key_name not in needed and len(needed) == self._rules.keys:
                del self._signatures[link.instance]
                break
            needed[older.signed.key_name] = None
        self._queries = needed
        for signature in self._signatures.values():
            self._bodies.want(_wish(signature))
        return None

    def _fail(self, reason: str, *, is_temporary: bool = False) -> ArcResult:
        return ArcResult(Result.FAIL, reason, self._sets(), is_temporary=is_temporary)

    def _sets(self) -> tuple[ArcSet, ...]:
        return tuple(link.to_set() for link in self._chain)

    @property
    def queries(self) -> tuple[str, ...]:
        """The names whose TXT records are needed, each once; none before the header section is complete."""
        return tuple(self._queries)

    def finish(self, answers: Mapping[str, Answer], now: float) -> ArcResult:
        """The result; ``answers`` by the names in ``queries``, ``now`` in seconds.

        A name without an answer counts as one that DNS did not answer.
        """
        self.end()
        if self._early is not None:
            return self._early
        newest = self._check_message(self._chain[-1], answers, now)
        if not newest.passes:
            return self._fail(f"the newest message signature {newest.reason}", is_temporary=newest.is_open)
        is_secure = newest.is_secure
        for number in range(len(self._chain), 0, -1):
            check = self._check_seal(number, answers)
            if not check.passes:
                return self._fail(f"the seal of set {number} {check.reason}", is_temporary=check.is_open)
            is_secure = is_secure and check.is_secure
        oldest = self._find_oldest_pass(answers, now)
        return ArcResult(Result.PASS, _describe_pass(self._chain, oldest), self._sets(), oldest, is_secure)

    def _find_oldest_pass(self, answers: Mapping[str, Answer], now: float) -> int:
        """RFC 8617 §5.2, step 5: the oldest signature that fits, 0 if all do; one that does not ends the search."""
        for link in reversed(self._chain[:-1]):
            if not self._check_message(link, answers, now).passes:
                return link.instance + 1
        return 0

    def _check_message(self, link: Link, answers: Mapping[str, Answer], now: float) -> _Check:
        """RFC 8617 §5.2, step 4: a DKIM verification (RFC 6376 §6.1) of one ARC-Message-Signature."""
        signature = self._signatures.get(link.instance)
        if signature is None:
            return _Check(False, "cannot be read")
        header = self._header
        assert header is not None
        body = self._bodies.digest(_wish(signature))
        if body.is_short or body.digest != signature.body_hash:
            return _Check(False, "is not over this body")
        if body.is_partial:
            return _Check(False, "does not cover all of the body")
        if signature.expires is not None and now > signature.expires + self._rules.expiry_slack:
            return _Check(False, "has expired")
        if len(header.places(b"from")) > signature.names.count(b"from"):
            return _Check(False, "does not cover all From fields")
        places = header.select(signature.names, without=link.signature_place)
        return self._check(signature.signed, places, link.signature_place, signature.header_form, answers)

    def _check_seal(self, number: int, answers: Mapping[str, Answer]) -> _Check:
        """RFC 8617 §5.1.1: a seal covers all sets up to its own, in their order, in relaxed form."""
        places: list[int] = []
        for link in self._chain[:number]:
            places += (link.results_place, link.signature_place, link.seal_place)
        last = places.pop()
        return self._check(self._chain[number - 1].seal.signed, places, last, Canonicalization.RELAXED, answers)

    def _check(
        self, signed: Signed, places: list[int], last: int, form: Canonicalization, answers: Mapping[str, Answer]
    ) -> _Check:
        """Whether ``signed``, whose field is at ``last``, is over these fields and itself."""
        header = self._header
        assert header is not None
        search = find_keys(answers.get(signed.key_name), signed.algorithm, least_bits=self._rules.least_rsa_bits)
        if not search.keys:
            is_open = search.result is Result.TEMPERROR
            return _Check(False, f"has no key: {search.reason}", is_open=is_open)
        emptied = remove_signature(header.fields[last], signed.place)
        digest = header.digest(places, form, emptied)
        if any(verify_digest(key.key, signed.signature, digest) for key in search.keys):
            return _Check(True, is_secure=search.is_secure)
        return _Check(False, "does not verify")


def _wish(signature: MessageSignature) -> BodyWish:
    return BodyWish(signature.body_form, signature.length)


def _describe_pass(chain: tuple[Link, ...], oldest: int) -> str:
    count = f"{len(chain)} set{'s' if len(chain) > 1 else ''}"
    if oldest == 0:
        return f"the chain of {count} is whole, and the message was not changed since the first"
    return f"the chain of {count} is whole; the message was changed before set {oldest}"
