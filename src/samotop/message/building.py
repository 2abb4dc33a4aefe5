"""What a message is put together from: its body's parts, its fields, its envelope (RFC 5322 §3.6, RFC 2046 §5.1).

Pieces of ``Message.build``, which says what its arguments mean. A field that
one of the arguments writes cannot be given by name as well: two From fields
are no author. Bcc is not written unless somebody asks for it by name (RFC 5322
§3.6.3 allows it, and it was leaked too often).

Raises ``ValueError`` for what cannot be written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from samotop.address import ReversePath
from samotop.envelope import Body, Envelope, MailParameters, Recipient
from samotop.message.correspondents import collect_addresses, format_mailboxes, read_correspondents
from samotop.message.folding import check_fields, check_name, format_structured, format_unstructured
from samotop.message.mailboxes import Mailbox
from samotop.message.part import Attachment, Part
from samotop.message.sources import FileLike

FieldValue = str | bytes | Mailbox
"""Text, which is encoded and folded; octets, which are written as they are; or an address."""
Fields = Mapping[str, FieldValue | Sequence[FieldValue]]

_NAMES: Final = """
    from sender reply-to to cc bcc subject date message-id in-reply-to references return-path
    mime-version content-type content-transfer-encoding
    list-id list-unsubscribe list-unsubscribe-post list-subscribe list-post list-help list-archive list-owner
"""
_TAKEN: Final = frozenset(_NAMES.split())
"""Fields that have arguments of their own, or that are not for an author to write."""


def assemble_body(
    text: str | None,
    html: str | None,
    body: Part | None,
    inline: Iterable[Attachment | Part],
    attachments: Iterable[Attachment | Part | FileLike],
    *,
    allows_8bit: bool,
) -> Part:
    """The tree of parts: the text, its HTML with what that shows, and what goes along, each only if it is there."""
    shown = [_to_part(one) for one in inline]
    if body is not None:
        if text is not None or html is not None or shown:
            raise ValueError("body stands for text, html and inline: give one or the other")
        root = body
    else:
        root = _assemble_text(text, html, shown, allows_8bit)
    files = [_to_part(one) for one in attachments]
    if not files:
        return root
    is_empty = body is None and text is None and html is None and not shown
    return Part.multipart("mixed", files if is_empty else [root, *files])


def _assemble_text(text: str | None, html: str | None, shown: list[Part], allows_8bit: bool) -> Part:
    if html is None:
        if shown:
            raise ValueError("inline parts are shown by html, and there is none")
        return Part.text(text or "", allows_8bit=allows_8bit)
    rich = Part.text(html, "html", allows_8bit=allows_8bit)
    if shown:
        rich = Part.multipart("related", [rich, *shown], parameters={"type": "text/html"})
    if text is None:
        return rich
    return Part.multipart("alternative", [Part.text(text, allows_8bit=allows_8bit), rich])


def _to_part(one: Attachment | Part | FileLike) -> Part:
    if isinstance(one, Part):
        return one
    if isinstance(one, Attachment):
        return one.to_part()
    if isinstance(one, FileLike):
        return Attachment(one).to_part()
    raise ValueError(f"an attachment is an Attachment, a Part or a path, not {type(one).__name__}")


def has_8bit(part: Part) -> bool:
    """Is there a part whose octets are beyond ASCII as they travel?"""
    return part.encoding == "8bit" or any(map(has_8bit, part.parts))


class FieldWriter:
    """Writes fields one after the other; what is empty is left out."""

    __slots__ = ("_utf8", "octets")

    def __init__(self, *, utf8: bool) -> None:
        self._utf8 = utf8
        self.octets = bytearray()

    def write_text(self, name: str, text: str | None) -> None:
        if text is not None:
            self.octets += format_unstructured(name, text, utf8=self._utf8)

    def write_mailboxes(self, name: str, mailboxes: Sequence[Mailbox]) -> None:
        if mailboxes:
            self.octets += format_structured(name, format_mailboxes(mailboxes, utf8=self._utf8))

    def write_pieces(self, name: str, pieces: Sequence[str]) -> None:
        if pieces:
            self.octets += format_structured(name, pieces)

    def write_given(self, fields: Fields) -> None:
        """Fields that the caller names. Raises ``ValueError`` for a name that an argument writes."""
        for name, value in fields.items():
            check_name(name)
            if name.lower() in _TAKEN:
                raise ValueError(
                    f"{name} is not given among headers: it has an argument of its own, or is not for authors"
                )
            for one in [value] if isinstance(value, (str, bytes, Mailbox)) else value:
                self._write_given(name, one)

    def _write_given(self, name: str, value: FieldValue) -> None:
        if isinstance(value, str):
            self.write_text(name, value)
        elif isinstance(value, Mailbox):
            self.write_mailboxes(name, read_correspondents(value, name))
        else:
            field = b"%b: %b\r\n" % (name.encode("ascii"), value)
            if b"\n" in value or b"\r" in value or not (value.isascii() or self._utf8):
                raise ValueError(f"{name}: octets that are written as they are have no line ends and are ASCII")
            check_fields(field)
            self.octets += field


def check_originators(authors: Sequence[Mailbox], sender: Mailbox | None) -> Mailbox | None:
    """The Sender field, if there is to be one (RFC 5322 §3.6.2).

    Several authors need one: which of them sends it is for the caller to say.
    The only author is not told again as the sender.
    """
    if not authors:
        raise ValueError("author: a message has at least one")
    if sender is None and len(authors) > 1:
        raise ValueError("sender: several authors need one, who sends it for them (RFC 5322 §3.6.2)")
    if sender is not None and len(authors) == 1 and sender.address == authors[0].address:
        return None
    return sender


def plan_envelope(
    reverse_path: ReversePath,
    lists: Sequence[Sequence[Mailbox]],
    *,
    is_8bit: bool,
    needs_utf8: bool,
) -> Envelope:
    """Who gets it: each address of To, Cc and Bcc once."""
    recipients = tuple(Recipient(address) for address in collect_addresses(*lists))
    is_utf8 = needs_utf8 or not reverse_path.is_ascii or not all(one.address.is_ascii for one in recipients)
    body = Body.EIGHT_BIT if is_8bit or is_utf8 else Body.SEVEN_BIT
    return Envelope(reverse_path, recipients, MailParameters(body=body, is_utf8=is_utf8))


Wrap = Callable[[Part], Part]
"""What signs or encrypts a body: takes the part to protect, gives the one that is sent in its place."""
