"""Which server, and how to speak with it: a value, or a URL that reads as one.

    smtp://mail.example.org                          port 25, TLS where it is offered, with any certificate
    smtp://user:password@mail.example.org            port 587, verified TLS: a password is not for anybody
    smtp://mail.example.org:25?tls=required          verified TLS or nothing
    smtps://user:password@mail.example.org           port 465, TLS from the first octet on (RFC 8314 §3.3)
    smtp://user@mail.example.org?certificate=c.pem   logs in by the certificate, where EXTERNAL is offered (RFC 4422)
    lmtp://localhost:24    lmtp:/run/lmtp.sock    smtp:/run/smtp.sock    child:/usr/bin/ssh mx sendmail -bs

``tls`` is none, opportunistic, encrypted (any certificate, but always), required
(verified). Other parameters: ``roots`` and ``extra_roots`` (files of certificates,
in place of the system's or besides; the latter may come again), ``certificate``
and ``key`` (PEM files), ``pin`` (SHA-256 of the server's public key in hexadecimal; may come again),
``name`` (what the certificate must be for; may come again), ``minimum`` (1.2 or
1.3), ``hello``, ``source`` (an address of ours; may come again) and ``proxy``
(``socks5://user:password@host:1080`` or ``http://host:3128``). Names and passwords are percent-encoded.

Raises ``SetupError`` with the remedy; a password is in no error's text.
"""

from __future__ import annotations

import re
import shlex
import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from samotop.errors import SetupError
from samotop.net.children import Child
from samotop.net.clienttls import ClientTlsRules, TlsDemand
from samotop.net.dial import Place, Proxy
from samotop.net.endpoint import PATH_LIMIT, Tcp, Unix
from samotop.sasl import Credentials
from samotop.tlspolicy.levels import Level

PRIVATE_HELLO: Final = "[127.0.0.1]"
"""What we call ourselves where nobody said: a machine's name is nobody's business (RFC 5321 §4.1.4 wants the truth
where there is a name; servers that care about it are told one with ``hello``)."""

