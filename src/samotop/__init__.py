"""Samotop: a mail server and SMTP library for spam elimination and privacy.

The names below are the public API. They load lazily: importing ``samotop`` or
one of its packages does not pay for the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from samotop.address import NULL_PATH, Address
    from samotop.content import Content
    from samotop.envelope import Envelope, Recipient
    from samotop.facts import ConnectionFacts, ContentFacts, HelloFacts, MailFacts, RecipientFacts
    from samotop.message import Attachment, Message, Part
    from samotop.parts import accept_domains, deliver, open_resolver
    from samotop.peer import Peer, Tls
    from samotop.reply import Reply
    from samotop.server import Server
    from samotop.transport.sending import Outcome
    from samotop.transport.smtp.sender import SmtpTransport
    from samotop.verdict import Accept, Action, Defer, Hold, Reject, Verdict

__version__ = "0.1.0"

_HOMES = {
    "NULL_PATH": "samotop.address",
    "Accept": "samotop.verdict",
    "Action": "samotop.verdict",
    "Address": "samotop.address",
    "Attachment": "samotop.message.part",
    "ConnectionFacts": "samotop.facts",
    "Content": "samotop.content",
    "ContentFacts": "samotop.facts",
    "Defer": "samotop.verdict",
    "Envelope": "samotop.envelope",
    "HelloFacts": "samotop.facts",
    "Hold": "samotop.verdict",
    "MailFacts": "samotop.facts",
    "Message": "samotop.message.message",
    "Outcome": "samotop.transport.sending",
    "Part": "samotop.message.part",
    "Peer": "samotop.peer",
    "Recipient": "samotop.envelope",
    "RecipientFacts": "samotop.facts",
    "Reject": "samotop.verdict",
    "Reply": "samotop.reply",
    "Server": "samotop.server",
    "SmtpTransport": "samotop.transport.smtp.sender",
    "Tls": "samotop.peer",
    "Verdict": "samotop.verdict",
    "accept_domains": "samotop.parts",
    "deliver": "samotop.parts",
    "open_resolver": "samotop.parts",
}

__all__ = [
    "NULL_PATH",
    "Accept",
    "Action",
    "Address",
    "Attachment",
    "ConnectionFacts",
    "Content",
    "ContentFacts",
    "Defer",
    "Envelope",
    "HelloFacts",
    "Hold",
    "MailFacts",
    "Message",
    "Outcome",
    "Part",
    "Peer",
    "Recipient",
    "RecipientFacts",
    "Reject",
    "Reply",
    "Server",
    "SmtpTransport",
    "Tls",
    "Verdict",
    "accept_domains",
    "deliver",
    "open_resolver",
]


def __getattr__(name: str) -> Any:
    """Load a public name's module when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'samotop' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
