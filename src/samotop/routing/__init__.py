"""Where a recipient's mail goes: address in, destination out. Pure; no look-ups but of accounts."""

from __future__ import annotations

from samotop.routing.destinations import Destination, Foreign, Local, Unknown, Via
from samotop.routing.router import Router
from samotop.routing.rules import Mailbox, Rewrite, Route, RoutingRules
from samotop.routing.via import Target, parse_via

__all__ = [
    "Destination",
    "Foreign",
    "Local",
    "Mailbox",
    "Rewrite",
    "Route",
    "Router",
    "RoutingRules",
    "Target",
    "Unknown",
    "Via",
    "parse_via",
]
