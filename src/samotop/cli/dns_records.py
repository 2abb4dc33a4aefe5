"""What ``samotop dns`` plans with: what is known of a domain and its server, and the records that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from samotop.tlspolicy.stspolicy import StsPolicy


@dataclass(frozen=True, slots=True)
class CertificateNote:
    """The server's certificate. ``key_digest`` is SHA-256 of its public key; ``issuer`` a CAA name, if we know it."""

    key_digest: bytes
    is_self_signed: bool
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class KeyNote:
    """A DKIM key. ``state`` in words: signs, waits, retired."""

    selector: str
    record: str
    state: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What the records follow from. ``services`` are ports by the names of ``SERVICES``."""

    domain: str
    hostname: str
    addresses: tuple[str, ...] = ()
    certificate: CertificateNote | None = None
    services: Mapping[str, int] = field(default_factory=dict)
    keys: tuple[KeyNote, ...] = ()
    smarthost: str = ""
    receives_at: int | None = None
    """The port where mail from the world is taken; ``None``: nowhere."""
    sts: StsPolicy | None = None
    """The MTA-STS policy as the server serves it, or would; ``None``: as it follows from the certificate."""
    serves_web: bool = False
    """Is there a listener for the web, where the policy is?"""
    hidden: tuple[str, ...] = ()
    """Listeners on a loopback address: nobody but this machine reaches them."""


@dataclass(frozen=True, slots=True)
class Needed:
    """One record. ``data`` is in presentation format, names in it absolute."""

    purpose: str
    name: str
    type: str
    data: str


@dataclass(frozen=True, slots=True)
class Section:
    """Records of one purpose, why they are needed, and what to know about them."""

    title: str
    why: str
    records: tuple[Needed, ...] = ()
    remarks: str = ""
