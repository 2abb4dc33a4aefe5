"""EXTERNAL: the client is who its TLS certificate, or the way it came, says (RFC 4422 appendix A).

The client's side alone: our own servers take no certificates for logins.
"""

from __future__ import annotations

from typing import Final

from samotop.sasl.mechanism import EXTERNAL, SaslError


class ExternalClient:
    """The client's side. ``authzid`` is whom to act as, empty for whom the certificate names.

    Raises ``ValueError`` for an identity with a NUL.
    """

    name: Final = EXTERNAL

    def __init__(self, authzid: str = "") -> None:
        if "\0" in authzid:
            raise ValueError("an authorization identity holds no NUL")
        self._authzid = authzid.encode()

    def start(self) -> bytes | None:
        return self._authzid

    def step(self, challenge: bytes) -> bytes:
        raise SaslError("EXTERNAL has nothing more to say")

    def finish(self) -> None:
        """EXTERNAL proves nothing about the server; TLS has to."""
