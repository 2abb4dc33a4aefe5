"""The domain name system as the rest of samotop sees it: names, answers, and whoever answers.

``Resolver`` is the protocol that sender authentication and TLS policy await;
``samotop.net.resolver`` asks real servers, ``samotop.testing.ZoneResolver``
answers from a dictionary. Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

from samotop.dns.answer import Answer, Security, Status
from samotop.dns.names import format_reverse, normalize_name
from samotop.dns.records import Caa, Mx, Record, Srv, Tlsa
from samotop.dns.resolver import OpenResolver, Resolver

__all__ = [
    "Answer",
    "Caa",
    "Mx",
    "OpenResolver",
    "Record",
    "Resolver",
    "Security",
    "Srv",
    "Status",
    "Tlsa",
    "format_reverse",
    "normalize_name",
]
