"""Understand a notification that came: which recipients it tells of, what became of them, why (RFC 3464, RFC 6533).

Written by strangers, so it is read tolerantly and proves nothing: anybody can
send one. ``None`` is what everything else is: an autoreply, a bounce in free
form, a report about something else. Bounded by ``GROUPS_LIMIT`` recipients and
``STATUS_LIMIT`` octets; linear. Raises nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from samotop.content import Content
from samotop.dsn.fields import parse_typed
from samotop.message.entity import Entity
from samotop.message.fields import Header
from samotop.message.message import Message
from samotop.status import EnhancedStatus

GROUPS_LIMIT: Final = 1000
"""Recipients that are read; a message has at most a hundred from most servers."""
STATUS_LIMIT: Final = 1024 * 1024
"""Octets of the machine-readable part that are read."""

_STATUS_PARTS: Final = ("message/delivery-status", "message/global-delivery-status")
_RETURNED: Final = ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers")
_ACTIONS: Final = frozenset(("failed", "delayed", "delivered", "relayed", "expanded"))
_STATUS: Final = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})")
_BLANK: Final = re.compile(rb"\r?\n(?:[ \t]*\r?\n)+")


@dataclass(frozen=True, slots=True)
class Reported:
    """What is reported of one recipient. Texts are the other server's; empty where it said nothing.

    ``final`` and ``original`` are addresses without their type; ``status`` is
    ``None`` where none could be read, ``diagnostic`` without its type.
    """

    final: str
    action: str
    status: EnhancedStatus | None
    original: str = ""
    server: str = ""
    diagnostic: str = ""

    @property
    def has_failed(self) -> bool:
        """Is this the end? By the action: a status says permanence, but not every server sends a right one."""
        return self.action == "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """A notification. ``returned`` is the header of the message that it is about, empty where it is not there."""

    reporter: str
    recipients: tuple[Reported, ...]
    envelope_id: str = ""
    returned: bytes = b""


def parse_notification(content: Content | bytes) -> Report | None:
    """Read a message; ``None`` where it is no notification, or one without a recipient."""
    root = Message.parse(content).entity
    found = _find_status(root)
    if found is None:
        return None
    groups = _BLANK.split(found.decoded()[:STATUS_LIMIT].strip(b"\r\n"), GROUPS_LIMIT + 1)
    about = Header(groups[0] + b"\r\n")
    recipients = [one for group in groups[1 : GROUPS_LIMIT + 1] if (one := _read_group(group)) is not None]
    if not recipients:
        return None
    returned = next((part for part in root.parts if part.media_type in _RETURNED), None)
    return Report(
        parse_typed(about.get_unfolded("reporting-mta"))[1],
        tuple(recipients),
        about.get_unfolded("original-envelope-id"),
        b"" if returned is None else Content.from_bytes(returned.decoded()).header,
    )


def _find_status(root: Entity) -> Entity | None:
    """The machine-readable part, where the parts are those of a notification.

    RFC 6522 names what is around it multipart/report. OpenSMTPD names it multipart/mixed, and then all of it has to be
    there, in its order: text, status, what is returned. With fewer parts it may as well be what a person attached.
    """
    kinds = [part.media_type for part in root.parts]
    if root.media_type == "multipart/report":
        is_notification = root.parameters.get("report-type", "").lower() == "delivery-status"
    else:
        is_whole = len(kinds) == 3 and kinds[0] == "text/plain" and kinds[2] in _RETURNED
        is_notification = root.media_type == "multipart/mixed" and is_whole and kinds[1] in _STATUS_PARTS
    if not is_notification:
        return None
    return next((part for part in root.parts if part.media_type in _STATUS_PARTS), None)


def _read_group(group: bytes) -> Reported | None:
    header = Header(group + b"\r\n")
    final = parse_typed(header.get_unfolded("final-recipient"))[1]
    action = header.get_unfolded("action").partition("(")[0].strip().lower()
    if not final or action not in _ACTIONS:
        return None
    status = _STATUS.search(header.get_unfolded("status"))
    return Reported(
        final,
        action,
        EnhancedStatus(int(status[1]), int(status[2]), int(status[3])) if status is not None else None,
        parse_typed(header.get_unfolded("original-recipient"))[1],
        parse_typed(header.get_unfolded("remote-mta"))[1],
        parse_typed(header.get_unfolded("diagnostic-code"))[1],
    )
