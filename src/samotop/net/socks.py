"""SOCKS5 as its client speaks it, without I/O: octets in, octets out (RFC 1928, RFC 1929).

    exchange = SocksExchange("mail.example.org", 25, login=("name", "password"))
    send(exchange.start())
    while not exchange.is_done:
        send(exchange.feed(received))

The proxy resolves the name, so that nobody on the way to it learns who is
written to, and so that names that only the proxy knows (Tor's) work. CONNECT
alone; no GSSAPI. ``rest`` is what followed the proxy's last word: it is the
server's first.

Raises ``SocksFault`` for a proxy that refuses, or that speaks something else.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from samotop.errors import PeerError, SetupError

VERSION: Final = 5
LOGIN_VERSION: Final = 1
NO_LOGIN: Final = 0
WITH_PASSWORD: Final = 2
CONNECT: Final = 1
IPV4: Final = 1
NAME: Final = 3
IPV6: Final = 4

FIELD_LIMIT: Final = 255
"""Octets of a name, a login or a password: each has one octet for its length (RFC 1928 §5, RFC 1929 §2)."""

_REPLIES: Final = {
    1: "the proxy failed",
    2: "the proxy's rules forbid this connection",
    3: "the proxy cannot reach the network",
    4: "the proxy cannot reach the host",
    5: "the server refused the proxy's connection",
    6: "the proxy's connection took too long",
    7: "the proxy does not know CONNECT",
    8: "the proxy does not know this kind of address",
}


class SocksFault(PeerError):
    """The proxy refused. ``code`` is its reply's (RFC 1928 §6), 0 where it did not come to one."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class SocksExchange:
    """One exchange. ``host`` is a name or an IP address. Raises ``SetupError`` for what the protocol cannot say."""

    def __init__(self, host: str, port: int, *, login: tuple[str, str] | None = None) -> None:
        self._request = bytes((VERSION, CONNECT, 0)) + _format_host(host) + port.to_bytes(2, "big")
        self._login = b"" if login is None else _format_login(*login)
        self._buffer = bytearray()
        self._expects = self._take_method
        self.is_done = False

    @property
    def rest(self) -> bytes:
        """Octets after the proxy's reply, once it is done."""
        return bytes(self._buffer) if self.is_done else b""

    def start(self) -> bytes:
        """The first words: which ways of logging in we know."""
        methods = bytes((NO_LOGIN, WITH_PASSWORD)) if self._login else bytes((NO_LOGIN,))
        return bytes((VERSION, len(methods))) + methods

    def feed(self, octets: bytes) -> bytes:
        """Take what came; return what to send. Raises ``SocksFault``."""
        self._buffer += octets
        answer = b""
        while not self.is_done and (more := self._expects()) is not None:
            answer += more
        return answer

    def _take_method(self) -> bytes | None:
        if len(self._buffer) < 2:
            return None
        version, method = self._take(2)
        if version != VERSION:
            raise SocksFault("the proxy does not speak SOCKS5")
        if method == NO_LOGIN:
            self._expects = self._take_reply
            return self._request
        if method == WITH_PASSWORD and self._login:
            self._expects = self._take_login
            return self._login
        raise SocksFault("the proxy wants another way of logging in")

    def _take_login(self) -> bytes | None:
        if len(self._buffer) < 2:
            return None
        _version, status = self._take(2)
        if status != 0:
            raise SocksFault("the proxy refused the login")
        self._expects = self._take_reply
        return self._request

    def _take_reply(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        if buffer[0] != VERSION:
            raise SocksFault("the proxy does not speak SOCKS5")
        if buffer[1] != 0:
            code = buffer[1]
            raise SocksFault(_REPLIES.get(code, "the proxy refused for a reason of its own"), code)
        if len(buffer) < 5:
            return None
        kinds = {IPV4: 4, IPV6: 16, NAME: 1 + buffer[4]}
        if buffer[3] not in kinds:
            raise SocksFault("the proxy's reply is malformed")
        size = 4 + kinds[buffer[3]] + 2
        if len(buffer) < size:
            return None
        self._take(size)
        self.is_done = True
        return b""

    def _take(self, count: int) -> bytes:
        octets = bytes(self._buffer[:count])
        del self._buffer[:count]
        return octets


def _format_host(host: str) -> bytes:
    try:
        address: IPv4Address | IPv6Address = ip_address(host)
    except ValueError:
        return bytes((NAME,)) + _counted(_as_name(host), "host name")
    return bytes((IPV4 if address.version == 4 else IPV6,)) + address.packed


def _as_name(host: str) -> bytes:
    """In A-labels."""
    try:
        return host.encode("ascii" if host.isascii() else "idna")
    except UnicodeError:
        raise SetupError("this host cannot be asked of a proxy", remedy="Name a host, or an IP address.") from None


def _format_login(name: str, password: str) -> bytes:
    return (
        bytes((LOGIN_VERSION,)) + _counted(name.encode(), "proxy's login") + _counted(password.encode(), "its password")
    )


def _counted(octets: bytes, what: str) -> bytes:
    if not 1 <= len(octets) <= FIELD_LIMIT:
        raise SetupError(f"a {what} must have 1 to {FIELD_LIMIT} octets for SOCKS5", remedy="Use a shorter one.")
    return bytes((len(octets),)) + octets
