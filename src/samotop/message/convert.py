"""Content for a server that takes fewer bits: eight to seven, binary to eight (RFC 6152 §3, RFC 3030 §3).

    converted = convert_content(content)                     # ASCII alone
    converted = convert_content(content, keeps_8bit=True)    # text of eight bits, no binary

Each part that the server could not take is encoded: text as quoted-printable
where that is the shorter, all else as base64; messages inside are gone through
as well. All other octets stay as they are. A message without MIME gets its
fields, with ``unknown-8bit`` for what nobody named (RFC 1428 §3).

What is signed or encrypted as a multipart (RFC 1847) must not be touched, and is
not. Signatures over the whole message, such as DKIM's, do not survive: sign
after this.

Raises ``Unconvertible`` for what cannot or must not be converted. Bounded by
``MimeBounds``: a larger content is refused, not read.
"""

from __future__ import annotations

from typing import Final

from samotop.content import Content
from samotop.errors import SamotopError
from samotop.message.header import iterate_fields
from samotop.message.structure import BOUNDS, MimeBounds, Node, parse_structure
from samotop.message.transfer import choose_encoding, encode_base64, encode_quoted_printable, is_lines

SEALED: Final = ("multipart/signed", "multipart/encrypted")
"""What breaks by a change of one octet inside of it (RFC 1847 §2.1)."""

_NESTED: Final = ("message/rfc822", "message/global")
_ADDED: Final = b"MIME-Version: 1.0\r\n"
_UNKNOWN: Final = b"Content-Type: text/plain; charset=unknown-8bit\r\n"
_ENCODING: Final = b"content-transfer-encoding"

_Edit = tuple[int, int, bytes]


class Unconvertible(SamotopError):
    """This content cannot be converted, or must not be. The text says why, and nothing of what it holds."""


def convert_content(content: Content, *, keeps_8bit: bool = False, bounds: MimeBounds = BOUNDS) -> Content:
    """The same message in no more than seven bits, or no more than eight. Raises ``Unconvertible``, ``OSError``."""
    if content.size > bounds.octets:
        raise Unconvertible("the message is too large to be converted")
    octets = content.to_bytes()
    converted = _convert(octets, keeps_8bit, bounds, is_inner=False)
    if not (keeps_8bit or converted.isascii()):  # in a header, or between the parts
        raise Unconvertible("the message has octets outside of its parts")
    return content if converted is octets else Content.from_bytes(converted)


def _convert(octets: bytes, keeps_8bit: bool, bounds: MimeBounds, *, is_inner: bool) -> bytes:
    if bounds.depth < 1:
        raise Unconvertible("the message is nested too deep to be converted")
    root, is_complete = parse_structure(octets, bounds)
    if not is_complete:
        raise Unconvertible("the message has too many parts to be converted")
    edits: list[_Edit] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if _fits(octets, node.body_start, node.body_end, keeps_8bit) and not _says_more(node, keeps_8bit):
            continue
        if node.media_type in SEALED:
            raise Unconvertible("the message is signed or encrypted, and would be no longer if it were changed")
        edits += _edit(octets, node, keeps_8bit, bounds, is_root=node is root, is_inner=is_inner)
        waiting += node.parts
    return _apply(octets, edits) if edits else octets


def _fits(octets: bytes, start: int, end: int, keeps_8bit: bool) -> bool:
    part = octets[start:end]
    return (keeps_8bit or part.isascii()) and is_lines(part)


def _says_more(node: Node, keeps_8bit: bool) -> bool:
    """Does the part claim an encoding that the server does not take, whatever is in it?"""
    claimed = node.header.get_unfolded("content-transfer-encoding").strip().lower()
    return claimed == "binary" or (claimed == "8bit" and not keeps_8bit)


def _edit(
    octets: bytes, node: Node, keeps_8bit: bool, bounds: MimeBounds, *, is_root: bool, is_inner: bool
) -> list[_Edit]:
    """What to change about one part: its body where it is no multipart, and the field that says how it is encoded."""
    start, end = node.body_start, node.body_end
    head, head_end = _header_place(octets, node)
    body = octets[start:end]
    edits: list[_Edit] = []
    if node.media_type.startswith("multipart/"):
        encoding = "8bit" if keeps_8bit else "7bit"
        if not node.parts and not _fits(octets, start, end, keeps_8bit):
            raise Unconvertible("the message has a multipart without parts")
    elif node.media_type in _NESTED:
        encoding = "8bit" if keeps_8bit else "7bit"
        edits.append((start, end, _convert(body, keeps_8bit, bounds.inner(), is_inner=True)))
    else:
        encoding, encoded = _encode(body, node.media_type, keeps_8bit)
        if not (is_root and not is_inner) and not body.endswith(b"\r\n"):
            encoded = encoded.removesuffix(b"\r\n")  # the line end before the next delimiter is there already
        edits.append((start, end, encoded))
    return [*edits, (head, head_end, _rewrite(octets[head:head_end], node, encoding, is_root=is_root))]


def _encode(body: bytes, media_type: str, keeps_8bit: bool) -> tuple[str, bytes]:
    if is_lines(body) and (body.isascii() or keeps_8bit):
        return ("7bit" if body.isascii() else "8bit"), body
    if media_type.startswith("text/") and choose_encoding(body) == "quoted-printable":
        ends = body.count(b"\r\n")
        if body.count(b"\n") == ends == body.count(b"\r"):
            return "quoted-printable", encode_quoted_printable(body)
    return "base64", encode_base64(body)


def _header_place(octets: bytes, node: Node) -> tuple[int, int]:
    """Where the part's header begins, and where it ends before its blank line. Raises ``Unconvertible``."""
    end = node.body_start
    header = node.header.octets
    start = end - 2 - len(header)
    has_blank = octets.endswith(b"\r\n\r\n", 0, end) or (end == 2 and octets.startswith(b"\r\n"))
    if start < 0 or not has_blank or octets[start : end - 2] != header:
        raise Unconvertible("a part's header has no end that could be found")
    return start, end - 2


def _rewrite(section: bytes, node: Node, encoding: str, *, is_root: bool) -> bytes:
    """The header with the encoding that the part has now. Raises ``Unconvertible`` for one that is not ASCII itself."""
    if not section.isascii():
        raise Unconvertible("a part's header is not ASCII")
    fields = [field for field in iterate_fields(section) if field.name.lower() != _ENCODING]
    lines = b"".join(field.raw for field in fields)
    if is_root and "mime-version" not in node.header:
        lines += _ADDED
    if is_root and "content-type" not in node.header:
        lines += _UNKNOWN
    return lines + b"Content-Transfer-Encoding: " + encoding.encode() + b"\r\n"


def _apply(octets: bytes, edits: list[_Edit]) -> bytes:
    pieces: list[bytes] = []
    at = 0
    for start, end, replacement in sorted(edits, key=lambda edit: edit[:2]):
        pieces += (octets[at:start], replacement)
        at = end
    pieces.append(octets[at:])
    return b"".join(pieces)
