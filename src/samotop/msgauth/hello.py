"""What a client calls itself in HELO or EHLO: is it a name, and is it this client's?

    found = await hello.evaluate("mail.example.org", "192.0.2.1", resolver)

A client shall name itself by a fully qualified domain name, or by its address
in brackets where it has none (RFC 5321 §2.3.5, §4.1.3, §4.1.4). Many honest
ones do not, and RFC 5321 §4.1.4 forbids to refuse mail for that alone: the
result is one finding among others, never a reason by itself. Whether the
name's owner allows the client to use it is SPF's to say (``spf.evaluate``
with a null reverse-path).

    pass       the literal is the client's address, or the name has that address
    fail       it is another's, or the name has none
    permerror  neither a fully qualified name nor a literal
    temperror  DNS did not say
    none       there was no argument

Raises ``ValueError`` for what is no IP address, and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from samotop.address import Address
from samotop.dns import Resolver, Status, normalize_name
from samotop.msgauth.addresses import is_among, parse_peer
from samotop.msgauth.results import Result

# Letters, digits and hyphens (RFC 5321 §4.1.2); two labels at least, and no number at the end, which were an address.
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL}")


@dataclass(frozen=True, slots=True)
class HelloResult:
    """``name`` is the name in A-labels and lower case, empty for anything else; ``is_literal`` an address in brackets.

    ``reason`` is a sentence where the result is no pass. ``is_secure``: the
    answer that the result rests on was signed and verified.
    """

    result: Result
    reason: str = ""
    name: str = ""
    is_literal: bool = False
    is_secure: bool = False


async def evaluate(hello: str, ip: str, resolver: Resolver) -> HelloResult:
    """Compare what the client calls itself with the address that it comes from. One question at most.

    Raises ``ValueError`` if ``ip`` is no IP address.
    """
    peer = parse_peer(ip)
    if not hello:
        return HelloResult(Result.NONE, "the client has not said its name")
    if hello.startswith("["):
        literal = Address("", hello).literal if hello.endswith("]") else None
        if literal is None:
            return HelloResult(Result.PERMERROR, "the name begins as an address literal and is none", is_literal=True)
        if parse_peer(str(literal)) == peer:
            return HelloResult(Result.PASS, is_literal=True)
        return HelloResult(Result.FAIL, "the address literal is not the client's address", is_literal=True)
    name = parse_hello(hello)
    if not name:
        return HelloResult(Result.PERMERROR, "the name is not fully qualified")
    answer = await resolver.lookup(name, peer.type)
    if answer.is_temporary:
        return HelloResult(Result.TEMPERROR, "DNS did not say which addresses the name has", name)
    if is_among(peer, answer.records):
        return HelloResult(Result.PASS, "", name, False, answer.is_secure)
    if answer.status is Status.NXDOMAIN:
        reason = "the name does not exist"
    elif answer.status is Status.NODATA:
        reason = "the name has no address of the client's kind"
    else:
        reason = "the name has other addresses than the client's"
    return HelloResult(Result.FAIL, reason, name, False, answer.is_secure)


def parse_hello(hello: str) -> str:
    """The fully qualified domain name that ``hello`` is, in A-labels and lower case; empty if it is none."""
    try:
        name = normalize_name(hello)
    except ValueError:
        return ""
    return name if not hello.endswith(".") and _NAME.fullmatch(name) else ""
