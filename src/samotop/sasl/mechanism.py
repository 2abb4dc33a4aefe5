"""What a SASL mechanism says and asks: the values that pass between it and its caller (RFC 4422).

A server's side is fed the client's responses, base64 undone, and answers each
with one ``Step``. Two of the steps are questions that only the caller can
answer, because the answer lies in a store or takes a hash to find:

    start() or step(initial response)
        ├─ Challenge(octets)                  send it, then step(response)
        ├─ NeedPasswordCheck(name, password)  then supply(True or False)
        ├─ NeedVerifier(name)                 then supply(verifier), a decoy where there is no such account
        ├─ Success(name, octets)              octets: last words to the client (SCRAM's proof of the server)
        └─ Failure(reason, text)

A client's side is ``start()``, then ``step(challenge)`` for each challenge,
and ``finish()`` when the server says that all is well: a mechanism in which
the server must prove itself raises there unless it did.

Nothing here performs I/O, reads a clock or draws a random number. A server's
side never raises for what a peer sent; a client's side raises ``SaslError``.
Calling a side again after its end is a bug and raises ``RuntimeError``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from samotop.errors import PeerError
from samotop.sasl.scram import ScramVerifier

PLAIN: Final = "PLAIN"
LOGIN: Final = "LOGIN"
SCRAM_SHA_256: Final = "SCRAM-SHA-256"
SCRAM_SHA_256_PLUS: Final = "SCRAM-SHA-256-PLUS"

EXTERNAL: Final = "EXTERNAL"
OAUTHBEARER: Final = "OAUTHBEARER"
XOAUTH2: Final = "XOAUTH2"

MECHANISMS: Final = (SCRAM_SHA_256_PLUS, SCRAM_SHA_256, PLAIN, LOGIN)
"""All of which we speak the server's side, the strongest first."""

CLIENT_MECHANISMS: Final = (EXTERNAL, SCRAM_SHA_256_PLUS, SCRAM_SHA_256, OAUTHBEARER, XOAUTH2, PLAIN, LOGIN)
"""All of which we speak the client's side, in the order in which they are chosen."""

RESPONSE_LIMIT: Final = 12288
"""Octets of one response or challenge that either side looks at (RFC 4954 §4 allows base64 lines of that length)."""

NAME_LIMIT: Final = 320
"""Octets of a login or authorization identity: the longest mail address (RFC 5321 §4.5.3.1)."""

PASSWORD_LIMIT: Final = 1024
"""Octets of a password. More is not more secret, and preparing text costs time that an unknown peer spends for us."""


class SaslError(PeerError):
    """The server's side of an exchange is malformed, or it could not prove itself."""


class Reason(Enum):
    """Why an exchange failed, as far as the client is told."""

    CREDENTIALS = "credentials"
    """Wrong name, wrong password, wrong proof, wrong channel: on purpose all the same."""
    MALFORMED = "malformed"
    """Not what the mechanism's grammar allows."""
    TOO_LONG = "too long"
    """Over ``RESPONSE_LIMIT``."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send this and wait for the response."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class NeedPasswordCheck:
    """Is this the password of that account? ``supply(bool)``.

    Both are prepared with SASLprep. ``authzid`` is the identity that the
    client wants to act as, empty for its own; whether it may is the caller's
    part of the answer.
    """

    name: str
    password: str = field(repr=False)
    authzid: str = ""


@dataclass(frozen=True, slots=True)
class NeedVerifier:
    """What is known of that account's password? ``supply(verifier)``.

    For an unknown account the answer is ``scram.decoy_verifier``, so that it
    looks like any other to the client. ``authzid`` as in ``NeedPasswordCheck``.
    """

    name: str
    authzid: str = ""


@dataclass(frozen=True, slots=True)
class Success:
    """The client has proven to be ``name``, as it wrote it. ``octets``, if any, go to it before the good news."""

    name: str
    octets: bytes = b""


@dataclass(frozen=True, slots=True)
class Failure:
    """The exchange is over. ``text`` says what was wrong, without any of what was sent."""

    reason: Reason
    text: str


Step = Challenge | NeedPasswordCheck | NeedVerifier | Success | Failure

BAD_CREDENTIALS: Final = Failure(Reason.CREDENTIALS, "the credentials are not right")
TOO_LONG: Final = Failure(Reason.TOO_LONG, f"a response may have {RESPONSE_LIMIT} octets")


def malformed(text: str) -> Failure:
    return Failure(Reason.MALFORMED, text)


class ServerMechanism(Protocol):
    """The server's side of one exchange."""

    def start(self) -> Step:
        """The client sent no initial response: what to say first."""
        ...

    def step(self, octets: bytes) -> Step:
        """Take the initial response, or the response to the last ``Challenge``."""
        ...

    def supply(self, answer: ScramVerifier | bool) -> Step:
        """Answer the question that the last step was: a verifier or a bool, as it asked for."""
        ...


class ClientMechanism(Protocol):
    """The client's side of one exchange. ``name`` is what goes after AUTH."""

    @property
    def name(self) -> str: ...

    def start(self) -> bytes | None:
        """The initial response, or ``None`` where the server speaks first.

        Where it does not fit the AUTH command's line, send it as the response
        to the server's empty challenge instead (RFC 4954 §4).
        """
        ...

    def step(self, challenge: bytes) -> bytes:
        """The response to a challenge. Raises ``SaslError``: then cancel the exchange with ``*``."""
        ...

    def finish(self) -> None:
        """The server reported success. Raises ``SaslError`` if it owes us a proof: then trust nothing it says."""
        ...
