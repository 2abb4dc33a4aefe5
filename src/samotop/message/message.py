"""A whole message: built from what a program says, or read from what a stranger sent (RFC 5322, RFC 2045, RFC 2046).

``Message.build`` writes one; everything about it that cannot be sent is a
``ValueError`` there and then. ``Message.parse`` reads one: lazily, tolerantly,
within bounds, and never failing, whatever the octets are. Both give the same
value, so that what was built can be read, and what was read can be sent on.

The octets stay as they are. A signature is put in front of them
(``signed``); nothing else changes a message once it is there.

What is read is for viewing: who wrote a message is decided by
``samotop.msgauth``, not by ``authors``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Final

from samotop.address import Address, NullPath
from samotop.content import Content
from samotop.envelope import Envelope
from samotop.message import present
from samotop.message.answers import copy_files, describe_forwarded, make_subject, plan_reply, quote_text
from samotop.message.building import (
    Fields,
    FieldWriter,
    Wrap,
    assemble_body,
    check_originators,
    has_8bit,
    plan_envelope,
)
from samotop.message.correspondents import Correspondent, Correspondents, read_correspondents, read_one
from samotop.message.dates import format_datetime
from samotop.message.folding import check_fields
from samotop.message.identifiers import format_id, format_ids
from samotop.message.layout import lay_out, make_content
from samotop.message.listfields import format_list_addresses, format_list_id, format_one_click
from samotop.message.part import Attachment, Part
from samotop.message.reading import Reading
from samotop.message.sources import FileLike
from samotop.message.structure import BOUNDS, MimeBounds

Enclosure = Attachment | Part | FileLike
Addresses = str | Iterable[str]

_NO_FIELDS: Final[Fields] = {}


class Message(Reading):
    """A message. ``content`` has its octets; what is to be said to a server is ``envelope``."""

    __slots__ = ("_envelope",)

    def __init__(self, content: Content, envelope: Envelope | None = None, *, bounds: MimeBounds = BOUNDS) -> None:
        super().__init__(content, bounds)
        self._envelope = envelope

    @classmethod
    def build(
        cls,
        *,
        author: Correspondents,
        to: Correspondents = (),
        cc: Correspondents = (),
        bcc: Correspondents = (),
        sender: Correspondent | None = None,
        reply_to: Correspondents = (),
        subject: str | None = None,
        text: str | None = None,
        html: str | None = None,
        inline: Iterable[Attachment | Part] = (),
        attachments: Iterable[Enclosure] = (),
        body: Part | None = None,
        date: datetime | None = None,
        message_id: str | None = None,
        in_reply_to: str | Iterable[str] = (),
        references: str | Iterable[str] = (),
        headers: Fields = _NO_FIELDS,
        list_id: str | None = None,
        list_unsubscribe: Addresses | None = None,
        list_unsubscribe_post: bool = False,
        list_subscribe: Addresses | None = None,
        list_post: Addresses | None = None,
        list_help: Addresses | None = None,
        list_archive: Addresses | None = None,
        list_owner: Addresses | None = None,
        reverse_path: Address | NullPath | str | None = None,
        allow_8bit: bool = False,
        smtputf8: bool = False,
        keeps_bcc: bool = False,
        wrap: Wrap | None = None,
    ) -> Message:
        """Write a message.

        ``author``, ``to``, ``cc``, ``bcc`` and ``reply_to`` are one or several of
        ``"Bob <bob@example.org>"``, ``Address`` or ``Mailbox``; several authors
        need a ``sender`` (RFC 5322 §3.6.2). ``bcc`` goes into the envelope and
        nowhere else, unless ``keeps_bcc`` says so: for the author's own copy, or
        for a program that takes its recipients from there. ``text``, ``html`` or
        both of them; ``inline`` parts are shown by the HTML; ``body`` is a tree
        of the caller's in place of all three.

        ``headers`` are other fields by name: text is encoded and folded, bytes
        are written as they are. ``allow_8bit`` leaves text beyond ASCII as it is
        where the lines allow it, ``smtputf8`` does so in the header as well; an
        address with a local part beyond ASCII needs SMTPUTF8 anyhow.

        ``date`` is the present in UTC and ``message_id`` is drawn at random, if
        they are not given; with both given the octets are always the same.
        ``reverse_path`` is where bounces go, if not to the sender. ``wrap`` takes
        the body's part and gives the one to send instead: an OpenPGP or S/MIME
        signature or encryption (RFC 1847), for which nothing is left in 8bit.

        Raises ``ValueError`` for what cannot be sent as one wishes: a line end in
        a field, an address that is none, an identifier with a space. Raises
        ``OSError`` where a file cannot be read.
        """
        authors = read_correspondents(author, "author")
        sends = check_originators(authors, read_one(sender, "sender") if sender is not None else None)
        lists = [read_correspondents(given, what) for given, what in ((to, "to"), (cc, "cc"), (bcc, "bcc"))]
        if message_id is None:
            message_id = f"{present.draw_token()}@{(sends or authors[0]).address.domain}"
        identifier = format_id(message_id)
        part = assemble_body(text, html, body, inline, attachments, allows_8bit=allow_8bit and wrap is None)
        part = wrap(part) if wrap is not None else part

        writer = FieldWriter(utf8=smtputf8)
        writer.write_pieces("Date", [format_datetime(date if date is not None else present.now())])
        writer.write_mailboxes("From", authors)
        writer.write_mailboxes("Sender", (sends,) if sends else ())
        writer.write_mailboxes("Reply-To", read_correspondents(reply_to, "reply_to"))
        writer.write_mailboxes("To", lists[0])
        writer.write_mailboxes("Cc", lists[1])
        writer.write_mailboxes("Bcc", lists[2] if keeps_bcc else ())
        writer.write_text("Subject", subject)
        writer.write_pieces("Message-ID", [identifier])
        writer.write_pieces("In-Reply-To", format_ids(in_reply_to))
        writer.write_pieces("References", format_ids(references))
        if list_id is not None:
            writer.octets += format_list_id(list_id)
        for name, given in (
            ("List-Help", list_help),
            ("List-Unsubscribe", list_unsubscribe),
            ("List-Subscribe", list_subscribe),
            ("List-Post", list_post),
            ("List-Owner", list_owner),
            ("List-Archive", list_archive),
        ):
            if given is not None:
                writer.octets += format_list_addresses(name, given)
        if list_unsubscribe_post:
            writer.octets += format_one_click(list_unsubscribe)
        writer.write_given(headers)

        fields, pieces = lay_out(part, identifier)
        header = b"%bMIME-Version: 1.0\r\n%b\r\n" % (bytes(writer.octets), fields)
        path = (sends or authors[0]).address if reverse_path is None else reverse_path
        if isinstance(path, (str, Address)):
            path = read_one(path, "reverse_path").address
        envelope = plan_envelope(path, lists, is_8bit=has_8bit(part), needs_utf8=not header.isascii())
        return cls(make_content(header, pieces), envelope)

    @classmethod
    def parse(cls, octets: bytes | Content, *, bounds: MimeBounds = BOUNDS) -> Message:
        """Read a message, from memory or from wherever its content is. Nothing is looked at before it is asked for."""
        return cls(octets if isinstance(octets, Content) else Content.from_bytes(octets), bounds=bounds)

    # ------------------------------------------------------------------ to be sent

    @property
    def envelope(self) -> Envelope:
        """Who sends it to whom. Raises ``ValueError`` for a message without one, or without a recipient."""
        if self._envelope is None:
            raise ValueError("a message that was read has no envelope: say to whom it goes by with_envelope")
        if not self._envelope.recipients:
            raise ValueError("the message has no recipient: to, cc or bcc")
        return replace(self._envelope, parameters=replace(self._envelope.parameters, size=self.content.size))

    def with_envelope(self, envelope: Envelope) -> Message:
        """The same octets to other recipients, or with other wishes."""
        return Message(self.content, envelope, bounds=self._bounds)

    @property
    def needs_smtputf8(self) -> bool:
        """Can this go only to servers that take SMTPUTF8 (RFC 6531)?"""
        return (self._envelope is not None and self._envelope.parameters.is_utf8) or not self.content.header.isascii()

    def to_bytes(self) -> bytes:
        """All octets at once."""
        return self.content.to_bytes()

    def with_fields_prepended(self, fields: bytes) -> Message:
        """The message with whole header fields in front, CRLF after each. Raises ``ValueError`` if they are none."""
        check_fields(fields)
        before = self.content
        content = Content(len(fields) + before.size, lambda: chain((fields,), before.chunks()), fields + before.header)
        return Message(content, self._envelope, bounds=self._bounds)

    def signed(self, sign: Callable[[Content], bytes]) -> Message:
        """The message with what ``sign`` gives for its content in front: a DKIM-Signature field with its CRLF."""
        return self.with_fields_prepended(sign(self.content))

    # ------------------------------------------------------------------ to be answered

    def reply(
        self,
        *,
        author: Correspondent,
        text: str | None = None,
        html: str | None = None,
        to_all: bool = False,
        to_list: bool = False,
        own: Correspondents = (),
        quotes: bool = True,
        attachments: Iterable[Enclosure] = (),
        headers: Fields = _NO_FIELDS,
        date: datetime | None = None,
        message_id: str | None = None,
    ) -> Message:
        """An answer: to Reply-To or else From, in the same thread, with the text quoted below (RFC 5322 §3.6.4).

        ``to_all`` adds To and Cc, or goes where Mail-Followup-To says; ``to_list``
        goes to the list alone. The author and ``own``, the user's other
        addresses, get no copy. Raises ``ValueError`` where nobody can be answered.
        """
        writer = read_one(author, "author")
        ours = [writer.address, *(one.address for one in read_correspondents(own, "own"))]
        answer = plan_reply(self, ours, to_all=to_all, to_list=to_list)
        quoted = quote_text(self) if quotes and text is not None else ""
        return Message.build(
            author=writer,
            to=answer.to,
            cc=answer.cc,
            subject=answer.subject,
            text=f"{text}\n\n{quoted}" if quoted else text,
            html=html,
            attachments=attachments,
            in_reply_to=answer.in_reply_to,
            references=answer.references,
            headers=headers,
            date=date,
            message_id=message_id,
        )

    def forward(
        self,
        *,
        author: Correspondent,
        to: Correspondents,
        text: str = "",
        as_attachment: bool = True,
        headers: Fields = _NO_FIELDS,
        date: datetime | None = None,
        message_id: str | None = None,
    ) -> Message:
        """This message passed on: whole, as it came, or its text and its files as part of the new one."""
        if as_attachment:
            files = [Part.file(self.content, "message/rfc822", name="forwarded.eml")]
        else:
            files = copy_files(self)
            text = f"{text}\n\n{describe_forwarded(self)}" if text else describe_forwarded(self)
        return Message.build(
            author=author,
            to=to,
            subject=make_subject("Fwd", self.subject or ""),
            text=text,
            attachments=files,
            headers=headers,
            date=date,
            message_id=message_id,
        )

    def __repr__(self) -> str:
        return f"<Message of {self.content.size} octets>"
