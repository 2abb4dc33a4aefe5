"""Where to ask: name servers as values, and those of the system.

    127.0.0.1:5353   192.0.2.1   [::1]:53   2001:db8::1        UDP, and TCP where that is too small; port 53
    tls://192.0.2.1   tls://192.0.2.1:853#dns.example.net      DNS over TLS (RFC 7858); port 853

The name after ``#`` is the one that the server's certificate must have
(RFC 8310 §8.1); without it the certificate must have the address. A server is
named by its address always: its name could only be looked up by asking another.

``read_system_servers`` reads resolv.conf(5). Raises ``SetupError`` for a text
that names no server; a resolv.conf that is absent or strange raises nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from samotop.dns.names import NAME_LIMIT
from samotop.errors import SetupError

PORT: Final = 53
TLS_PORT: Final = 853

SYSTEM_FILE: Final = Path("/etc/resolv.conf")
FILE_LIMIT: Final = 64 * 1024
"""Octets of resolv.conf that are read; honest ones have a few hundred."""
SERVERS_LIMIT: Final = 3
"""Servers taken from resolv.conf: MAXNS of resolv.conf(5)."""
TIMEOUT_LIMIT: Final = 30
ATTEMPTS_LIMIT: Final = 5
"""The bounds of ``options timeout:n attempts:n`` by resolv.conf(5)."""

_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_REMEDY: Final = (
    'Write "127.0.0.1:53", "[::1]:5353", "192.0.2.1", "tls://192.0.2.1" or "tls://192.0.2.1:853#dns.example.net".'
)


@dataclass(frozen=True, slots=True)
class NameServer:
    """One server to ask. ``address`` is an IP address in canonical form, with its zone for a link-local one.

    ``name`` is what its certificate is checked for; empty means the address.
    """

    address: str
    port: int = PORT
    is_tls: bool = False
    name: str = ""

    @property
    def certificate_name(self) -> str:
        """What its certificate must have: a name or an address."""
        return self.name or self.address.partition("%")[0]

    def __str__(self) -> str:
        place = f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"
        return f"{'tls://' if self.is_tls else ''}{place}{'#' if self.name else ''}{self.name}"


@dataclass(frozen=True, slots=True)
class SystemServers:
    """What resolv.conf says. ``timeout`` is in seconds, for one try; ``attempts`` rounds through all servers.

    ``is_trusted`` is its ``options trust-ad``: the administrator's word that
    the servers validate and that the path to them is safe.
    """

    servers: tuple[NameServer, ...]
    timeout: float = 5.0
    attempts: int = 2
    is_trusted: bool = False


def parse_name_server(text: str) -> NameServer:
    """Read one server. Raises ``SetupError``."""
    plain = text.strip()
    rest = plain.removeprefix("tls://")
    is_tls = rest != plain
    place, hash_, name = rest.partition("#")
    if hash_:
        if not is_tls:
            raise _no_server(text, "only a TLS server's certificate has a name to check")
        if len(name) > NAME_LIMIT or not all(map(_LABEL.fullmatch, name.split("."))):
            raise _no_server(text, "what follows # is no host name")
    host, port = _split_port(text, place)
    try:
        address = str(ip_address(host))
    except ValueError:
        raise _no_server(text, "a name server is named by its IP address") from None
    return NameServer(address, port or (TLS_PORT if is_tls else PORT), is_tls, name.lower())


def _split_port(text: str, place: str) -> tuple[str, int]:
    """The host and the port, 0 where none is given."""
    if place.startswith("["):
        host, bracket, tail = place[1:].partition("]")
        if not bracket or ":" not in host or (tail and not tail.startswith(":")):
            raise _no_server(text, "there is no IPv6 address in the brackets")
        digits = tail[1:] if tail else None
    elif place.count(":") == 1:
        host, _, digits = place.partition(":")
    else:
        host, digits = place, None
    if digits is None:
        return host, 0
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and 1 <= int(digits) <= 65535):
        raise _no_server(text, "the port must be a number from 1 to 65535")
    return host, int(digits)


def _no_server(text: str, reason: str) -> SetupError:
    return SetupError(f'cannot ask "{text}": {reason}', remedy=_REMEDY)


def read_system_servers(path: Path = SYSTEM_FILE) -> SystemServers:
    """The system's servers by resolv.conf(5); the one on loopback where none are named.

    Reads a file, and so blocks shortly.
    """
    try:
        with path.open("rb") as file:
            octets = file.read(FILE_LIMIT)
    except OSError:
        octets = b""
    return parse_system_servers(octets.decode("utf-8", "replace"))


def parse_system_servers(text: str) -> SystemServers:
    """What a resolv.conf says; lines that say nothing known are passed over, as the C library does."""
    servers: list[NameServer] = []
    options: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith((";", "#")):
            continue
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver" and len(servers) < SERVERS_LIMIT:
            try:
                servers.append(NameServer(str(ip_address(words[1]))))
            except ValueError:
                continue
        elif words and words[0] == "options":
            options.update((name, value) for name, _, value in (word.partition(":") for word in words[1:]))
    return SystemServers(
        tuple(servers) or (NameServer("127.0.0.1"),),
        float(_bounded(options.get("timeout", ""), 5, TIMEOUT_LIMIT)),
        _bounded(options.get("attempts", ""), 2, ATTEMPTS_LIMIT),
        "trust-ad" in options,
    )


def _bounded(digits: str, default: int, limit: int) -> int:
    """The number, at least 1 and at most ``limit``."""
    if not (digits.isascii() and digits.isdigit()):
        return default
    return limit if len(digits) > 4 else min(max(int(digits), 1), limit)
