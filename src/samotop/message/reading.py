"""A message as it is read: its fields, its text, its files (RFC 5322 §3.6, RFC 2045).

``Reading`` is what ``Message`` knows of its octets. Everything is found when it
is asked for: the header without the body, the body once, within the bounds.
It is for viewing; who wrote a message is decided by ``samotop.msgauth``.

Raises nothing but what the storage under the content does (``OSError``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from samotop.content import Content
from samotop.message.addresslist import read_mailboxes
from samotop.message.bodies import find_attachments, find_bodies
from samotop.message.entity import Entity
from samotop.message.fields import Header
from samotop.message.identifiers import read_id, read_ids
from samotop.message.mailboxes import Mailbox
from samotop.message.received import parse_date
from samotop.message.structure import BOUNDS, MimeBounds, parse_structure


class Reading:
    """A view of ``content``, which is read as far as ``bounds`` allow."""

    __slots__ = ("_bounds", "_entity", "_header", "_is_cut", "content")

    def __init__(self, content: Content, bounds: MimeBounds = BOUNDS) -> None:
        self.content = content
        self._bounds = bounds
        self._header: Header | None = None
        self._entity: Entity | None = None
        self._is_cut = False

    @property
    def header(self) -> Header:
        """The header's fields. The body is not read for them."""
        if self._header is None:
            self._header = Header(self.content.header, self._bounds.fields)
        return self._header

    def get(self, name: str) -> str | None:
        """The first field of this name, decoded, in one line and without control characters."""
        return self.header.get(name)

    def get_all(self, name: str) -> list[str]:
        """All fields of this name, decoded, in order."""
        return self.header.get_all(name)

    @property
    def subject(self) -> str | None:
        return self.header.get("subject")

    @property
    def authors(self) -> tuple[Mailbox, ...]:
        """Who wrote it, as From says; names are decoded. No proof of anything."""
        return read_mailboxes(self.header.get_unfolded("from"))

    @property
    def sender(self) -> Mailbox | None:
        found = read_mailboxes(self.header.get_unfolded("sender"))
        return found[0] if found else None

    @property
    def reply_to(self) -> tuple[Mailbox, ...]:
        return read_mailboxes(self.header.get_unfolded("reply-to"))

    @property
    def to(self) -> tuple[Mailbox, ...]:
        return read_mailboxes(self.header.get_joined("to"))

    @property
    def cc(self) -> tuple[Mailbox, ...]:
        return read_mailboxes(self.header.get_joined("cc"))

    @property
    def bcc(self) -> tuple[Mailbox, ...]:
        """Those of an author's own copy; a message on its way has none."""
        return read_mailboxes(self.header.get_joined("bcc"))

    @property
    def date(self) -> datetime | None:
        """When it was written, with its zone; ``None`` where no date can be read (RFC 5322 §3.3, §4.3)."""
        return parse_date(self.header.get_unfolded("date"))

    @property
    def message_id(self) -> str | None:
        """With its angle brackets."""
        return read_id(self.header.get_unfolded("message-id"))

    @property
    def in_reply_to(self) -> tuple[str, ...]:
        return read_ids(self.header.get_unfolded("in-reply-to"))

    @property
    def references(self) -> tuple[str, ...]:
        return read_ids(self.header.get_unfolded("references"))

    @property
    def entity(self) -> Entity:
        """The message as the part that holds all others. Reads the body, as far as the bounds allow."""
        if self._entity is None:
            octets = self._collect()
            root, is_whole = parse_structure(octets, self._bounds)
            self._is_cut = not is_whole or len(octets) < self.content.size
            self._entity = Entity(octets, root, self._bounds)
        return self._entity

    @property
    def is_cut(self) -> bool:
        """Was something left out because the message is larger, or has more parts, than the bounds allow?"""
        _ = self.entity
        return self._is_cut

    def walk(self) -> Iterator[Entity]:
        """All parts in order, the message itself first; messages inside are not opened."""
        return self.entity.walk()

    @property
    def text(self) -> str | None:
        """The message as plain text, with ``\\n`` at the ends of lines; ``None`` if it has none."""
        found = find_bodies(self.entity).text
        return found.decoded_text() if found is not None else None

    @property
    def html(self) -> str | None:
        """The message as HTML, as hostile as its author; ``None`` if it has none."""
        found = find_bodies(self.entity).html
        return found.decoded_text() if found is not None else None

    @property
    def attachments(self) -> tuple[Entity, ...]:
        """The files that go along, in order; those that only the HTML shows are not among them."""
        return find_attachments(self.entity)

    def _collect(self) -> bytes:
        limit, size = self._bounds.octets, 0
        pieces: list[bytes] = []
        for chunk in self.content.chunks():
            pieces.append(chunk[: limit - size])
            size += len(pieces[-1])
            if size >= limit:
                break
        return b"".join(pieces)
