"""A part of a message that is read: its header, its type, its decoded content (RFC 2045, RFC 2183).

``Entity`` is a view of octets that somebody else keeps. Everything is decoded
when it is asked for and not kept. What a stranger named, a type, a character
set, an encoding, a file name, is taken for what it most likely means; a file
name is one that may be used: no folders, no control characters.

Raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from samotop.message.charsets import decode_text
from samotop.message.fields import Header
from samotop.message.identifiers import read_id
from samotop.message.parameters import parse_parameters
from samotop.message.structure import MimeBounds, Node
from samotop.message.transfer import decode_body

if TYPE_CHECKING:
    from samotop.message.message import Message

NAME_LIMIT: Final = 150
"""Characters of a file's name: with three octets each it fits where names go up to 255."""

_FOLDERS: Final = re.compile(r"[^/\\]*\Z")
_IDENTITY: Final = ("7bit", "8bit", "binary", "quoted-printable", "base64")


class Entity:
    """A part. ``header`` has its fields, ``parts`` those inside of it where it is a multipart."""

    __slots__ = ("_bounds", "_node", "_octets")

    def __init__(self, octets: bytes, node: Node, bounds: MimeBounds) -> None:
        self._octets = octets
        self._node = node
        self._bounds = bounds

    @property
    def header(self) -> Header:
        return self._node.header

    @property
    def media_type(self) -> str:
        """``text/plain`` and so on, in lower case; what could not be read is ``text/plain`` (RFC 2045 §5.2)."""
        return self._node.media_type

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of Content-Type, decoded, by their names in lower case."""
        return self._node.parameters

    @property
    def is_multipart(self) -> bool:
        return self._node.media_type.startswith("multipart/")

    @property
    def is_text(self) -> bool:
        return self._node.media_type.startswith("text/")

    @property
    def parts(self) -> tuple[Entity, ...]:
        """The parts of a multipart, in order; none of anything else, and none of one that is nested too deep."""
        return tuple(Entity(self._octets, node, self._bounds) for node in self._node.parts)

    def walk(self) -> Iterator[Entity]:
        """This part and all inside of it, in order; messages inside are not opened."""
        waiting = [self._node]
        while waiting:
            node = waiting.pop()
            yield Entity(self._octets, node, self._bounds)
            waiting.extend(reversed(node.parts))

    @property
    def transfer_encoding(self) -> str:
        """``7bit``, ``8bit``, ``binary``, ``quoted-printable`` or ``base64``; what is none of these is ``7bit``."""
        name = self.header.get_unfolded("content-transfer-encoding").partition(";")[0].partition("(")[0].strip().lower()
        return name if name in _IDENTITY else "7bit"

    @property
    def disposition(self) -> str:
        """``inline``, ``attachment`` or what it says; empty where it says nothing (RFC 2183)."""
        return parse_parameters(self.header.get_unfolded("content-disposition"))[0]

    @property
    def name(self) -> str:
        """The file's name, fit to be used as one; empty without one."""
        given = parse_parameters(self.header.get_unfolded("content-disposition"))[1].get("filename", "")
        given = given or self.parameters.get("name", "")
        last = _FOLDERS.search(given[-4096:])
        assert last is not None, "the pattern matches nothing as well"
        name = last[0].strip(" \t").rstrip(" .")
        if len(name) > NAME_LIMIT:
            stem, dot, suffix = name.rpartition(".")
            keeps = dot and len(suffix) <= 10
            name = f"{stem[: NAME_LIMIT - len(suffix) - 1]}.{suffix}" if keeps else name[:NAME_LIMIT]
        return name

    @property
    def content_id(self) -> str:
        """What HTML names as ``cid:``, without its brackets; empty without one (RFC 2392)."""
        given = self.header.get_unfolded("content-id")
        return (read_id(given) or given).strip("<> \t")

    @property
    def body(self) -> bytes:
        """What follows the header, as it lies there: encoded, and with the parts where it is a multipart."""
        return self._octets[self._node.body_start : self._node.body_end]

    @property
    def body_place(self) -> tuple[int, int]:
        """Where the body begins and ends in the message."""
        return self._node.body_start, self._node.body_end

    @property
    def preamble(self) -> bytes:
        """What stands before the first part of a multipart."""
        node = self._node
        return self._octets[node.body_start : node.body_end if node.preamble_end is None else node.preamble_end]

    @property
    def epilogue(self) -> bytes:
        """What stands behind the last part of a multipart."""
        node = self._node
        return b"" if node.epilogue is None else self._octets[node.epilogue : node.body_end]

    def decoded(self) -> bytes:
        """The body with its transfer encoding undone; that of a multipart as it is (RFC 2045 §6.4)."""
        return self.body if self.is_multipart else decode_body(self.body, self.transfer_encoding)

    def decoded_text(self) -> str:
        """The decoded body as text in its character set, each line with ``\\n``."""
        text = decode_text(self.decoded(), self.parameters.get("charset", ""))
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

    @property
    def message(self) -> Message | None:
        """The message that this part is, where it is one (``message/rfc822``) and not too deep, else ``None``."""
        if self._node.media_type not in ("message/rfc822", "message/global") or self._bounds.depth <= 1:
            return None
        from samotop.message.message import Message  # a message is read by a part, and a part by a message

        return Message.parse(self.decoded(), bounds=self._bounds.inner())

    def __repr__(self) -> str:
        return f"<Entity {self.media_type}, {self._node.body_end - self._node.body_start} octets>"
