"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the server's side (RFC 5802, RFC 7677, RFC 5929 §4).

    client first  ->  NeedVerifier(name)
    supply(verifier)  ->  Challenge(server first)
    client final  ->  Success(name, server final)  or  Failure

An unknown name gets a decoy verifier from the caller and fails at the proof,
as a wrong password does, after the same messages. No ``e=`` is sent: the
protocol around SASL reports the failure, and the client learns no more.

Channel binding and downgrades (RFC 5802 §6): under -PLUS the client must bind
to ``tls-server-end-point``; without -PLUS a client that says "y" (it could
bind, and believes that we cannot) is refused when we did offer -PLUS, because
then somebody in between removed it from the offer.
"""

from __future__ import annotations

from enum import Enum, auto
from hmac import compare_digest

from samotop.sasl.mechanism import (
    BAD_CREDENTIALS,
    NAME_LIMIT,
    RESPONSE_LIMIT,
    TOO_LONG,
    Challenge,
    Failure,
    NeedVerifier,
    Step,
    Success,
    malformed,
)
from samotop.sasl.prepare import PrepareError, saslprep
from samotop.sasl.scram import ScramVerifier, hmac_sha256, is_proof
from samotop.sasl.scram_messages import (
    TLS_SERVER_END_POINT,
    ClientFinal,
    ClientFirst,
    MessageError,
    format_server_final,
    format_server_first,
    parse_client_final,
    parse_client_first,
)


class _Stage(Enum):
    FIRST = auto()
    VERIFIER = auto()
    FINAL = auto()
    OVER = auto()


class ScramServer:
    """One exchange.

    ``nonce`` is the server's part: printable ASCII without a comma, random
    (128 bits at least), never used before. ``channel_binding`` is the
    ``tls-server-end-point`` value where -PLUS is offered on this connection,
    whether or not the client chose it; ``is_plus`` says that it did.
    """

    def __init__(self, nonce: str, *, channel_binding: bytes | None = None, is_plus: bool = False) -> None:
        if is_plus and channel_binding is None:
            raise ValueError("-PLUS needs the channel's binding")
        self._nonce = nonce
        self._binding = channel_binding
        self._is_plus = is_plus
        self._stage = _Stage.FIRST
        self._first: ClientFirst | None = None
        self._verifier: ScramVerifier | None = None
        self._server_first = ""
        self._name = ""

    def start(self) -> Step:
        return Challenge(b"")

    def step(self, octets: bytes) -> Step:
        if self._stage not in (_Stage.FIRST, _Stage.FINAL):
            raise RuntimeError("SCRAM awaits no message now")
        if len(octets) > RESPONSE_LIMIT:
            step: Step = TOO_LONG
        else:
            try:
                if self._stage is _Stage.FIRST:
                    step = self._take_first(parse_client_first(octets))
                else:
                    step = self._take_final(parse_client_final(octets))
            except MessageError as error:
                step = malformed(str(error))
        if isinstance(step, NeedVerifier):
            self._stage = _Stage.VERIFIER
        else:
            self._stage = _Stage.OVER
        return step

    def supply(self, answer: ScramVerifier | bool) -> Step:
        if self._stage is not _Stage.VERIFIER or self._first is None or isinstance(answer, bool):
            raise RuntimeError("SCRAM has not asked for that")
        self._verifier = answer
        self._nonce = self._first.nonce + self._nonce
        self._server_first = format_server_first(self._nonce, answer.salt, answer.iterations)
        self._stage = _Stage.FINAL
        return Challenge(self._server_first.encode())

    def _take_first(self, first: ClientFirst) -> Step:
        refusal = self._check_binding(first)
        if refusal is not None:
            return refusal
        if max(len(first.name.encode()), len(first.authzid.encode())) > NAME_LIMIT:
            return BAD_CREDENTIALS
        try:
            self._name = saslprep(first.name)
        except PrepareError:
            return BAD_CREDENTIALS
        if not self._name:
            return BAD_CREDENTIALS
        self._first = first
        return NeedVerifier(self._name, first.authzid)

    def _check_binding(self, first: ClientFirst) -> Failure | None:
        """RFC 5802 §6: does the client bind as its choice of mechanism says, and did it see our true offer?"""
        if self._is_plus:
            if first.flag != "p":
                return malformed("a -PLUS mechanism binds to the channel")
            if first.binding != TLS_SERVER_END_POINT:
                return malformed(f"the channel binding must be {TLS_SERVER_END_POINT}")
        elif first.flag == "p":
            return malformed("binding to the channel needs a -PLUS mechanism")
        elif first.flag == "y" and self._binding is not None:
            return BAD_CREDENTIALS
        return None

    def _take_final(self, final: ClientFinal) -> Step:
        first, verifier = self._first, self._verifier
        assert first is not None, "a final message follows a first one"
        assert verifier is not None, "a final message follows a challenge"
        bound = first.gs2_header.encode()
        if self._is_plus and self._binding is not None:
            bound += self._binding
        if not compare_digest(final.binding, bound):
            return BAD_CREDENTIALS
        if final.nonce != self._nonce:
            return BAD_CREDENTIALS
        auth_message = f"{first.bare},{self._server_first},{final.without_proof}".encode()
        if not is_proof(verifier, auth_message, final.proof):
            return BAD_CREDENTIALS
        return Success(self._name, format_server_final(hmac_sha256(verifier.server_key, auth_message)))
