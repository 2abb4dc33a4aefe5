"""Which parts of a message are its text, and which go along with it.

A convention of mail programs more than a standard: RFC 2046 §5.1 says what the
kinds of multipart mean, RFC 2183 what the disposition does. Raises nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from samotop.message.entity import Entity


@dataclass(frozen=True, slots=True)
class Bodies:
    """What a reader shows as the message: as plain text, as HTML, or both of them."""

    text: Entity | None = None
    html: Entity | None = None


def find_bodies(entity: Entity) -> Bodies:
    """The parts that are the message itself: of alternatives both, of others the first that is text."""
    if not entity.is_multipart:
        if entity.disposition == "attachment":
            return Bodies()
        if entity.media_type == "text/html":
            return Bodies(html=entity)
        return Bodies(text=entity) if entity.media_type == "text/plain" else Bodies()
    text: Entity | None = None
    html: Entity | None = None
    for part in entity.parts:
        inner = find_bodies(part)
        text, html = text or inner.text, html or inner.html
        if (text or html) and entity.media_type != "multipart/alternative":
            break
    return Bodies(text, html)


def is_attachment(entity: Entity) -> bool:
    """Is this a file that goes along, rather than something that is shown?"""
    if entity.is_multipart:
        return False
    disposition = entity.disposition
    if disposition == "attachment":
        return True
    if entity.content_id and not entity.media_type.startswith("message/"):  # something that the HTML shows
        return False
    return bool(entity.name) or not entity.is_text


def find_attachments(root: Entity) -> tuple[Entity, ...]:
    """All files that go along, in order."""
    bodies = find_bodies(root)
    shown = {part.body_place for part in (bodies.text, bodies.html) if part is not None}
    return tuple(part for part in root.walk() if is_attachment(part) and part.body_place not in shown)
