"""SMTP and LMTP with no I/O: octets in, events out, replies as values.

``ServerConnection`` is the server's side of a session; ``client`` has the
client's side of the grammar. Importing this package loads the standard
library only. RFC 5321, RFC 2033 and the extensions listed in ``server``.
"""

from __future__ import annotations

from samotop.smtp.events import (
    Auth,
    AuthCancelled,
    AuthResponse,
    Chunk,
    ChunkEnd,
    ContentEnd,
    ContentFailed,
    Data,
    Event,
    Hello,
    HungUp,
    Mail,
    Pause,
    Quit,
    Rcpt,
    Reset,
    StartTls,
    Verb,
)
from samotop.smtp.rules import Rules
from samotop.smtp.server import ServerConnection

__all__ = [
    "Auth",
    "AuthCancelled",
    "AuthResponse",
    "Chunk",
    "ChunkEnd",
    "ContentEnd",
    "ContentFailed",
    "Data",
    "Event",
    "Hello",
    "HungUp",
    "Mail",
    "Pause",
    "Quit",
    "Rcpt",
    "Reset",
    "Rules",
    "ServerConnection",
    "StartTls",
    "Verb",
]
