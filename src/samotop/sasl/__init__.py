"""SASL, both sides of each mechanism, without I/O (RFC 4422).

PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login), SCRAM-SHA-256 and
SCRAM-SHA-256-PLUS with ``tls-server-end-point`` (RFC 5802, RFC 7677,
RFC 5929). Base64 and the commands around it belong to the protocol that
carries the exchange; passwords and accounts belong to the caller.

How an exchange runs is told in ``samotop.sasl.mechanism``.
"""

from __future__ import annotations

from samotop.sasl.choose import plan_client, plan_server
from samotop.sasl.login import LoginClient, LoginServer
from samotop.sasl.mechanism import (
    LOGIN,
    MECHANISMS,
    PLAIN,
    RESPONSE_LIMIT,
    SCRAM_SHA_256,
    SCRAM_SHA_256_PLUS,
    Challenge,
    ClientMechanism,
    Failure,
    NeedPasswordCheck,
    NeedVerifier,
    Reason,
    SaslError,
    ServerMechanism,
    Step,
    Success,
)
from samotop.sasl.plain import PlainClient, PlainServer
from samotop.sasl.prepare import PrepareError, saslprep
from samotop.sasl.scram import SCRAM_ITERATIONS, ScramVerifier, decoy_verifier, derive_verifier
from samotop.sasl.scram_client import ScramClient
from samotop.sasl.scram_server import ScramServer

__all__ = [
    "LOGIN",
    "MECHANISMS",
    "PLAIN",
    "RESPONSE_LIMIT",
    "SCRAM_ITERATIONS",
    "SCRAM_SHA_256",
    "SCRAM_SHA_256_PLUS",
    "Challenge",
    "ClientMechanism",
    "Failure",
    "LoginClient",
    "LoginServer",
    "NeedPasswordCheck",
    "NeedVerifier",
    "PlainClient",
    "PlainServer",
    "PrepareError",
    "Reason",
    "SaslError",
    "ScramClient",
    "ScramServer",
    "ScramVerifier",
    "ServerMechanism",
    "Step",
    "Success",
    "decoy_verifier",
    "derive_verifier",
    "plan_client",
    "plan_server",
    "saslprep",
]
