"""The parts of a message that is being built: text, files, multiparts, and octets encoded already (RFC 2045, RFC 2046).

A ``Part`` is a value that knows its type, its fields and its encoded octets; it
may be used in several messages. ``Part.text`` and ``Part.file`` choose the
encoding, ``Part.encoded`` takes one that has been made elsewhere and checks
it, ``Part.multipart`` puts parts together, to any depth. ``Attachment`` is a
file with a name, for people who do not want to know all that.

Names beyond ASCII are written as RFC 2231 has it; the Content-Type of such a
part has an ASCII form of the name besides, for readers who know no better.

Raises ``ValueError`` for what cannot be written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import starmap
from typing import Final

from samotop.content import Content
from samotop.message.folding import check_fields, format_structured, format_unstructured
from samotop.message.header import iterate_fields
from samotop.message.identifiers import format_content_id
from samotop.message.media_types import UNKNOWN, guess_media_type
from samotop.message.parameters import format_parameters
from samotop.message.sources import (
    FileLike,
    Octets,
    Source,
    collect,
    examine_lines,
    iterate_octets,
    measure,
    open_source,
)
from samotop.message.text import check_text
from samotop.message.transfer import (
    Encoding,
    choose_encoding,
    encode_base64,
    encode_quoted_printable,
    iterate_base64,
    measure_base64,
    normalize_lines,
)

BOUNDARY_LIMIT: Final = 70
"""Characters of a boundary (RFC 2046 §5.1.1)."""
IN_MEMORY: Final = 1 << 20
"""Octets of a file's base64 that are made at once and kept; a longer one is made anew on each pass."""

_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")  # RFC 6838 §4.2
_BOUNDARY: Final = re.compile(r"[A-Za-z0-9'()+_,./:=? -]*[A-Za-z0-9'()+_,./:=?-]")
_OWN_FIELDS: Final = {"content-type", "content-transfer-encoding", "mime-version"}
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9 ._()+-]")


@lru_cache(maxsize=256)
def _format_content(media_type: str, parameters: tuple[tuple[str, str], ...], encoding: str) -> bytes:
    """Content-Type and Content-Transfer-Encoding; 7bit need not be said (RFC 2045 §6.1)."""
    written = format_structured("Content-Type", format_parameters(media_type, dict(parameters)))
    return written if encoding == "7bit" else written + b"Content-Transfer-Encoding: %b\r\n" % encoding.encode("ascii")


