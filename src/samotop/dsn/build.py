"""Build a delivery status notification: multipart/report with words, fields and the message (RFC 3464, RFC 6522).

Three parts: what happened, for people; what happened, for programs; and the
message that it is about, whole where the sender asked for that (RET=FULL) and
it is small enough, else its header alone, which is what is needed to recognise
it (RFC 3461 §6.2). The message is not copied: the result streams it.

With ``utf8``, for a sender that uses SMTPUTF8, the parts are message/global-*
and hold UTF-8; else all that we write is ASCII (RFC 6533 §3).

A notification goes out with the null reverse-path (RFC 3461 §6.1), and never
for a message that came with it: that is for the caller. Pure: moment, id and
boundary are passed in. Raises ``ValueError`` where there is nobody to tell of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from samotop.address import Address
from samotop.content import Content
from samotop.dsn.fields import format_field, format_original, format_recipient
from samotop.dsn.words import ORDER, SUBJECTS, format_words
from samotop.message.folding import format_structured, format_unstructured
from samotop.message.trace import format_date
from samotop.status import EnhancedStatus

RETURN_LIMIT: Final = 1024 * 1024
"""Octets of a message that goes back whole: a larger one fills the mailbox of somebody who has it already."""
HEADER_RETURN_LIMIT: Final = 64 * 1024
"""Octets of a header that goes back."""

_NAME: Final = "Mail Delivery System"


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one recipient.

    ``action`` is one of RFC 3464 §2.3.3. ``original`` is its ORCPT as
    ``type;address``. ``text`` is for people, ``server`` who said it, ``reply``
    the SMTP reply as it came; empty where nobody was asked. ``gives_up`` and
    ``tried_at`` are in seconds since 1970, 0 for unknown.
    """

    address: Address
    action: str
    status: EnhancedStatus
    text: str = ""
    server: str = ""
    reply: str = ""
    original: str | None = None
    gives_up: float = 0.0
    tried_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification. ``hostname`` reports, ``author`` writes, ``to`` is the message's reverse-path.

    ``arrived_at`` is when the message came, ``received_from`` what the client
    called itself; ``envelope_id`` is its ENVID. ``returns_all`` asks for the
    whole message.
    """

    hostname: str
    author: Address
    to: Address
    told: Sequence[Told]
    arrived_at: float
    envelope_id: str | None = None
    received_from: str = ""
    returns_all: bool = False
    utf8: bool = False
    fields: bytes = field(default=b"", repr=False)
    """Further header fields, whole with their CRLF."""


def format_notification(notification: Notification, original: Content, now: float, message_id: str) -> Content:
    """The notification about ``original``. ``message_id`` has no brackets; the boundary derives from it.

    Reads ``original``'s header at once and the rest when the result is read.
    """
    if not notification.told:
        raise ValueError("a notification tells of somebody")
    returns_all = notification.returns_all and original.size <= RETURN_LIMIT
    boundary = f"=_dsn_{''.join(c for c in message_id if c.isalnum())[:50]}"
    head = b"".join(
        (
            _format_header(notification, now, message_id, boundary),
            _format_text(notification, boundary, returns_all=returns_all),
            _format_status(notification, boundary),
            _format_return(notification, boundary, returns_all=returns_all),
        )
    )
    tail = f"\r\n--{boundary}--\r\n".encode()
    if not returns_all:
        returned = original.header[:HEADER_RETURN_LIMIT]
        return Content.from_chunks((head, returned, tail))

    def chunks() -> Iterator[bytes]:
        yield head
        yield from original.chunks()
        yield tail

    return Content(len(head) + original.size + len(tail), chunks)


def _format_header(notification: Notification, now: float, message_id: str, boundary: str) -> bytes:
    actions = {one.action for one in notification.told}
    subject = next(SUBJECTS[action] for action in ORDER if action in actions)
    utf8 = not notification.to.is_ascii
    return b"".join(
        (
            notification.fields,
            format_structured("From", [f"{_NAME}", f"<{notification.author}>"]),
            _format_to(notification.to),
            format_unstructured("Subject", subject, utf8=utf8),
            f"Date: {format_date(now)}\r\nMessage-ID: <{message_id}>\r\n".encode(),
            b"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n",
            f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"\r\n\r\n'.encode(),
        )
    )


def _format_to(to: Address) -> bytes:
    """Printable and one line long, whatever the reverse-path was: parts of it are a stranger's."""
    text = "".join(c if c.isprintable() else "?" for c in str(to))
    return b"To: <%b>\r\n" % text.encode("utf-8", "replace")


def _format_text(notification: Notification, boundary: str, *, returns_all: bool) -> bytes:
    words = format_words(notification.told, notification.hostname, notification.arrived_at, returns_all=returns_all)
    octets = words.replace("\n", "\r\n").encode("utf-8", "replace")
    coding = b"" if octets.isascii() else b"Content-Transfer-Encoding: 8bit\r\n"
    begin = f"--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n".encode()
    return begin + coding + b"\r\n" + octets + b"\r\n"


def _format_status(notification: Notification, boundary: str) -> bytes:
    utf8 = notification.utf8
    lines: list[str] = []
    if notification.envelope_id is not None:
        lines.append(format_field("Original-Envelope-Id", notification.envelope_id))
    lines.append(format_field("Reporting-MTA", f"dns; {notification.hostname}"))
    if notification.received_from:
        lines.append(format_field("Received-From-MTA", f"dns; {notification.received_from}"))
    lines.append(f"Arrival-Date: {format_date(notification.arrived_at)}")
    for one in notification.told:
        lines.append("")
        lines.extend(_format_told(one, utf8=utf8))
    text = "\r\n".join(lines) + "\r\n"
    kind = "message/global-delivery-status" if utf8 else "message/delivery-status"
    octets = text.encode("utf-8", "replace") if utf8 else text.encode("ascii", "replace")
    coding = "" if octets.isascii() else "Content-Transfer-Encoding: 8bit\r\n"
    return f"--{boundary}\r\nContent-Type: {kind}\r\n{coding}\r\n".encode() + octets + b"\r\n"


def _format_told(one: Told, *, utf8: bool) -> Iterator[str]:
    if one.original is not None:
        yield format_field("Original-Recipient", format_original(one.original, utf8=utf8))
    yield format_field("Final-Recipient", format_recipient(one.address, utf8=utf8))
    yield f"Action: {one.action}"
    yield f"Status: {one.status}"
    if one.server:
        yield format_field("Remote-MTA", f"dns; {one.server}")
    if one.reply:
        yield format_field("Diagnostic-Code", f"smtp; {one.reply}")
    elif one.text:
        yield format_field("Diagnostic-Code", f"x-samotop; {one.text}")
    if one.tried_at:
        yield f"Last-Attempt-Date: {format_date(one.tried_at)}"
    if one.action == "delayed" and one.gives_up:
        yield f"Will-Retry-Until: {format_date(one.gives_up)}"


def _format_return(notification: Notification, boundary: str, *, returns_all: bool) -> bytes:
    if notification.utf8:
        kind = "message/global" if returns_all else "message/global-headers"
    else:
        kind = "message/rfc822" if returns_all else "text/rfc822-headers"
    return f"--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode()
