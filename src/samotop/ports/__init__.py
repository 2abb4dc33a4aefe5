"""Protocols for what must be kept or asked: services see these, adapters implement them.

Only ``app`` and ``cli`` name an implementation. A port says what is promised
(durability, thread, errors), never how.
"""

from __future__ import annotations

from samotop.ports.accounts import Account, Accounts, ScramVerifier
from samotop.ports.clock import Clock
from samotop.ports.queue import Queue
from samotop.ports.seal import Opener, Sealer, Sealing
from samotop.ports.spool import Draft, NewEntry, Spool, SpoolFault
from samotop.ports.transport import Handover, LocalTransport, Outcome

__all__ = [
    "Account",
    "Accounts",
    "Clock",
    "Draft",
    "Handover",
    "LocalTransport",
    "NewEntry",
    "Opener",
    "Outcome",
    "Queue",
    "ScramVerifier",
    "Sealer",
    "Sealing",
    "Spool",
    "SpoolFault",
]
