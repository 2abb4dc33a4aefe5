"""Notifications from strangers (RFC 3464).

Invariant. Nothing is raised; what is read has at least one recipient with an
address and a known action, and not more of them than the bound.
"""

from __future__ import annotations

import sys

from samotop.dsn import parse_notification
from samotop.dsn.read import GROUPS_LIMIT

_HEAD = (
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
)


def check_one_input(octets: bytes) -> None:
    """As a whole message, and as the machine-readable part of one."""
    for message in (octets, _HEAD + octets + b"\r\n--b--\r\n"):
        found = parse_notification(message)
        if found is not None:
            assert 0 < len(found.recipients) <= GROUPS_LIMIT
            assert all(one.final and one.action for one in found.recipients)


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