_PORTS: Final = {"smtp": 25, "smtps": 465, "lmtp": 24}
SUBMISSION: Final = 587
PROXY_PORT: Final = 1080
_LEVELS: Final = {
    "none": Level.NONE,
    "opportunistic": Level.OPPORTUNISTIC,
    "encrypted": Level.ENCRYPTED,
    "required": Level.VERIFIED,
}
_MINIMUM: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_ONCE: Final = ("tls", "roots", "certificate", "key", "minimum", "hello", "proxy")
_AGAIN: Final = ("pin", "name", "source", "extra_roots")
_HOST: Final = re.compile(r"[A-Za-z0-9._\u0080-\U0010ffff-]{1,253}")
_PIN: Final = re.compile(r"[0-9A-Fa-f]{64}")
_REMEDY: Final = (
    'write "smtp://host", "smtp://host:25?tls=required", "smtps://user:password@host", "lmtp://host:24", "lmtp:/path" '
    'or "child:command"'
)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A server, and all that a session with it takes.

    ``credentials`` log in, where there are any. ``sources`` are addresses of
    ours to connect from. ``allows_plaintext_login`` lets a password go over a
    connection without TLS: think of who else is on the way.
    """

    place: Place
    is_lmtp: bool = False
    demand: TlsDemand = TlsDemand()
    tls: ClientTlsRules = ClientTlsRules()
    credentials: Credentials | None = field(default=None, repr=False)
    hello: str = PRIVATE_HELLO
    proxy: Proxy | None = None
    sources: tuple[str, ...] = ()
    allows_plaintext_login: bool = False

    @property
    def is_private(self) -> bool:
        """Does nothing but this machine lie between?"""
        return not isinstance(self.place, Tcp)

    @property
    def host(self) -> str:
        """The name that is dialled; empty for what has none."""
        return self.place.host if isinstance(self.place, Tcp) else ""


def parse_server(url: str, *, has_login: bool = False) -> SmtpServer:
    """Read a URL as the module says. Raises ``SetupError``.

    ``has_login``: there are credentials that the URL does not name, and what is not said is as if it did.
    """
    text = url.strip()
    scheme, colon, rest = text.partition(":")
    if colon and scheme == "child":
        return SmtpServer(_child(rest))
    if not colon or scheme not in _PORTS:
        raise _not_a_server("this is not the URL of a mail server")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _not_a_server("the URL has no host or port that could be read") from None
    if not rest.startswith("//"):
        if scheme == "smtps":
            raise _not_a_server("TLS from the first octet on is for hosts")
        return _from_parts(scheme, _unix(unquote(parts.path)), parts, has_login=False)
    if parts.path not in ("", "/") or parts.fragment or port == 0:
        raise _not_a_server("the URL is more or less than a server")
    has_login = has_login or parts.username is not None
    usual = SUBMISSION if scheme == "smtp" and has_login else _PORTS[scheme]
    return _from_parts(scheme, Tcp(_host(parts), port or usual), parts, has_login=has_login)


def _from_parts(scheme: str, place: Place, parts: SplitResult, *, has_login: bool) -> SmtpServer:
    given = _read_query(parts.query)
    once = {name: values[0] for name, values in given.items()}
    credentials = None
    if parts.username is not None:
        host, port = (place.host, place.port) if isinstance(place, Tcp) else ("", 0)
        credentials = Credentials(
            unquote(parts.username),
            unquote(parts.password or ""),
            has_certificate="certificate" in once,
            host=host,
            port=port,
        )
    if ("certificate" in once) is False and "key" in once:
        raise _not_a_server("a key is there for its certificate, which is missing")
    minimum = once.get("minimum", "1.2")
    if minimum not in _MINIMUM:
        raise _not_a_server("the minimum of TLS is 1.2 or 1.3")
    return SmtpServer(
        place=place,
        is_lmtp=scheme == "lmtp",
        demand=_read_demand(once, given, is_implicit=scheme == "smtps", has_login=has_login),
        tls=ClientTlsRules(
            roots=_path(once.get("roots")),
            extra_roots=tuple(map(Path, given.get("extra_roots", ()))),
            certificate=_path(once.get("certificate")),
            key=_path(once.get("key")),
            minimum_version=_MINIMUM[minimum],
        ),
        credentials=credentials,
        hello=once.get("hello", PRIVATE_HELLO),
        proxy=_read_proxy(once["proxy"]) if "proxy" in once else None,
        sources=tuple(_read_address(value) for value in given.get("source", ())),
    )


def _read_query(query: str) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in (*_ONCE, *_AGAIN) or not value:
            raise SetupError(
                f'"?{name}=" means nothing to a server', remedy=f"the parameters are {', '.join((*_ONCE, *_AGAIN))}"
            )
        if name in _ONCE and name in given:
            raise _not_a_server(f'"{name}" is there twice')
        given.setdefault(name, []).append(value)
    return given


def _read_demand(once: dict[str, str], given: dict[str, list[str]], *, is_implicit: bool, has_login: bool) -> TlsDemand:
    wish = once.get("tls", "required" if is_implicit or has_login else "opportunistic")
    if wish not in _LEVELS:
        raise _not_a_server(f"tls is one of {', '.join(_LEVELS)}")
    level = _LEVELS[wish]
    if is_implicit and level in (Level.NONE, Level.OPPORTUNISTIC):
        raise _not_a_server(f"smtps is TLS, and not {wish}")
    pins = given.get("pin", [])
    if not all(_PIN.fullmatch(pin) for pin in pins):
        raise _not_a_server("a pin is the SHA-256 of a public key, 64 hexadecimal digits")
    if pins:
        if "tls" in once and level is not Level.VERIFIED:
            raise _not_a_server("a pinned key is required TLS")
        level = Level.PINNED
    digests = frozenset(bytes.fromhex(pin) for pin in pins)
    return TlsDemand(level, tuple(given.get("name", ())), pins=digests, is_implicit=is_implicit)


def _read_proxy(text: str) -> Proxy:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _not_a_server("the proxy has no host or port that could be read") from None
    is_http = parts.scheme == "http"
    is_known = is_http or parts.scheme in ("socks5", "socks5h")
    if not is_known or parts.path not in ("", "/") or parts.query or not parts.hostname or (is_http and not port):
        remedy = 'write "proxy=socks5://host:1080" or "proxy=http://host:3128", its colons and slashes percent-encoded'
        raise SetupError("this is no proxy that we know", remedy=remedy)
    login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Proxy(_host(parts), port or PROXY_PORT, login, is_http)


def _read_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise _not_a_server("a source is an IP address of this machine") from None


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if ":" in host:
        try:
            return str(ip_address(host))
        except ValueError:
            raise _not_a_server("there is no IPv6 address in the brackets") from None
    if not _HOST.fullmatch(host):
        raise _not_a_server("the URL names no host")
    return host


def _unix(path: str) -> Unix:
    if not path.startswith("/") or len(path) < 2 or "\0" in path or len(path.encode()) > PATH_LIMIT:
        raise _not_a_server("the path of a UNIX socket is absolute, and short")
    return Unix(path)


def _child(command: str) -> Child:
    try:
        words = shlex.split(command)
    except ValueError:
        raise _not_a_server("the command's quotes do not match") from None
    if not words:
        raise _not_a_server("the command is missing")
    return Child(tuple(words))


def _path(text: str | None) -> Path | None:
    return Path(text) if text is not None else None


def _not_a_server(reason: str) -> SetupError:
    return SetupError(reason, remedy=_REMEDY)
