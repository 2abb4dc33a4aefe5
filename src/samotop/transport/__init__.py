"""Ways to hand messages on: Maildir, mbox, directory, journal, console, discard.

Each implements ``ports.LocalTransport``: called in a worker thread, blocking,
durable when it returns, and never doubling what it is handed again.
"""

from __future__ import annotations

from samotop.transport.console import Console
from samotop.transport.directory import Directory
from samotop.transport.discard import Discard
from samotop.transport.journal import Journal
from samotop.transport.maildir import Maildir
from samotop.transport.mbox import Mbox
from samotop.transport.opening import open_transport
from samotop.transport.rendering import Rendering

__all__ = ["Console", "Directory", "Discard", "Journal", "Maildir", "Mbox", "Rendering", "open_transport"]
