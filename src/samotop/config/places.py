"""Names of places as the configuration writes them: domains, networks, listen addresses, routes' destinations.

Form only: nothing is looked up, opened or connected. Every ``parse_`` raises
``BadValue`` with a remedy; the value's ``str()`` reads back to the same value.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from samotop.config.fault import BadValue
from samotop.errors import SetupError
from samotop.net.endpoint import Endpoint, Inherited, Tcp, parse_endpoint
from samotop.net.networks import Network, parse_networks
from samotop.routing import via as routing_via
from samotop.routing.patterns import fold_domain
from samotop.routing.via import Target
from samotop.transport.smtp.address import parse_server

DOMAIN_LIMIT: Final = 253
"""Characters of a domain in text (RFC 1035 §2.3.4)."""

SERVER_KINDS: Final = ("smtp", "smtps", "lmtp")
"""Kinds of a route's destination that are the URL of a server."""

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")


def parse_domain(raw: object) -> str:
    """A domain as it is compared: A-labels, lower case, without a closing dot."""
    if not isinstance(raw, str):
        raise BadValue("a domain is a text", 'write it like "example.org"')
    text = unicodedata.normalize("NFC", raw).strip().lower().removesuffix(".")
    if "@" in text:
        raise BadValue(f'"{raw}" is an address, not a domain', f'write "{text.rpartition("@")[2]}"')
    name = fold_domain(text) or ""
    if not name or len(name) > DOMAIN_LIMIT or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise BadValue(f'"{raw}" is not a domain', 'write it like "example.org"')
    return name


def parse_network(raw: object) -> Network:
    """``127.0.0.1``, ``192.0.2.0/24``, ``2001:db8::/32``; see ``samotop.net.networks``."""
    if not isinstance(raw, str):
        raise BadValue("a network is a text", 'write it like "192.0.2.0/24" or "::1"')
    try:
        return parse_networks([raw.strip()])[0]
    except SetupError as error:
        raise BadValue(error.args[0], error.remedy) from None


def format_network(network: Network) -> str:
    """A network of one address is shown as the address."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def parse_listener(raw: object) -> Endpoint:
    """``host:port``, ``[v6]:port``, a path, ``stdio``, ``systemd[:NAME]``; see ``samotop.net.endpoint``."""
    if not isinstance(raw, str):
        raise BadValue("a listener's address is a text", 'write it like "127.0.0.1:2525"')
    try:
        return parse_endpoint(raw.strip())
    except SetupError as error:
        raise BadValue(error.args[0], error.remedy) from None


def is_local(endpoint: Endpoint) -> bool:
    """Can only this machine reach it? Nobody knows what systemd opened."""
    if isinstance(endpoint, Tcp):
        return endpoint.host == "localhost" or endpoint.host.startswith("127.") or endpoint.host == "::1"
    return not isinstance(endpoint, Inherited)


def collide(one: Endpoint, other: Endpoint) -> bool:
    """Would both want the same socket? Port 0 is a new one each time."""
    if isinstance(one, Tcp) and isinstance(other, Tcp):
        return one.port == other.port != 0 and _hosts_meet(one.host, other.host)
    return one == other or (
        isinstance(one, Inherited) and isinstance(other, Inherited) and (one.name is None or other.name is None)
    )


def _hosts_meet(one: str, other: str) -> bool:
    """``*`` is every address, ``0.0.0.0`` every IPv4 one, ``::`` every IPv6 one (listeners set IPV6_V6ONLY)."""
    if one == other or "*" in (one, other):
        return True
    for every, rest in ((one, other), (other, one)):
        if (every == "0.0.0.0" and ":" not in rest) or (every == "::" and ":" in rest):
            return True
    return False


def parse_server_url(raw: object) -> str:
    """The URL of a next hop, with all that ``samotop.transport.smtp.address`` reads; form checked, kept as it is."""
    if not isinstance(raw, str):
        raise BadValue("a server is a text", 'write it like "smtp://host" or "smtps://user:password@host"')
    text = raw.strip()
    try:
        parse_server(text)
    except SetupError as error:
        raise BadValue(f'"{blot_password(text)}": {error.args[0]}', error.remedy) from None
    return text


def blot_password(url: str) -> str:
    """The URL as it may be shown: with ``***`` for its password, and for the login at its proxy."""
    shown = re.sub(r"(://[^/@:]*:)[^/]*@", r"\1***@", url)
    return re.sub(r"([?&]proxy=)[^&]*(@|%40)", r"\1***\2", shown)


def parse_via(raw: object) -> Target:
    """``discard``, ``maildir:PATH``, ``smtp://host``...; see ``samotop.routing.via``."""
    if not isinstance(raw, str):
        raise BadValue("a destination is a text", 'write it like "maildir:PATH" or "discard"')
    try:
        target = routing_via.parse_via(raw)
    except SetupError as error:
        raise BadValue(error.args[0], error.remedy) from None
    if target.kind in SERVER_KINDS:
        parse_server_url(target.argument)
    return target


def format_via(target: Target) -> str:
    """The text that reads back to ``target``, its password blotted out."""
    if target.kind in SERVER_KINDS:
        return blot_password(target.argument)
    usual = Target(target.kind, target.argument)
    query = []
    if target.size != usual.size:
        query.append(f"size={target.size}")
    if target.age != usual.age:
        query.append(f"age={target.age:.0f}s")
    return target.kind + (f":{target.argument}" if target.argument else "") + ("?" + "&".join(query) if query else "")
