"""SPF records as values (RFC 7208 §4.6.1, §12): read once, whole, before anything in them is evaluated.

    record = parse_record(b"v=spf1 a:mail.example.org ip4:192.0.2.0/24 -all")
    [directive.text for directive in record.directives]
    # ["a:mail.example.org", "ip4:192.0.2.0/24", "-all"]

A syntax error anywhere in the record is an error of the record. Modifiers
that nobody knows are checked for their syntax and left out. Takes linear
time; raises ``SpfSyntaxError`` and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from samotop.msgauth.addresses import read_ipv4
from samotop.msgauth.results import Result
from samotop.msgauth.spf.macros import SpfSyntaxError, Template, parse_domain_spec, parse_macro_string, show

RECORD_LIMIT: Final = 16 * 1024
"""Octets of a record. RFC 7208 §3.4 wants them to fit into 512; the largest honest ones seen have some thousand."""
CACHED_RECORD_LIMIT: Final = 1024
"""Octets of a record that is remembered once it has been read: longer ones are rare, and hostile ones are long."""
CACHED_RECORDS: Final = 512
"""Records remembered: the hosting companies that most mail comes through, in some ten megabytes at the very worst."""

VERSION: Final = b"v=spf1"

_QUALIFIERS: Final = {
    "": Result.PASS,
    "+": Result.PASS,
    "-": Result.FAIL,
    "~": Result.SOFTFAIL,
    "?": Result.NEUTRAL,
}
_MODIFIER: Final = re.compile(r"([A-Za-z][A-Za-z0-9._-]*+)=")
_DIRECTIVE: Final = re.compile(r"([-+~?]?)([A-Za-z][A-Za-z0-9._-]*+)(?=[:/]|\Z)")
_PREFIX: Final = re.compile(r"/(0|[1-9][0-9]{0,2})")
# A run of what can stand in prefix lengths; the leftmost "/" that begins a well-formed end is what counts.
_PREFIXES: Final = re.compile(r"(?:/(0|[1-9][0-9]{0,2}))?(?://(0|[1-9][0-9]{0,2}))?\Z")
_LONGEST_PREFIXES: Final = len("/999//999")


class Mechanism(StrEnum):
    """What a directive asks (RFC 7208 §5)."""

    ALL = "all"
    INCLUDE = "include"
    A = "a"
    MX = "mx"
    PTR = "ptr"
    IP4 = "ip4"
    IP6 = "ip6"
    EXISTS = "exists"


@dataclass(frozen=True, slots=True)
class Directive:
    """A mechanism with its qualifier; ``result`` is what a match means, ``text`` the term as written.

    ``target`` is the domain-spec, ``None`` for the current domain. ``network``
    is the network's address of ip4 and ip6; ``mask4`` and ``mask6`` are what of
    an address is compared. All of them as integers.
    """

    text: str
    result: Result
    mechanism: Mechanism
    target: Template | None = None
    network: int = 0
    mask4: int = 0
    mask6: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """A record: its directives in order, and the two modifiers that mean something (RFC 7208 §6)."""

    directives: tuple[Directive, ...]
    redirect: Template | None = None
    explanation: Template | None = None


def is_record(text: bytes) -> bool:
    """Is this TXT record one of SPF's? (RFC 7208 §4.5)"""
    return text[:6].lower() == VERSION and (len(text) == 6 or text[6] == 0x20)


def parse_record(text: bytes) -> Record:
    """Read a record that begins with ``v=spf1``.

    Raises ``SpfSyntaxError``. Short records are remembered.
    """
    return _parse_remembered(text) if len(text) <= CACHED_RECORD_LIMIT else _parse(text)


def _parse(text: bytes) -> Record:
    if not is_record(text):
        raise SpfSyntaxError("the record does not begin with v=spf1")
    if len(text) > RECORD_LIMIT:
        raise SpfSyntaxError(f"the record is longer than {RECORD_LIMIT} octets")
    try:
        terms = text.decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise SpfSyntaxError("the record is not ASCII") from None
    directives: list[Directive] = []
    modifiers: dict[str, Template] = {}
    for term in terms[1:]:
        if not term:
            continue
        found = _MODIFIER.match(term)
        if found is None:
            directives.append(_parse_directive(term))
            continue
        name = found[1].lower()
        if name != "redirect" and name != "exp":
            parse_macro_string(term[found.end() :])
        elif name in modifiers:
            raise SpfSyntaxError(f"{name}= is there twice")
        else:
            modifiers[name] = parse_domain_spec(term[found.end() :])
    return Record(tuple(directives), modifiers.get("redirect"), modifiers.get("exp"))


