"""The trace fields that delivery puts in front of a message, and those it takes away (RFC 5321 §4.4).

``format_trace`` makes Return-Path, Delivered-To, what we found out about the
author (Authentication-Results) and exactly one Received of our own.
``strip_forged`` and ``iterate_genuine`` remove what arrived in the message and
would pass for ours: every Return-Path and X-Samotop-Verdict, a Delivered-To that names our own
recipient, a Received whose by-clause is our host name, an
Authentication-Results that claims to be written by it (RFC 8601 §5).

HELO argument, addresses and TLS description come from hostile peers: what is
not allowed where it stands is replaced, and its length is bounded, so that no
text can begin a new field or hide one. The word after "with" is that of
RFC 3848 and RFC 6531. A client that logged in is one of our own users: its
name and address are told only as ``DisclosureRules`` allow.

Everything made here has CRLF line ends. Reads no clock. Raises nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Protocol

from samotop.address import Address, ReversePath
from samotop.content import HEADER_LIMIT
from samotop.message.claims import claims_to_be
from samotop.message.header import iterate_fields, split_fields

HOST_LIMIT: Final = 255
"""Octets of a host name that we repeat (RFC 5321 §4.5.3.1.2)."""
PATH_LIMIT: Final = 900
"""Octets of a path that we repeat: with its field's name it stays below 998 (RFC 5322 §2.1.1)."""
COMMENT_LIMIT: Final = 100
"""Characters of a TLS description or of a protocol's name."""
COMMENT_DEPTH_LIMIT: Final = 100
"""Comments inside comments that we follow; deeper ones are no comment to us."""

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
_COMMENT_TOKEN: Final = re.compile(rb"\\.|[()]", re.DOTALL)
_SUSPECT: Final = (
    b"return-path",
    b"delivered-to",
    b"x-samotop-",
    b"authentication-results",
)  # the last may name us in many spellings

# What a lenient reader may take for such a field though it is none: something that is not seen around its name.
_NEARLY_OURS: Final = re.compile(
    rb"[\x00-\x20\x7f-\xff]*+(?:return-path|x-samotop-verdict|authentication-results)[\x00-\x20\x7f-\xff]*+:",
    re.IGNORECASE,
)


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


def is_forged(name: bytes, value: bytes, hostname: bytes, recipients: frozenset[bytes]) -> bool:
    """Would this field pass for one of ours? ``hostname`` and ``recipients`` are lower case, octets of UTF-8."""
    name = name.lower()
    if name in (b"return-path", b"x-samotop-verdict"):
        return True
    if name == b"delivered-to":
        return value.strip().strip(b"<>").lower() in recipients
    if name == b"authentication-results":
        return claims_to_be(value, hostname.decode("utf-8", "replace"))
    return name == b"received" and _names_by(value.lower(), hostname)


def _names_by(value: bytes, hostname: bytes) -> bool:
    """Has this Received field a by-clause with our name? ``value`` is lower case."""
    if hostname not in value:
        return False
    words = _without_comments(value).replace(b";", b" ").split()
    return any(word == b"by" and following.rstrip(b".") == hostname for word, following in itertools.pairwise(words))


def _without_comments(value: bytes) -> bytes:
    """Take comments out, also nested ones; where brackets do not match, nothing is a comment: none hides a clause."""
    if b"(" not in value:
        return value
    kept: list[bytes] = []
    depth = position = 0
    for token in _COMMENT_TOKEN.finditer(value):
        if token[0] == b"(":
            if depth == 0:
                kept.append(value[position : token.start()])
            depth += 1
            if depth > COMMENT_DEPTH_LIMIT:
                break
        elif token[0] == b")":
            depth -= 1
            if depth < 0:
                break
            position = token.end()
    if depth != 0:
        return value.replace(b"(", b" ").replace(b")", b" ")
    kept.append(value[position:])
    return b" ".join(kept)


def strip_forged(section: bytes, hostname: str, recipients: Iterable[Address] = ()) -> bytes:
    """Return the header section without the fields that would pass for ours; the rest is untouched, octet by octet.

    ``section`` may end with its blank line or without it.
    """
    host = hostname.lower().rstrip(".").encode("utf-8", "replace")
    lower = section.lower()
    if not any(name in lower for name in _SUSPECT) and host not in lower:
        return section  # nearly always
    own = frozenset(str(recipient).lower().encode("utf-8", "replace") for recipient in recipients)
    kept: list[bytes] = []
    position = 0
    for field in iterate_fields(section):
        if is_forged(field.name, field.value, host, own) if field.name else _NEARLY_OURS.match(field.raw):
            kept.append(section[position : field.start])
            position = field.end
    if not kept:
        return section
    kept.append(section[position:])
    return b"".join(kept)


def iterate_genuine(
    chunks: Iterator[bytes], hostname: str, recipients: Iterable[Address] = (), *, limit: int = HEADER_LIMIT
) -> Iterator[bytes]:
    """Yield a message's chunks with ``strip_forged`` done to its header section, however long that is.

    Keeps at most ``limit`` octets and one chunk at a time. A single field
    longer than that is judged by its beginning.
    """
    own = list(recipients)
    seen = bytearray()
    begins_field, drops = True, False  # whether ``seen`` begins with a whole field; what becomes of a cut one's rest
    for chunk in chunks:
        start = max(0, len(seen) - 3)
        seen += chunk
        is_empty = begins_field and seen.startswith(b"\r\n")
        blank = seen.find(b"\r\n\r\n", start)
        if is_empty or blank >= 0:
            end = 0 if is_empty else blank + 2
            yield _strip_part(bytes(seen[:end]), begins_field, drops, hostname, own)
            yield bytes(seen[end:])
            yield from chunks
            return
        if len(seen) < limit:
            continue
        cut = split_fields(bytes(seen))
        if cut > 0:
            yield _strip_part(bytes(seen[:cut]), begins_field, drops, hostname, own)
            begins_field, drops = True, False
        else:
            cut = len(seen) - 3
            part = bytes(seen[:cut])
            if begins_field:
                drops = not strip_forged(part, hostname, own)
                begins_field = False
            if not drops:
                yield part
        del seen[:cut]
    yield _strip_part(bytes(seen), begins_field, drops, hostname, own)


def _strip_part(part: bytes, begins_field: bool, drops: bool, hostname: str, own: list[Address]) -> bytes:
    """Strip whole fields, of which the first may be the rest of one that was cut."""
    if begins_field:
        return strip_forged(part, hostname, own)
    rest = next(iter(iterate_fields(b"x" + part)), None)
    end = rest.end - 1 if rest is not None else 0
    return (b"" if drops else part[:end]) + strip_forged(part[end:], hostname, own)
