"""A message as it leaves for another server: our Received on top, what is only ours taken out, signed.

* One Received of our own (RFC 5321 §4.4). Return-Path goes: it is for who
  delivers. X-Samotop-Verdict goes, and Authentication-Results that claim to be
  ours: they are for our own readers (RFC 8601 §5). Received and Delivered-To
  stay, because loops are found by them.
* What one of our users submitted gets the Date and Message-ID that it lacks
  (RFC 6409 §8), the same at every attempt: they derive from the entry.
  Copies for other recipients have got theirs before (``reception.expanding``).
* ``sign`` is asked for the signature of what a user of ours wrote, or we did.

The content is not copied and never whole in memory but for signing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from samotop.content import Content
from samotop.message.claims import claims_to_be
from samotop.message.completion import format_missing
from samotop.message.header import iterate_fields
from samotop.message.trace import NO_DISCLOSURE, DisclosureRules, format_received
from samotop.queue.entry import Entry

Sign = Callable[[Entry, Content], bytes]
"""The signature fields to put before a content; empty where there is no key. May read files; called in a thread."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """How messages leave. ``hostname`` names us in Received; ``sign`` is ``None`` where nothing is signed."""

    hostname: str
    disclosure: DisclosureRules = NO_DISCLOSURE
    sign: Sign | None = None

    def needs_signature(self, entry: Entry) -> bool:
        """Only what our own users wrote is ours to vouch for; what we wrote ourselves was signed when it was."""
        return self.sign is not None and bool(entry.trace.login)

    def prepare(self, entry: Entry, content: Content) -> Content:
        """What the next hop gets. Reads the header now, the rest when the result is read."""
        recipients = entry.envelope.recipients
        named = recipients[0].address if len(recipients) == 1 else None
        received = format_received(entry.trace, self.hostname, entry.id, named, self.disclosure)
        clean = replace_header(content, lambda header: strip_private(header, self.hostname))
        if entry.trace.login:
            clean = complete(entry, clean, self.hostname)
        if self.needs_signature(entry):
            assert self.sign is not None, "asked above"
            received += self.sign(entry, clean)
        return prepend(received, clean)


def strip_private(header: bytes, hostname: str) -> bytes:
    """A header section without what is only for ourselves; the rest is untouched."""
    lower = header.lower()
    if not any(name in lower for name in (b"return-path", b"authentication-results", b"x-samotop-verdict")):
        return header  # nearly always
    kept: list[bytes] = []
    position = 0
    for field in iterate_fields(header):
        name = field.name.lower()
        is_private = name in (b"return-path", b"x-samotop-verdict") or (
            name == b"authentication-results" and claims_to_be(field.value, hostname)
        )
        if is_private:
            kept.append(header[position : field.start])
            position = field.end
    kept.append(header[position:])
    return b"".join(kept)


def complete(entry: Entry, content: Content, hostname: str) -> Content:
    """Add the Date and Message-ID that a submitted message lacks (RFC 6409 §8.1, §8.2)."""
    added = format_missing(content.header, entry.id, entry.trace.received_at, hostname)
    return prepend(added, content) if added else content


def prepend(fields: bytes, content: Content) -> Content:
    """``content`` with header fields before it."""

    def chunks() -> Iterator[bytes]:
        yield fields
        yield from content.chunks()

    return Content(len(fields) + content.size, chunks, fields + content.header)


def replace_header(content: Content, change: Callable[[bytes], bytes]) -> Content:
    """``content`` with another header section; the same one where nothing changes."""
    old = content.header
    new = change(old)
    if new == old:
        return content

    def chunks() -> Iterator[bytes]:
        yield new
        left = len(old)
        for chunk in content.chunks():
            if left:
                chunk, left = chunk[left:], max(0, left - len(chunk))
            if chunk:
                yield chunk

    return Content(len(new) + content.size - len(old), chunks, new)