@dataclass(frozen=True, slots=True)
class Part:
    """One part. Made by the class methods below; ``content`` is what stands between its header and what follows."""

    media_type: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    encoding: Encoding = "7bit"
    content: Octets = b""
    fields: bytes = b""
    """Other fields of its header, as they are written: Content-Disposition and such."""
    parts: tuple[Part, ...] = ()
    boundary: str = ""

    def __post_init__(self) -> None:
        if not _MEDIA_TYPE.fullmatch(self.media_type):
            raise ValueError(f"not a media type: {ascii(self.media_type)[:80]}")
        if self.boundary and (len(self.boundary) > BOUNDARY_LIMIT or not _BOUNDARY.fullmatch(self.boundary)):
            raise ValueError("not a boundary: at most 70 letters, digits and '()+_,-./:=? (RFC 2046 §5.1.1)")
        if self.fields:
            check_fields(self.fields)

    @property
    def is_multipart(self) -> bool:
        return self.media_type[:10].lower() == "multipart/"

    @classmethod
    def text(
        cls, text: str, subtype: str = "plain", *, encoding: Encoding | None = None, allows_8bit: bool = False
    ) -> Part:
        """Text in UTF-8. Its line ends become CRLF, and its last line gets one.

        ``encoding`` forces one; else it is 7bit where that will do, and where
        not 8bit if that is allowed, or the shorter of the other two.
        """
        if not text.endswith("\n"):
            text += "\n"
        octets = normalize_lines(text.encode("utf-8"))
        chosen = encoding or choose_encoding(octets, allows_8bit=allows_8bit)
        return cls(f"text/{subtype}", {"charset": "utf-8"}, chosen, _encode_text(octets, chosen))

    @classmethod
    def file(
        cls,
        source: Source,
        media_type: str = UNKNOWN,
        *,
        name: str = "",
        disposition: str = "attachment",
        content_id: str = "",
        description: str = "",
        parameters: Mapping[str, str] | None = None,
    ) -> Part:
        """Octets as they are, in base64; a message (``message/rfc822``) as it is (RFC 2046 §5.2.1)."""
        content = open_source(source)
        if media_type.lower() in ("message/rfc822", "message/global"):
            media_type, encoding, content = _carry_message(media_type, content)
        else:
            encoding, content = "base64", _encode_file(content)
        given = dict(parameters or {})
        if name and not name.isascii():
            given["name"] = make_plain_name(name)
        fields = _format_disposition(disposition, name)
        if content_id:
            fields += format_structured("Content-ID", [format_content_id(content_id)])
        if description:
            fields += format_unstructured("Content-Description", description)
        return cls(media_type, given, encoding, content, fields)

    @classmethod
    def encoded(
        cls,
        source: Source,
        media_type: str,
        encoding: Encoding,
        *,
        parameters: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> Part:
        """What is encoded already. Raises ``ValueError`` if it is not what ``encoding`` says."""
        content = open_source(source)
        is_ascii, has_lines = examine_lines(content)
        if encoding == "binary" or not has_lines or (encoding != "8bit" and not is_ascii):
            raise ValueError(f"the octets are not {encoding} with CRLF and lines of at most 998 octets")
        others = b"".join(format_unstructured(name, value) for name, value in (fields or {}).items())
        return cls(media_type, dict(parameters or {}), encoding, content, others)

    @classmethod
    def multipart(
        cls, subtype: str, parts: Iterable[Part], *, parameters: Mapping[str, str] | None = None, boundary: str = ""
    ) -> Part:
        """Parts together: ``mixed``, ``alternative``, ``related``, ``signed`` with its protocol, and so on."""
        found = tuple(parts)
        if not found:
            raise ValueError("a multipart has at least one part (RFC 2046 §5.1)")
        return cls(f"multipart/{subtype}", dict(parameters or {}), parts=found, boundary=boundary)

    def with_fields(self, fields: Mapping[str, str]) -> Part:
        """The part with other fields of its header besides, such as Content-Location (RFC 2557) or Content-Language.

        Raises ``ValueError`` for what it has already, or writes itself: a field is there once.
        """
        own = {one.name.decode("ascii").lower() for one in iterate_fields(self.fields)} | _OWN_FIELDS
        taken = own.intersection(name.lower() for name in fields)
        if taken:
            raise ValueError(f"the part has this field already: {', '.join(sorted(taken))}")
        return replace(self, fields=self.fields + b"".join(starmap(format_unstructured, fields.items())))

    def format_fields(self, boundary: str = "") -> bytes:
        """This part's header, without the blank line after it."""
        parameters = tuple(self.parameters.items())
        if boundary:
            parameters += (("boundary", boundary),)
        return _format_content(self.media_type, parameters, self.encoding) + self.fields


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along.

    ``content`` is bytes, text, a path, a binary stream, a ``Content`` or a
    ``Part``. The name is the path's if none is given, the type is the one
    that the name suggests. With a ``content_id`` it stands in the HTML, which
    names it as ``cid:``; without one it stands below the message.
    """

    content: Source | str
    name: str = ""
    media_type: str = ""
    content_id: str = ""
    description: str = ""

    @property
    def is_inline(self) -> bool:
        return bool(self.content_id)

    def to_part(self) -> Part:
        """The part that it becomes. Raises ``ValueError`` and ``OSError``."""
        content, name = self.content, self.name
        if not name and isinstance(content, FileLike):
            name = content.name
        check_text(name, "an attachment's name")
        media_type = self.media_type or guess_media_type(name)
        parameters: dict[str, str] = {}
        if isinstance(content, str):
            content = content.encode("utf-8")
            media_type = media_type if self.media_type or media_type != UNKNOWN else "text/plain"
            if media_type.startswith("text/"):
                parameters["charset"] = "utf-8"
        return Part.file(
            content,
            media_type,
            name=name,
            disposition="inline" if self.is_inline else "attachment",
            content_id=self.content_id,
            description=self.description,
            parameters=parameters,
        )


def make_plain_name(name: str) -> str:
    """A file's name in ASCII that resembles it."""
    letters = (c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    plain = _NOT_PLAIN.sub("_", "".join(letters)).strip(" ")[-50:]
    return plain if plain.partition(".")[0].strip("_") else "file." + plain.rpartition(".")[2].strip("_ ")


def _format_disposition(disposition: str, name: str) -> bytes:
    return format_structured("Content-Disposition", format_parameters(disposition, {"filename": name} if name else {}))


def _encode_text(octets: bytes, encoding: Encoding) -> bytes:
    """Text in the encoding that was chosen or forced. Raises ``ValueError`` if it cannot carry it."""
    if encoding == "quoted-printable":
        return encode_quoted_printable(octets)
    if encoding == "base64":
        return encode_base64(octets)
    if encoding == "binary" or choose_encoding(octets, allows_8bit=encoding == "8bit") not in (encoding, "7bit"):
        raise ValueError(f"the text cannot be sent as {encoding}")
    return octets


def _encode_file(octets: Octets) -> Octets:
    if measure(octets) <= IN_MEMORY:
        return encode_base64(collect(octets))
    return Content(measure_base64(measure(octets)), lambda: iterate_base64(iterate_octets(octets)))


def _carry_message(media_type: str, octets: Octets) -> tuple[str, Encoding, Octets]:
    """A message inside a message is not encoded; one that could not travel alone goes as a mere file."""
    is_ascii, has_lines = examine_lines(octets)
    if not has_lines and measure(octets) <= IN_MEMORY:
        octets = normalize_lines(collect(octets))
        is_ascii, has_lines = examine_lines(octets)
    if not has_lines:
        return UNKNOWN, "base64", _encode_file(octets)
    return media_type, "7bit" if is_ascii else "8bit", octets
