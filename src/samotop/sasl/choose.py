"""Which mechanism it shall be: the server's side by its name, the client's side by what the server offers."""

from __future__ import annotations

from collections.abc import Collection

from samotop.sasl.login import LoginClient, LoginServer
from samotop.sasl.mechanism import (
    LOGIN,
    PLAIN,
    SCRAM_SHA_256,
    SCRAM_SHA_256_PLUS,
    ClientMechanism,
    ServerMechanism,
)
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


def plan_client(
    offered: Collection[str],
    login: str,
    password: str,
    nonce: str,
    channel_binding: bytes | None = None,
    *,
    allow_plaintext: bool,
) -> ClientMechanism | None:
    """The client's side of the strongest mechanism in ``offered``, ``None`` if there is none that may be used.

    ``channel_binding`` is the ``tls-server-end-point`` value of this
    connection, ``None`` where there is none. ``allow_plaintext`` permits PLAIN
    and LOGIN, which hand over the password: under verified TLS, or where the
    user insists. Raises ``ValueError`` as the mechanisms do.
    """
    names = {name.upper() for name in offered}
    if channel_binding is not None and SCRAM_SHA_256_PLUS in names:
        return ScramClient(login, password, nonce, channel_binding=channel_binding)
    if SCRAM_SHA_256 in names:
        return ScramClient(login, password, nonce, could_bind=channel_binding is not None)
    if allow_plaintext and PLAIN in names:
        return PlainClient(login, password)
    if allow_plaintext and LOGIN in names:
        return LoginClient(login, password)
    return None
