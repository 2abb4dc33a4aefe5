"""Verify the DKIM signatures of a message while it arrives (RFC 6376 §6): sans-IO, one pass, flat memory.

    verifier = Verifier()
    for chunk in content.chunks():
        verifier.feed(chunk)            # verifier.queries is there as soon as the header section is complete
    verifier.end()
    results = verifier.finish({name: await resolver.lookup(name, "TXT") for name in verifier.queries}, now)

DNS may be asked while the body still comes in. A few signatures are looked at,
the topmost first, and one result stands for all that were not. The public-key
work is all in ``finish``, which may run in a thread.

To hash a body once for DKIM and for others, give them one ``BodyHashes``, call
``begin`` of each with one ``SignedHeader``, and feed the body to that object alone.

Raises ``RuntimeError`` for calls out of order, which are bugs; nothing for
whatever octets come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from samotop.dns.answer import Answer
from samotop.msgauth.dkim.evaluate import describe_error, describe_signature, evaluate_signature
from samotop.msgauth.dkim.parse import Signature, SignatureError, parse_signature
from samotop.msgauth.dkim.result import DkimResult, DkimRules
from samotop.msgauth.results import Result
from samotop.msgauth.signature.body import BodyHashes, BodyWish
from samotop.msgauth.signature.fields import SignedHeader
from samotop.msgauth.signature.intake import Intake
from samotop.msgauth.signature.keys import find_keys

FIELD_NAME = b"dkim-signature"


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A signature that may verify, and the place of its field."""

    place: int
    signature: Signature
    wish: BodyWish


class Verifier(Intake):
    """See the module's page, and ``Intake`` for how the message comes to it."""

    def __init__(self, rules: DkimRules = DkimRules(), bodies: BodyHashes | None = None) -> None:
        super().__init__(bodies)
        self._rules = rules
        self._found: list[_Candidate | DkimResult] = []

    def _examine(self, header: SignedHeader) -> None:
        places = header.places(FIELD_NAME)
        for place in places[: self._rules.signatures]:
            self._found.append(self._examine_one(header, place))
        if len(places) > self._rules.signatures:
            count = len(places) - self._rules.signatures
            reason = f"there are too many signatures: {count} more {'was' if count == 1 else 'were'} not looked at"
            self._found.append(DkimResult(Result.POLICY, reason=reason))

    def _examine_one(self, header: SignedHeader, place: int) -> _Candidate | DkimResult:
        """What the field alone says of the signature."""
        try:
            signature = parse_signature(header.fields[place].value)
        except SignatureError as error:
            return describe_error(error)
        if header.fault:
            return describe_signature(signature, Result.PERMERROR, header.fault)
        if not header.places(b"from"):
            return describe_signature(signature, Result.PERMERROR, "there is no From field")
        if not signature.algorithm.is_accepted:
            reason = f"{signature.algorithm.name} is not accepted any more"
            return describe_signature(signature, Result.POLICY, reason)
        wish = BodyWish(signature.body_form, signature.length)
        self._bodies.want(wish)
        return _Candidate(place, signature, wish)

    @property
    def queries(self) -> tuple[str, ...]:
        """The names whose TXT records are needed, each once; none before the header section is complete."""
        found = (one.signature.key_name for one in self._found if isinstance(one, _Candidate))
        return tuple(dict.fromkeys(found))

    def finish(self, answers: Mapping[str, Answer], now: float) -> list[DkimResult]:
        """The results, in the order of the fields; ``answers`` by the names in ``queries``, ``now`` in seconds.

        A name without an answer counts as one that DNS did not answer.
        """
        self.end()
        header = self._header
        assert header is not None
        results: list[DkimResult] = []
        for one in self._found:
            if isinstance(one, DkimResult):
                results.append(one)
                continue
            signature = one.signature
            answer = answers.get(signature.key_name)
            search = find_keys(answer, signature.algorithm, least_bits=self._rules.least_rsa_bits)
            body = self._bodies.digest(one.wish)
            results.append(evaluate_signature(signature, header, one.place, body, search, self._rules, now))
        return results
