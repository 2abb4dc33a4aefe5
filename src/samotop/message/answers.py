"""What a reply and a forwarded message say, and to whom (RFC 5322 §3.6.2 to §3.6.5, RFC 3676 §4.5).

Pure plans for ``Message.reply`` and ``Message.forward``. Whatever a stranger's
message says, what comes out can be built: addresses and identifiers that are
none are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from samotop.address import Address
from samotop.message.addresslist import read_mailboxes
from samotop.message.correspondents import read_correspondents
from samotop.message.dates import format_datetime
from samotop.message.entity import Entity
from samotop.message.identifiers import format_id
from samotop.message.mailboxes import Mailbox
from samotop.message.part import Part

if TYPE_CHECKING:
    from samotop.message.message import Message

REFERENCES_LIMIT: Final = 50
"""Identifiers that are passed on: the first, and the last of the thread."""
SUBJECT_LIMIT: Final = 2000
"""Characters of a subject that are passed on."""

_REPLY: Final = re.compile(
    r"(?:\s*+(?:re|aw|antw|sv|vs|odp|rif)(?:\[\d{1,3}\])?+[ \t]*+[:\uff1a])++\s*+", re.IGNORECASE
)
_FORWARD: Final = re.compile(r"(?:\s*+(?:fwd?|wg|tr|doorst|vb)[ \t]*+[:\uff1a])++\s*+", re.IGNORECASE)
_MAILTO: Final = re.compile(r"<mailto:([^>?\s]{1,500})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """Whom an answer goes to, and what it says of the message that it answers."""

    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    subject: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]


def plan_reply(message: Message, own: Iterable[Address], *, to_all: bool, to_list: bool) -> Answer:
    """Raises ``ValueError`` where the message names nobody who could be answered."""
    is_own = {_key(address) for address in own}
    to, cc = _find_list(message) if to_list else _find_people(message, is_own, to_all=to_all)
    to = _keep_usable(to, set())
    cc = _keep_usable(cc, is_own | {_key(one.address) for one in to})
    if not to:
        raise ValueError("the message names nobody to answer" if not to_list else "the message names no list to answer")
    identifier = _keep_ids([message.message_id] if message.message_id else [])
    return Answer(
        to, cc, make_subject("Re", message.subject or "", _REPLY), identifier, _find_references(message, identifier)
    )


def make_subject(word: str, subject: str, pattern: re.Pattern[str] = _FORWARD) -> str:
    """``subject`` with ``Re:`` or ``Fwd:`` in front of it once, whatever stood there in whichever language."""
    subject = subject[:SUBJECT_LIMIT]
    found = pattern.match(subject)
    return f"{word}: {(subject[found.end() :] if found else subject).strip()}".strip()


def _find_people(
    message: Message, is_own: set[tuple[str, str]], *, to_all: bool
) -> tuple[Iterable[Mailbox], Iterable[Mailbox]]:
    if to_all:
        followup = read_mailboxes(message.header.get_joined("mail-followup-to"))
        if followup:
            return followup, ()
    writers = message.reply_to or message.authors
    is_from_us = bool(message.authors) and all(_key(one.address) in is_own for one in message.authors)
    if is_from_us:  # an answer to what we wrote goes on to those whom we wrote to
        return message.to, message.cc if to_all else ()
    return writers, (*message.to, *message.cc) if to_all else ()


def _find_list(message: Message) -> tuple[Iterable[Mailbox], Iterable[Mailbox]]:
    found = _MAILTO.search(message.header.get_unfolded("list-post"))
    return read_mailboxes(unquote(found[1])) if found else (), ()


def _find_references(message: Message, identifier: tuple[str, ...]) -> tuple[str, ...]:
    """The thread up to here (RFC 5322 §3.6.4)."""
    before = message.references
    if not before and len(message.in_reply_to) == 1:
        before = message.in_reply_to
    found = [one for one in _keep_ids(before) if one not in identifier]
    if len(found) >= REFERENCES_LIMIT:
        found = found[:1] + found[2 - REFERENCES_LIMIT :]
    return (*found, *identifier)


def _keep_ids(ids: Iterable[str]) -> tuple[str, ...]:
    kept: list[str] = []
    for one in ids:
        try:
            kept.append(format_id(one))
        except ValueError:
            continue
    return tuple(kept)


def _keep_usable(mailboxes: Iterable[Mailbox], seen: set[tuple[str, str]]) -> tuple[Mailbox, ...]:
    """Those whose address is one, each once, and none that is among ``seen``; groups are for the first message."""
    kept: list[Mailbox] = []
    for one in mailboxes:
        key = _key(one.address)
        try:
            usable = read_correspondents(Mailbox(one.display_name, one.address), "to")
        except ValueError:
            continue
        if key not in seen:
            seen.add(key)
            kept.extend(usable)
    return tuple(kept)


def _key(address: Address) -> tuple[str, str]:
    return address.local.lower(), address.domain.lower()


def quote_text(message: Message) -> str:
    """The message's text with ``>`` before each line, and a line above that says who wrote it when."""
    text = message.text
    if text is None:
        return ""
    who = ", ".join(one.display_name or str(one.address) for one in message.authors[:3]) or "somebody"
    at = message.date
    when = f"On {format_datetime(at)}, " if at is not None and at.year >= 1900 else ""
    lines = [">" + line if line.startswith(">") else "> " + line for line in text.rstrip("\n").split("\n")]
    return f"{when}{who} wrote:\n" + "\n".join(line.rstrip(" ") for line in lines) + "\n"


def copy_file(entity: Entity) -> Part:
    """A file of the message, to go along with another one."""
    name = entity.name or "attachment"
    try:
        return Part.file(entity.decoded(), entity.media_type, name=name)
    except ValueError:  # a type that cannot be written
        return Part.file(entity.decoded(), name=name)


def copy_files(message: Message) -> list[Part]:
    """All files of the message; its HTML among them where it has no other text."""
    files = [copy_file(one) for one in message.attachments]
    if message.text is None and (html := message.html) is not None:
        files.insert(0, Part.file(html.encode(), "text/html", name="message.html", parameters={"charset": "utf-8"}))
    return files


def describe_forwarded(message: Message) -> str:
    """The message's text below the fields that say what it was."""
    lines = ["---------- Forwarded message ----------"]
    for name in ("From", "Date", "Subject", "To", "Cc"):
        if value := message.header.get(name):
            lines.append(f"{name}: {value}")
    return "\n".join(lines) + "\n\n" + (message.text or "")
