"""Messages: built, read, and as mere octets: header fields, trace fields, line ends (RFC 5322, RFC 5321 §4.4).

``Message`` builds and reads whole ones. What servers need, header and trace
fields, decodes nothing that need not be decoded and wants no message whole in
memory. Names load lazily: a server does not pay for the builder.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from samotop.message.ends import BareLineEnds
from samotop.message.forged import is_forged, iterate_genuine, strip_forged
from samotop.message.header import Field, iterate_fields, split_fields
from samotop.message.trace import DisclosureRules, format_date, format_trace

if TYPE_CHECKING:
    from samotop.message.entity import Entity
    from samotop.message.fields import Header
    from samotop.message.mailboxes import Mailbox
    from samotop.message.message import Message
    from samotop.message.part import Attachment, Part
    from samotop.message.structure import MimeBounds

_HOMES = {
    "Attachment": "samotop.message.part",
    "Entity": "samotop.message.entity",
    "Header": "samotop.message.fields",
    "Mailbox": "samotop.message.mailboxes",
    "Message": "samotop.message.message",
    "MimeBounds": "samotop.message.structure",
    "Part": "samotop.message.part",
}

__all__ = [
    "Attachment",
    "BareLineEnds",
    "DisclosureRules",
    "Entity",
    "Field",
    "Header",
    "Mailbox",
    "Message",
    "MimeBounds",
    "Part",
    "format_date",
    "format_trace",
    "is_forged",
    "iterate_fields",
    "iterate_genuine",
    "split_fields",
    "strip_forged",
]


def __getattr__(name: str) -> Any:
    """Load a name's module when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'samotop.message' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
