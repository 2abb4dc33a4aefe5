"""Record data as plain values.

What a record of each type is:

    A, AAAA              str    an address, in the form of RFC 5952
    CNAME, NS, PTR       str    a name as ``names.normalize_name`` writes it
    TXT                  bytes  its strings joined with nothing between them (RFC 7208 §3.3, RFC 6376 §3.6.2.2)
    MX, SRV, TLSA, CAA          the tuples below
    any other            str    presentation format
"""

from __future__ import annotations

from typing import NamedTuple


class Mx(NamedTuple):
    """A mail exchanger (RFC 1035 §3.3.9); ``host`` is empty for the null MX (RFC 7505)."""

    preference: int
    host: str


class Srv(NamedTuple):
    """Where a service is (RFC 2782)."""

    priority: int
    weight: int
    port: int
    host: str


class Tlsa(NamedTuple):
    """What a TLS server will show (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    octets: bytes


class Caa(NamedTuple):
    """Who may issue certificates (RFC 8659)."""

    flags: int
    tag: str
    value: bytes


Record = str | bytes | Mx | Srv | Tlsa | Caa
