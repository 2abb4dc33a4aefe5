"""The report's file out of the mail that brought it (RFC 9990 §3.5.2, RFC 8460 §5.3).

The mail has the report as an attachment, somewhere: no structure is asked for.
``take_part`` walks the parts (RFC 2046 §5.1), a few deep and a hundred in all,
and takes the one part whose media type or file name is that of a report; with
none or two of them it raises. Messages within the message are not entered.

Time is linear in the mail for each level, memory a small multiple of it.
Raises ``AttachmentError``.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from typing import Final

from samotop.message.header import iterate_fields

DEPTH_LIMIT: Final = 5
"""Multiparts within multiparts."""
PART_LIMIT: Final = 100
"""Parts of a mail."""
HEADER_LIMIT: Final = 64 * 1024
"""Octets of a part's header."""

_PARAMETER: Final = re.compile(
    rb";[ \t\r\n]*+([A-Za-z0-9!#$%&'*+.^_`|~-]++)[ \t\r\n]*+=[ \t\r\n]*+"
    rb'(?:"((?:[^"\\]|\\.)*+)"|([^;"]*+))',
    re.DOTALL,
)
_BOUNDARY_LIMIT: Final = 70
_BLANK: Final = re.compile(rb"\r?\n\r?\n")


class AttachmentError(ValueError):
    """There is not exactly one report in this mail. The text quotes nothing of it."""


class NoReportError(AttachmentError):
    """There is none."""


@dataclass(frozen=True, slots=True)
class ReportParts:
    """What parts that are reports are called: media types, ends of file names (some send application/octet-stream).

    Both in lower case. ``limit`` is for the octets of a mail.
    """

    types: frozenset[bytes]
    names: tuple[bytes, ...]
    limit: int

    def __or__(self, other: ReportParts) -> ReportParts:
        return ReportParts(self.types | other.types, self.names + other.names, max(self.limit, other.limit))


def take_part(octets: bytes, wanted: ReportParts) -> bytes:
    """The decoded content of the part that is the report. Raises ``AttachmentError``."""
    if len(octets) > wanted.limit:
        raise AttachmentError(f"the mail is larger than {wanted.limit} octets")
    found: list[bytes] = []
    waiting = [(octets, 0)]
    seen = 0
    while waiting:
        part, depth = waiting.pop()
        seen += 1
        header, body = _split(part)
        kind, parameters = _read_type(header.get(b"content-type", b""))
        if kind.startswith(b"multipart/"):
            if depth >= DEPTH_LIMIT:
                raise AttachmentError(f"parts are nested deeper than {DEPTH_LIMIT}")
            parts = _cut(body, parameters.get(b"boundary", b""))
            if seen + len(waiting) + len(parts) > PART_LIMIT:
                raise AttachmentError(f"more than {PART_LIMIT} parts")
            waiting += [(each, depth + 1) for each in parts]
        elif kind in wanted.types or _find_name(header, parameters).endswith(wanted.names):
            found.append(_decode(body, header.get(b"content-transfer-encoding", b"")))
    if not found:
        raise NoReportError("no report is attached")
    if len(found) != 1:
        raise AttachmentError("several reports are attached")
    return found[0]


def _split(part: bytes) -> tuple[dict[bytes, bytes], bytes]:
    """A part's fields by name, each as first seen, and its body."""
    if part.startswith((b"\r\n", b"\n")):
        return {}, part.split(b"\n", 1)[1]
    blank = _BLANK.search(part, 0, HEADER_LIMIT)
    if blank is None:
        return {}, b""
    fields: dict[bytes, bytes] = {}
    for field in iterate_fields(part[: blank.start()]):
        fields.setdefault(field.name.lower(), field.value.strip())
    return fields, part[blank.end() :]


def _read_type(value: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """Media type and parameters (RFC 2045 §5.1), both in lower case but for the parameters' values."""
    kind, semicolon, rest = value.partition(b";")
    parameters: dict[bytes, bytes] = {}
    for name, quoted, plain in _PARAMETER.findall(semicolon + rest):
        parameters.setdefault(name.lower(), re.sub(rb"\\(.)", rb"\1", quoted) if quoted else plain.strip())
    return kind.strip().lower(), parameters


def _find_name(header: dict[bytes, bytes], parameters: dict[bytes, bytes]) -> bytes:
    """What the part's file is called, in lower case."""
    disposition = _read_type(header.get(b"content-disposition", b""))[1]
    name = disposition.get(b"filename", b"") or parameters.get(b"name", b"")
    return name.lower()


def _cut(body: bytes, boundary: bytes) -> list[bytes]:
    """The parts between the lines that are the boundary (RFC 2046 §5.1.1)."""
    if not 0 < len(boundary) <= _BOUNDARY_LIMIT:
        raise AttachmentError("a multipart without a boundary")
    parts: list[bytes] = []
    begin = -1
    delimiter = b"--" + boundary
    at = 0 if body.startswith(delimiter) else body.find(b"\n" + delimiter) + 1 or -1
    while at >= 0:
        after = at + len(delimiter)
        end = body.find(b"\n", after)
        line = body[after : end if end >= 0 else len(body)]
        is_last = line.startswith(b"--")
        if is_last or not line.strip():  # else it belongs to a longer boundary, of which this is the beginning
            if begin >= 0:
                parts.append(body[begin : max(begin, at - 1)].removesuffix(b"\r"))
                if len(parts) > PART_LIMIT:
                    raise AttachmentError(f"more than {PART_LIMIT} parts")
            if is_last or end < 0:
                return parts
            begin = end + 1
        at = body.find(b"\n" + delimiter, end) + 1 or -1 if end >= 0 else -1
    if begin >= 0:
        parts.append(body[begin:])
    return parts


def _decode(body: bytes, encoding: bytes) -> bytes:
    """Undo the transfer encoding (RFC 2045 §6)."""
    word = encoding.lower()
    if word == b"base64":
        try:
            return binascii.a2b_base64(b"".join(body.split()), strict_mode=True)
        except binascii.Error:
            raise AttachmentError("the attachment's base64 is damaged") from None
    if word == b"quoted-printable":
        return binascii.a2b_qp(body)
    if word in (b"", b"7bit", b"8bit", b"binary"):
        return body
    raise AttachmentError("the attachment's encoding is not known")
