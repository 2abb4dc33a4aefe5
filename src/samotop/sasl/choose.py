"""Which mechanism it shall be: the server's side by its name, the client's side by what the server offers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from samotop.sasl.external import ExternalClient
from samotop.sasl.login import LoginClient, LoginServer
from samotop.sasl.mechanism import (
    EXTERNAL,
    LOGIN,
    OAUTHBEARER,
    PLAIN,
    SCRAM_SHA_256,
    SCRAM_SHA_256_PLUS,
    XOAUTH2,
    ClientMechanism,
    ServerMechanism,
)
from samotop.sasl.oauth import OAuthBearerClient, XOAuth2Client
from samotop.sasl.plain import PlainClient, PlainServer
from samotop.sasl.scram_client import ScramClient
from samotop.sasl.scram_server import ScramServer


def plan_server(mechanism: str, nonce: str, channel_binding: bytes | None = None) -> ServerMechanism | None:
    """The server's side of ``mechanism``, ``None`` for one that we do not speak.

    ``nonce`` and ``channel_binding`` as in ``ScramServer``; the latter only
    where -PLUS is offered on this connection.
    """
    if mechanism == SCRAM_SHA_256:
        return ScramServer(nonce, channel_binding=channel_binding)
    if mechanism == SCRAM_SHA_256_PLUS and channel_binding is not None:
        return ScramServer(nonce, channel_binding=channel_binding, is_plus=True)
    if mechanism == PLAIN:
        return PlainServer()
    if mechanism == LOGIN:
        return LoginServer()
    return None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client can show: a password, an access token, or that it has a TLS certificate. Any of them, or several.

    ``authzid`` is whom to act as, empty for oneself (PLAIN and EXTERNAL alone
    carry it). ``host`` and ``port`` are the server's, which OAUTHBEARER names.
    """

    login: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    has_certificate: bool = False
    authzid: str = ""
    host: str = ""
    port: int = 0


def choose_mechanism(
    offered: Collection[str],
    credentials: Credentials,
    nonce: str,
    channel_binding: bytes | None = None,
    *,
    allow_plaintext: bool,
) -> ClientMechanism | None:
    """The client's side of the strongest mechanism in ``offered``, ``None`` if there is none that may be used.

    First come those that hand over no secret: EXTERNAL, SCRAM-SHA-256-PLUS,
    SCRAM-SHA-256; then, if ``allow_plaintext``, OAUTHBEARER, XOAUTH2, PLAIN,
    LOGIN: under verified TLS, or where the user insists. ``nonce`` as in
    ``ScramClient``; ``channel_binding`` is the ``tls-server-end-point`` value
    of this connection, ``None`` where there is none. Raises ``ValueError`` as
    the mechanisms do, for credentials that they cannot carry.
    """
    names = {name.upper() for name in offered}
    if credentials.has_certificate and EXTERNAL in names:
        return ExternalClient(credentials.authzid)
    login, password = credentials.login, credentials.password
    if password and not credentials.authzid:
        if channel_binding is not None and SCRAM_SHA_256_PLUS in names:
            return ScramClient(login, password, nonce, channel_binding=channel_binding)
        if SCRAM_SHA_256 in names:
            return ScramClient(login, password, nonce, could_bind=channel_binding is not None)
    return _choose_plaintext(names, credentials) if allow_plaintext else None


def _choose_plaintext(names: Collection[str], credentials: Credentials) -> ClientMechanism | None:
    """Of those that hand over the secret itself."""
    login, password, token = credentials.login, credentials.password, credentials.token
    if token and OAUTHBEARER in names:
        return OAuthBearerClient(login, token, host=credentials.host, port=credentials.port)
    if token and XOAUTH2 in names:
        return XOAuth2Client(login, token)
    if password and PLAIN in names:
        return PlainClient(login, password, credentials.authzid)
    if password and LOGIN in names and not credentials.authzid:
        return LoginClient(login, password)
    return None


def plan_client(
    offered: Collection[str],
    login: str,
    password: str,
    nonce: str,
    channel_binding: bytes | None = None,
    *,
    allow_plaintext: bool,
) -> ClientMechanism | None:
    """``choose_mechanism`` for a name and a password."""
    credentials = Credentials(login, password)
    return choose_mechanism(offered, credentials, nonce, channel_binding, allow_plaintext=allow_plaintext)
