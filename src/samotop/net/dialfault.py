"""Why there is no connection: ``failure`` for programs, ``status`` (RFC 3463) for the queue, and words for people.

The words name no address.
"""

from __future__ import annotations

import errno
import os
from enum import Enum
from typing import Final

from samotop.errors import PeerError
from samotop.status import EnhancedStatus, parse_status


class DialFailure(Enum):
    """Why there is no connection."""

    NO_SUCH_HOST = "no such host"
    NO_ADDRESS = "no address"
    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    PROXY = "proxy"
    LOCAL = "local"


_STATUS: Final = {
    DialFailure.NO_SUCH_HOST: "5.1.2",
    DialFailure.NO_ADDRESS: "5.1.2",
    DialFailure.DNS: "4.4.3",
    DialFailure.REFUSED: "4.4.1",
    DialFailure.UNREACHABLE: "4.4.1",
    DialFailure.TIMEOUT: "4.4.1",
    DialFailure.PROXY: "4.4.1",
    DialFailure.LOCAL: "4.3.0",
}


class DialFault(PeerError):
    """There is no connection. The text names no address."""

    def __init__(self, failure: DialFailure, text: str) -> None:
        super().__init__(text)
        self.failure = failure

    @property
    def status(self) -> EnhancedStatus:
        return parse_status(_STATUS[self.failure])


def fault_of(error: OSError) -> DialFault:
    """What the system says of a connection, in words."""
    if isinstance(error, TimeoutError):
        return DialFault(DialFailure.TIMEOUT, "the server did not answer in time")
    number = error.errno
    if number == errno.ECONNREFUSED:
        return DialFault(DialFailure.REFUSED, "the server refused the connection")
    if number in (errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM):
        return DialFault(DialFailure.LOCAL, f"this machine could not connect: {os.strerror(number)}")
    if number is not None and number > 0:
        return DialFault(DialFailure.UNREACHABLE, f"the server cannot be reached: {os.strerror(number)}")
    return DialFault(DialFailure.UNREACHABLE, "the server cannot be reached")
