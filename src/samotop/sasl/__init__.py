"""SASL without I/O (RFC 4422).

PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login), SCRAM-SHA-256 and
SCRAM-SHA-256-PLUS with ``tls-server-end-point`` (RFC 5802, RFC 7677,
RFC 5929), both sides of each; the client's side of OAUTHBEARER (RFC 7628),
XOAUTH2 and EXTERNAL (RFC 4422 appendix A). Base64 and the commands around it
belong to the protocol that carries the exchange; passwords and accounts belong
to the caller. ``choose_mechanism`` finds the strongest that a client can use.

How an exchange runs is told in ``samotop.sasl.mechanism``.
"""

from __future__ import annotations

from samotop.sasl.choose import Credentials, choose_mechanism, plan_client, plan_server
from samotop.sasl.external import ExternalClient
from samotop.sasl.login import LoginClient, LoginServer
from samotop.sasl.mechanism import (
    CLIENT_MECHANISMS,
    EXTERNAL,
    LOGIN,
    MECHANISMS,
    OAUTHBEARER,
    PLAIN,
    RESPONSE_LIMIT,
    SCRAM_SHA_256,
    SCRAM_SHA_256_PLUS,
    XOAUTH2,
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
from samotop.sasl.oauth import OAuthBearerClient, XOAuth2Client
from samotop.sasl.plain import PlainClient, PlainServer
from samotop.sasl.prepare import PrepareError, saslprep
from samotop.sasl.scram import SCRAM_ITERATIONS, ScramVerifier, decoy_verifier, derive_verifier
from samotop.sasl.scram_client import ScramClient
from samotop.sasl.scram_server import ScramServer

__all__ = [
    "CLIENT_MECHANISMS",
    "EXTERNAL",
    "LOGIN",
    "MECHANISMS",
    "OAUTHBEARER",
    "PLAIN",
    "RESPONSE_LIMIT",
    "SCRAM_ITERATIONS",
    "SCRAM_SHA_256",
    "SCRAM_SHA_256_PLUS",
    "XOAUTH2",
    "Challenge",
    "ClientMechanism",
    "Credentials",
    "ExternalClient",
    "Failure",
    "LoginClient",
    "LoginServer",
    "NeedPasswordCheck",
    "NeedVerifier",
    "OAuthBearerClient",
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
    "XOAuth2Client",
    "choose_mechanism",
    "decoy_verifier",
    "derive_verifier",
    "plan_client",
    "plan_server",
    "saslprep",
]