_parse_remembered: Final = lru_cache(maxsize=CACHED_RECORDS)(_parse)


def _parse_directive(term: str) -> Directive:
    found = _DIRECTIVE.match(term)
    if found is None:
        raise SpfSyntaxError(f"{show(term)} is neither a mechanism nor a modifier")
    result, name, rest = _QUALIFIERS[found[1]], found[2].lower(), term[found.end() :]
    if name == Mechanism.IP4:
        return _parse_ip4(term, result, rest)
    if name == Mechanism.IP6:
        return _parse_ip6(term, result, rest)
    if name == Mechanism.A or name == Mechanism.MX:
        return _parse_hosts(term, result, Mechanism(name), rest)
    if name == Mechanism.ALL:
        if rest:
            raise SpfSyntaxError(f"{show(term)} says more than all")
        return Directive(term, result, Mechanism.ALL)
    if name == Mechanism.PTR and not rest:
        return Directive(term, result, Mechanism.PTR)
    if name == Mechanism.INCLUDE or name == Mechanism.EXISTS or name == Mechanism.PTR:
        if not rest.startswith(":"):
            raise SpfSyntaxError(f"{show(term)} needs a colon and a domain name after {name}")
        return Directive(term, result, Mechanism(name), parse_domain_spec(rest[1:]))
    raise SpfSyntaxError(f"{show(term)} is no mechanism of SPF")


def _parse_hosts(term: str, result: Result, mechanism: Mechanism, rest: str) -> Directive:
    """``a`` and ``mx``: [ ":" domain-spec ] [ dual-cidr-length ] (RFC 7208 §5.3, §5.4)."""
    # Only the end of it can be prefix lengths, so that a long name is not searched from each of its slashes.
    found = _PREFIXES.search(rest, max(0, len(rest) - _LONGEST_PREFIXES))
    assert found is not None, "the pattern matches the end of anything"
    name = rest[: found.start()]
    if name and not name.startswith(":"):
        raise SpfSyntaxError(f"{show(term)} has neither a domain name nor prefix lengths after {mechanism}")
    mask4 = _mask(term, found[1], 32)
    mask6 = _mask(term, found[2], 128)
    return Directive(term, result, mechanism, parse_domain_spec(name[1:]) if name else None, 0, mask4, mask6)


def _parse_ip4(term: str, result: Result, rest: str) -> Directive:
    address, prefix = _split_network(term, rest)
    mask = _mask(term, prefix, 32)
    try:
        network = read_ipv4(address) & mask
    except ValueError:
        raise SpfSyntaxError(f"{show(term)} has no IPv4 address") from None
    return Directive(term, result, Mechanism.IP4, None, network, mask, 0)


def _parse_ip6(term: str, result: Result, rest: str) -> Directive:
    address, prefix = _split_network(term, rest)
    mask = _mask(term, prefix, 128)
    try:
        if "%" in address:  # a zone index, which the library takes and the grammar does not
            raise AddressValueError
        network = int(IPv6Address(address)) & mask
    except AddressValueError:
        raise SpfSyntaxError(f"{show(term)} has no IPv6 address") from None
    return Directive(term, result, Mechanism.IP6, None, network, 0, mask)


def _split_network(term: str, rest: str) -> tuple[str, str | None]:
    """The address and the digits of the prefix length of ``ip4`` and ``ip6`` (RFC 7208 §5.6)."""
    if not rest.startswith(":"):
        raise SpfSyntaxError(f"{show(term)} needs a colon and an address")
    address, slash, _ = rest[1:].partition("/")
    if not slash:
        return address, None
    found = _PREFIX.fullmatch(rest, 1 + len(address))
    if found is None:
        raise SpfSyntaxError(f"{show(term)} has no prefix length after the slash")
    return address, found[1]


def _mask(term: str, digits: str | None, bits: int) -> int:
    length = bits if digits is None else int(digits)
    if length > bits:
        raise SpfSyntaxError(f"{show(term)} has a prefix length above {bits}")
    return ((1 << length) - 1) << (bits - length)
