"""The other side of a session, as far as the connection itself tells."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address


@dataclass(frozen=True, slots=True)
class Tls:
    """What TLS negotiated: ``version`` like ``"TLSv1.3"``, ``cipher`` by its OpenSSL name, ``server_name`` from SNI."""

    version: str
    cipher: str
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is connected.

    ``address`` is an IP address in its canonical text (IPv4-mapped IPv6 is
    shown as IPv4), or empty for a UNIX socket or standard input. ``port`` is
    0 where there is none. ``login`` is the account that authenticated. ``name``
    is the confirmed reverse name, empty while nobody has told it.
    """

    address: str = ""
    port: int = 0
    tls: Tls | None = None
    login: str | None = None
    name: str = ""

    @property
    def ip(self) -> IPv4Address | IPv6Address | None:
        """The peer's IP address, ``None`` on this machine's own sockets."""
        return ip_address(self.address) if self.address else None

    @property
    def is_encrypted(self) -> bool:
        return self.tls is not None
