"""Delivery status notifications: built for senders of ours, understood when they come (RFC 3464, RFC 6522, RFC 6533).

``format_notification`` writes one, ``parse_notification`` reads one; both work
on values and know neither queue nor network.
"""

from __future__ import annotations

from samotop.dsn.build import RETURN_LIMIT, Notification, Told, format_notification
from samotop.dsn.read import Report, Reported, parse_notification

__all__ = [
    "RETURN_LIMIT",
    "Notification",
    "Report",
    "Reported",
    "Told",
    "format_notification",
    "parse_notification",
]
