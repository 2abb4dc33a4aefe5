"""The trace fields that delivery puts in front of a message (RFC 5321 §4.4); those it takes away are ``forged``'s.

``format_trace`` makes Return-Path, Delivered-To, what we found out about the
author (Authentication-Results) and exactly one Received of our own.

HELO argument, addresses and TLS description come from hostile peers: what is
not allowed where it stands is replaced, and its length is bounded, so that no
text can begin a new field or hide one. The word after "with" is that of
RFC 3848 and RFC 6531. A client that logged in is one of our own users: its
name and address are told only as ``DisclosureRules`` allow.

Everything made here has CRLF line ends. Reads no clock. Raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Protocol

from samotop.address import Address, ReversePath

HOST_LIMIT: Final = 255
"""Octets of a host name that we repeat (RFC 5321 §4.5.3.1.2)."""
PATH_LIMIT: Final = 900
"""Octets of a path that we repeat: with its field's name it stays below 998 (RFC 5322 §2.1.1)."""
COMMENT_LIMIT: Final = 100
"""Characters of a TLS description or of a protocol's name."""
ADDRESS_LIMIT: Final = 64
"""Characters of an IP address in its longest form, and some."""

_FOLD: Final = "\r\n\t"
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HOST_JUNK: Final = re.compile(r"[^A-Za-z0-9._\-]")
_ADDRESS_JUNK: Final = re.compile(r"[^A-Za-z0-9.:]")
_LITERAL: Final = re.compile(r"\[[A-Za-z0-9.:\-]{1,80}\]")
_COMMENT_JUNK: Final = re.compile(r"[^A-Za-z0-9._=: \-]")
_WORD_JUNK: Final = re.compile(r"[^A-Za-z0-9\-]")
# One field and no other, should a store give back something else than was put in.
_RESULTS: Final = re.compile(r"Authentication-Results: (?:[^\r\n\0]++\r\n[ \t])*+[^\r\n\0]++\r\n")


class Arrival(Protocol):
    """What is known of how a message came; ``queue.entry.Trace`` is one. Times in seconds since 1970, UTC."""

    @property
    def hello(self) -> str: ...
    @property
    def peer_address(self) -> str: ...
    @property
    def peer_name(self) -> str: ...
    @property
    def protocol(self) -> str: ...
    @property
    def received_at(self) -> float: ...
    @property
    def tls(self) -> str: ...
    @property
    def login(self) -> str: ...
    @property
    def results(self) -> str:
        """One whole Authentication-Results field, CRLF included, or nothing."""
        ...


@dataclass(frozen=True, slots=True)
class DisclosureRules:
    """What a Received field tells of a client that logged in: by default neither what it calls itself nor where it is.

    How its connection was encrypted is told only along with one of them: a
    cipher's name narrows down the device.
    """

    submitter_hello: bool = False
    submitter_address: bool = False


NO_DISCLOSURE: Final = DisclosureRules()


def format_trace(
    arrival: Arrival,
    reverse_path: ReversePath,
    recipients: Sequence[Address],
    hostname: str,
    entry_id: str,
    *,
    is_only_recipient: bool = False,
    rules: DisclosureRules = NO_DISCLOSURE,
    verdict: str = "",
) -> bytes:
    """Make Return-Path, one Delivered-To for each of ``recipients``, the results, and our Received; CRLF after each.

    ``verdict`` is why this copy goes where it goes, for its owner; without one there is no field for it.

    ``recipients`` are those whom this copy is for. ``is_only_recipient`` says
    that the message has no other: only then does Received name one, since
    others' copies would tell of it (RFC 5321 §7.2).
    """
    paths = [_path(recipient) for recipient in recipients]
    fields = [f"Return-Path: <{_path(reverse_path)}>\r\n", *[f"Delivered-To: {path}\r\n" for path in paths]]
    if _RESULTS.fullmatch(arrival.results):
        fields.append(arrival.results)
    if verdict:
        fields.append(f"X-Samotop-Verdict: {_printable(verdict)}\r\n")
    named = paths[0] if is_only_recipient and len(paths) == 1 else ""
    fields.append(_format_received(arrival, hostname, entry_id, named, rules))
    return "".join(fields).encode("utf-8", "replace")


def format_received(
    arrival: Arrival,
    hostname: str,
    entry_id: str,
    recipient: Address | None = None,
    rules: DisclosureRules = NO_DISCLOSURE,
) -> bytes:
    """Our Received alone, for what goes on to another server: Return-Path is for who delivers (RFC 5321 §4.4).

    ``recipient`` is named where the message has no other, as in ``format_trace``.
    """
    named = "" if recipient is None else _path(recipient)
    return _format_received(arrival, hostname, entry_id, named, rules).encode("utf-8", "replace")


def _format_received(arrival: Arrival, hostname: str, entry_id: str, recipient: str, rules: DisclosureRules) -> str:
    clauses = _format_origin(arrival, rules)
    word = _WORD_JUNK.sub("", arrival.protocol)[:COMMENT_LIMIT]
    means = f" with {word}" if word else ""  # it came by no protocol: we wrote it ourselves
    clauses.insert(1 if clauses else 0, f"by {_host(hostname)}{means} id {_WORD_JUNK.sub('', entry_id)}")
    if recipient:
        clauses.append(f"for <{recipient}>")
    return f"Received: {_FOLD.join(clauses)};{_FOLD}{format_date(arrival.received_at)}\r\n"


def _format_origin(arrival: Arrival, rules: DisclosureRules) -> list[str]:
    """The from-clause and a comment about TLS; nothing where neither name nor address of the client is told."""
    if not arrival.protocol:
        return []
    is_submitter = bool(arrival.login)
    tells_hello = rules.submitter_hello or not is_submitter
    tells_address = rules.submitter_address or not is_submitter
    if not tells_hello and not tells_address:
        return []
    origin = f"from {_hello(arrival.hello) if tells_hello else 'submitter'}"
    if tells_address and arrival.peer_address:
        address = _ADDRESS_JUNK.sub("", arrival.peer_address[:ADDRESS_LIMIT])
        literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
        origin += f" ({_host(arrival.peer_name)} {literal})" if arrival.peer_name else f" ({literal})"
    tls = _COMMENT_JUNK.sub("", arrival.tls[:COMMENT_LIMIT])
    return [origin, f"({tls})"] if tls else [origin]


def _hello(text: str) -> str:
    return text if _LITERAL.fullmatch(text) else _host(text)


def _host(text: str) -> str:
    return _HOST_JUNK.sub("_", text[:HOST_LIMIT]) or "unknown"


def _path(path: ReversePath) -> str:
    return _printable(str(path))


def _printable(text: str) -> str:
    if not text.isprintable():  # also catches line ends of every kind and halves of surrogate pairs
        text = "".join(c if c.isprintable() else "?" for c in text)
    if len(text) * 4 > PATH_LIMIT:
        text = text.encode("utf-8", "replace")[:PATH_LIMIT].decode("utf-8", "ignore")
    return text


@lru_cache(maxsize=64)
def _format_second(second: int) -> str:
    at = datetime.fromtimestamp(second, UTC)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} +0000"
    )


def format_date(seconds: float) -> str:
    """A date as RFC 5322 §3.3 writes it, from seconds since 1970; always UTC. Never names a locale's words."""
    return _format_second(int(seconds))
