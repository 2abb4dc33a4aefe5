"""Where a listener listens, as a value read from a configuration's text.

    127.0.0.1:2525   [::1]:25   localhost:25   *:25   a TCP port; ``*`` is every address of the machine
    /run/smtp.sock   unix:/run/smtp.sock              a UNIX socket
    stdio                                             standard input and output are one session
    systemd   systemd:smtp                            sockets that systemd opened, all of them or those of a name

Nothing is resolved or opened here: see ``net.listen``. Raises ``SetupError``
with the remedy for a text that is none of these.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from samotop.errors import SetupError

PATH_LIMIT: Final = 107
"""Octets in a UNIX socket's path: sun_path has 108 on Linux and ends with a NUL (unix(7))."""

_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}")
_NAME: Final = re.compile(r"[\x21-\x39\x3b-\x7e]{1,255}")  # sd_listen_fds_with_names(3): printable, no colon
_REMEDY: Final = (
    'Write host:port ("127.0.0.1:25", "[::1]:25", "*:25"), the absolute path of a UNIX socket, "stdio" or "systemd".'
)


@dataclass(frozen=True, slots=True)
class Tcp:
    """A TCP port. ``host`` is an address, a name, or ``*`` for all; ``port`` 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Unix:
    """A UNIX stream socket at an absolute path."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class Stdio:
    """Standard input and output: one session, as inetd starts it."""

    def __str__(self) -> str:
        return "stdio"


@dataclass(frozen=True, slots=True)
class Inherited:
    """Sockets that systemd passed on: those called ``name``, or all for ``None``."""

    name: str | None = None

    def __str__(self) -> str:
        return f"systemd:{self.name}" if self.name else "systemd"


Endpoint = Tcp | Unix | Stdio | Inherited


def parse_endpoint(text: str) -> Endpoint:
    """Read one endpoint. Raises ``SetupError``."""
    if text == "stdio":
        return Stdio()
    if text == "systemd":
        return Inherited()
    scheme, colon, rest = text.partition(":")
    if colon and scheme == "systemd":
        if not _NAME.fullmatch(rest):
            raise _not_an_endpoint(text, "a socket's name has printable ASCII without a colon")
        return Inherited(rest)
    if colon and scheme == "unix":
        return _unix(text, rest)
    if text.startswith("/"):
        return _unix(text, text)
    return _tcp(text)


def _unix(text: str, path: str) -> Unix:
    if not path.startswith("/"):
        raise _not_an_endpoint(text, "the path of a UNIX socket must be absolute")
    if "\0" in path or path.endswith("/"):
        raise _not_an_endpoint(text, "this cannot be the path of a socket")
    if len(os.fsencode(path)) > PATH_LIMIT:
        raise SetupError(
            f'the path of the UNIX socket "{path}" is too long', remedy=f"Use at most {PATH_LIMIT} octets."
        )
    return Unix(path)


def _tcp(text: str) -> Tcp:
    host, colon, port = text.rpartition(":")
    if not colon:
        raise _not_an_endpoint(text, "the port is missing")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise _not_an_endpoint(text, "the port must be a number from 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        try:
            return Tcp(str(IPv6Address(host[1:-1])), int(port))
        except ValueError:
            raise _not_an_endpoint(text, "there is no IPv6 address in the brackets") from None
    if ":" in host:
        raise _not_an_endpoint(text, "an IPv6 address needs brackets")
    if host != "*" and not _HOST.fullmatch(host):
        raise _not_an_endpoint(text, "the host is missing" if not host else "this is no host name")
    return Tcp(host, int(port))


def _not_an_endpoint(text: str, reason: str) -> SetupError:
    return SetupError(f'cannot listen on "{text}": {reason}', remedy=_REMEDY)
