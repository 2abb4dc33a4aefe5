"""From a route's target to the transport that serves it. Raises ``SetupError`` for what this release has not."""

from __future__ import annotations

import os
import sys

from samotop.message.trace import NO_DISCLOSURE, DisclosureRules
from samotop.ports.clock import Clock
from samotop.ports.transport import LocalTransport
from samotop.routing.via import Target, check_available
from samotop.transport.console import Console
from samotop.transport.directory import Directory
from samotop.transport.discard import Discard
from samotop.transport.journal import Journal
from samotop.transport.maildir import Maildir
from samotop.transport.mbox import Mbox


def open_transport(
    target: Target,
    *,
    home: str | os.PathLike[str] = ".",
    hostname: str,
    clock: Clock,
    disclosure: DisclosureRules = NO_DISCLOSURE,
) -> LocalTransport:
    """Make the transport; nothing is written yet. A path that is not absolute is below ``home``.

    Make one for each target and keep it: files are locked by it.
    """
    check_available(target)
    path = os.path.join(os.fspath(home), target.argument)
    if target.kind == "console":
        return Console(sys.stdout, hostname=hostname)
    if target.kind == "directory":
        return Directory(path, hostname=hostname, disclosure=disclosure, clock=clock)
    if target.kind == "maildir":
        return Maildir(path, hostname=hostname, disclosure=disclosure, clock=clock)
    if target.kind == "mbox":
        return Mbox(path, hostname=hostname, disclosure=disclosure)
    if target.kind == "journal":
        return Journal(path, size=target.size, age=target.age, hostname=hostname, disclosure=disclosure, clock=clock)
    return Discard()
