"""HTTP's CONNECT as its client speaks it, without I/O: octets in, octets out (RFC 9110 §9.3.6, RFC 7617).

    exchange = ConnectExchange("mail.example.org", 587, login=("name", "password"))
    send(exchange.start())
    while not exchange.is_done:
        send(exchange.feed(received))

For networks whose only way out is a web proxy. The proxy resolves the name. The
way to it is in the clear, its login too: TLS to the mail server goes through
it. ``rest`` is what followed the proxy's answer: it is the server's first.

Raises ``ConnectFault`` for a proxy that refuses, or that speaks something else.
"""

from __future__ import annotations

import base64
import re
from typing import Final

from samotop.errors import PeerError, SetupError

HEAD_LIMIT: Final = 16 * 1024
"""Octets of the answer up to its blank line: what web servers take at most for a header."""

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r\n]")
_HOST: Final = re.compile(r"[A-Za-z0-9._:-]{1,255}")
_REFUSALS: Final = {
    403: "the proxy's rules forbid this connection",
    405: "the proxy does not know CONNECT",
    407: "the proxy refused the login, or wants one",
    502: "the proxy cannot reach the host",
    503: "the proxy cannot reach the host",
    504: "the proxy's connection took too long",
}


class ConnectFault(PeerError):
    """The proxy refused. ``code`` is its answer's, 0 where it did not come to one."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class ConnectExchange:
    """One exchange. ``host`` is a name or an IP address. Raises ``SetupError`` for what a request cannot say."""

    def __init__(self, host: str, port: int, *, login: tuple[str, str] | None = None) -> None:
        try:
            name = host if host.isascii() else host.encode("idna").decode("ascii")
        except UnicodeError:
            name = ""
        if not _HOST.fullmatch(name):
            raise SetupError("this host cannot be asked of a proxy", remedy="Name a host, or an IP address.")
        place = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        self._request = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{_format_login(login)}\r\n".encode()
        self._buffer = bytearray()
        self.is_done = False

    @property
    def rest(self) -> bytes:
        """Octets after the proxy's answer, once it is done."""
        return bytes(self._buffer) if self.is_done else b""

    def start(self) -> bytes:
        """The request."""
        return self._request

    def feed(self, octets: bytes) -> bytes:
        """Take what came; there is never more to say. Raises ``ConnectFault``."""
        searched = max(0, len(self._buffer) - 3)
        self._buffer += octets
        if self.is_done:
            return b""
        end = self._buffer.find(b"\r\n\r\n", searched)
        found = _STATUS.match(self._buffer)
        is_http = found is not None if end >= 0 else self._buffer.startswith(b"HTTP/1."[: len(self._buffer)])
        if not is_http or max(end, len(self._buffer) if end < 0 else 0) > HEAD_LIMIT:
            raise ConnectFault("the proxy does not speak HTTP/1.1")
        if found is None or end < 0:
            return b""
        code = int(found[1])
        if code // 100 != 2:
            raise ConnectFault(_REFUSALS.get(code, "the proxy refused for a reason of its own"), code)
        del self._buffer[: end + 4]
        self.is_done = True
        return b""


def _format_login(login: tuple[str, str] | None) -> str:
    if login is None:
        return ""
    name, password = login
    if ":" in name:
        raise SetupError("a proxy's login has no colon", remedy="Write another name.")
    return f"Proxy-Authorization: Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}\r\n"
