"""A message as the filter sees it: fields, leaves with their octets decoded, and nothing past a bound.

A walk of its own, and not ``samotop.message``: the filter looks at the first
octets of everything, needs no places, no values and no exactness, and has a
tenth of a millisecond for it. It is as tolerant: whatever the octets are, there
is a view of them. It decides nothing about who wrote a message.

Raises nothing. Time and memory have a bound that does not depend on the message:
``CONTENT`` octets are looked at, ``PARTS`` parts, ``DEPTH`` levels (RFC 2045, RFC 2046, RFC 2047).
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from typing import Final

from samotop.message.charsets import decode_text, find_codec

CONTENT: Final = 1 << 18
"""Octets of a message that are looked at: what makes mail junk stands before that."""
HEADER: Final = 1 << 15
FIELDS: Final = 120
PARTS: Final = 40
DEPTH: Final = 6
TEXT: Final = 1 << 16
"""Octets of one text before decoding."""
MAGIC: Final = 512
"""Octets of what is no text: its kind shows in the first ones."""

_FOLD: Final = re.compile(rb"\n[ \t]+")
_WORD: Final = re.compile(rb"=\?([A-Za-z0-9_.:-]{1,30})(?:\*[^?\s]{0,20})?\?([BbQq])\?([^?\n]{0,400})\?=")
_BETWEEN: Final = re.compile(rb"\?=[ \t\n]+=\?")
_PARAMETER: Final = re.compile(
    rb';\s*(boundary|charset|name|filename)(?:\*\d?\*?)?\s*=\s*(?:"([^"\n]{0,200})"|([^\s;"]{1,200}))', re.IGNORECASE
)
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]+")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part that has no parts: ``octets`` decoded, and in UTF-8 if it is text."""

    type: bytes
    charset: bytes
    encoding: bytes
    name: bytes
    disposition: bytes
    octets: bytes
    is_text: bool


@dataclass(frozen=True, slots=True)
class View:
    """``raw`` is what was looked at, with LF for every line end; ``types`` are those of all parts, with their depth."""

    raw: bytes
    fields: list[tuple[bytes, bytes]]
    leaves: list[Leaf]
    types: list[tuple[int, bytes]]

    def first(self, name: bytes) -> bytes:
        """The value of the first field of that name, as it is written, or nothing."""
        return next((value for key, value in self.fields if key == name), b"")


@dataclass(frozen=True, slots=True)
class _Described:
    """What the header of a part says of it."""

    type: bytes
    encoding: bytes
    disposition: bytes
    parameters: dict[bytes, bytes]


def read_view(content: bytes) -> View:
    """The view of a message, or of any other octets."""
    raw = bytes(content[:CONTENT])
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if raw.startswith((b"From ", b">From ")):  # mbox; who filed a message says nothing about it
        raw = raw.partition(b"\n")[2]
    fields, body = _part(raw)
    leaves: list[Leaf] = []
    types: list[tuple[int, bytes]] = []
    waiting = [(fields, body, 0)]
    while waiting and len(types) < PARTS:
        within, body, depth = waiting.pop()
        described = _describe(within)
        types.append((depth, described.type))
        inner = _open(described, body) if depth < DEPTH else []
        if inner:
            waiting.extend((*_part(piece), depth + 1) for piece in reversed(inner))
        else:
            leaves.append(_decode(described, body))
    return View(raw, fields, leaves, types)


def decode_words(value: bytes) -> bytes:
    """A field's value with its encoded words in UTF-8 (RFC 2047)."""
    if b"=?" not in value:
        return value
    return _WORD.sub(_decode_word, _BETWEEN.sub(b"?==?", value))


def _part(octets: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Header fields and body of a message or a part."""
    if octets.startswith(b"\n"):
        return [], octets[1:]
    head, _, body = octets.partition(b"\n\n")
    fields = []
    for line in _FOLD.sub(b" ", head[:HEADER]).split(b"\n", FIELDS)[:FIELDS]:
        name, colon, value = line.partition(b":")
        if colon and len(name) < 64:
            fields.append((name.strip().lower(), value.strip()))
    return fields, body


def _describe(fields: list[tuple[bytes, bytes]]) -> _Described:
    found: dict[bytes, bytes] = {}
    for name, value in fields:
        if name.startswith(b"content-") and name not in found:
            found[name] = value[:2000]
    given, _, rest = found.get(b"content-type", b"").partition(b";")
    disposition, _, more = found.get(b"content-disposition", b"").partition(b";")
    parameters: dict[bytes, bytes] = {}
    for name, quoted, bare in _PARAMETER.findall(b";%b;%b" % (rest, more)):
        parameters.setdefault(name.lower(), quoted or bare)
    return _Described(
        given.strip().lower()[:60] or b"text/plain",
        found.get(b"content-transfer-encoding", b"").strip().lower()[:20],
        disposition.strip().lower()[:20],
        parameters,
    )


def _open(described: _Described, body: bytes) -> list[bytes]:
    """The parts inside a part, none if it is a leaf."""
    if described.type == b"message/rfc822":
        return [body.lstrip(b"\n")]
    boundary = described.parameters.get(b"boundary")
    if not described.type.startswith(b"multipart/") or not boundary:
        return []
    inner = []
    for piece in (b"\n" + body).split(b"\n--" + boundary, PARTS)[1:]:
        if piece.startswith(b"--"):
            break
        inner.append(piece.partition(b"\n")[2])
    return inner


def _decode(described: _Described, body: bytes) -> Leaf:
    is_text = described.type.startswith(b"text/") or b"/" not in described.type
    octets = body[: TEXT if is_text else MAGIC]
    if described.encoding == b"base64":
        octets = _decode_base64(octets)
    elif described.encoding == b"quoted-printable":
        octets = binascii.a2b_qp(octets)
    charset = described.parameters.get(b"charset", b"")[:30].lower()
    return Leaf(
        described.type,
        charset,
        described.encoding,
        decode_words(described.parameters.get(b"filename") or described.parameters.get(b"name", b"")).lower(),
        described.disposition,
        _to_utf8(octets, charset) if is_text else octets,
        is_text,
    )


def _to_utf8(octets: bytes, charset: bytes) -> bytes:
    codec = find_codec(charset.decode("latin-1")) if charset else ""
    if octets.isascii() and not codec.startswith(("utf_16", "utf_32", "utf_7", "iso2022", "hz")):
        return octets
    return decode_text(octets, codec).encode("utf-8", "replace")


def _decode_word(match: re.Match[bytes]) -> bytes:
    charset, encoding, text = match.groups()
    octets = _decode_base64(text) if encoding in b"Bb" else binascii.a2b_qp(text, header=True)
    return _to_utf8(octets, charset)


def _decode_base64(text: bytes) -> bytes:
    """As much as can be had."""
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        kept = _NOT_BASE64.sub(b"", text)
    return binascii.a2b_base64(kept[: len(kept) // 4 * 4])
