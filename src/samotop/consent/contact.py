"""One identity's standing with one owner, and the evidence that it is bound to.

An approval binds to evidence: to the author's organization (keys rotate), to a key only where the owner
pinned one, to a network only where nothing better was there. One that was given without any evidence
(typed in, imported, learned from a mail that the owner wrote) is met by an aligned domain alone.

``compare`` says what a message lacks of it, in words for the owner. Raises nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from samotop.consent.evidence import Evidence, is_signed_by
from samotop.consent.identity import Identity, IdentityKind

NUMBERED: Final = 3
"""Digits in a host's first label from which on it is one of many that a provider has numbered."""
SHORT: Final = 3
"""Letters of a label right below a country's domain that may be a public suffix: ``co.uk``, ``com.br``."""

_DIGITS: Final = re.compile(r"[0-9]")


class Standing(Enum):
    """What the owner has decided."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class Origin(Enum):
    """Who or what decided."""

    OWNER = "owner"
    WROTE = "wrote"
    """The owner wrote to them, logged in."""
    IMPORTED = "imported"
    INVITED = "invited"
    """They brought the owner's code."""
    EXPECTED = "expected"
    """They wrote while the owner said that strangers are expected."""
    TAG = "tag"
    """They were the first to use an address that the owner made for them."""
    ARRIVED = "arrived"
    """Nobody has decided: they wrote."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What must prove the identity. All empty: an aligned domain, whichever the author's is."""

    domain: str = ""
    key: str = ""
    network: str = ""
    reverse_name: str = ""

    @property
    def is_weak(self) -> bool:
        """Only where it came from is known."""
        return not self.domain and not self.key and bool(self.network or self.reverse_name)


@dataclass(frozen=True, slots=True)
class Contact:
    """A row of the ledger. Times are seconds since 1970; ``expires_at`` is ``None`` where a decision stays."""

    identity: Identity
    standing: Standing
    binding: Binding = Binding()
    origin: Origin = Origin.OWNER
    decided_at: float = 0.0
    expires_at: float | None = None

    def holds(self, now: float) -> bool:
        return self.expires_at is None or now < self.expires_at


def bind(identity: Identity, evidence: Evidence, *, pins_key: bool = False) -> Binding:
    """What an approval of ``identity`` binds to, given with ``evidence`` before the owner's eyes.

    A list binds to the first signer whose domain its identifier lies in, else to the first signer. ``pins_key`` is
    what the owner may ask for; it counts where there is one key.
    """
    if identity.kind is IdentityKind.LIST:
        own = [one for one in evidence.signers if is_signed_by((identity.name,), one)]
        domain = (own or list(evidence.signers) or [evidence.domain])[0]
    else:
        domain = evidence.domain
    if domain:
        key = next(iter(evidence.keys)) if pins_key and len(evidence.keys) == 1 else ""
        return Binding(domain, key)
    return Binding(network=evidence.network, reverse_name=evidence.reverse_name)


def compare(contact: Contact, evidence: Evidence) -> str:
    """What ``evidence`` lacks of what the contact is bound to; empty where it is met."""
    binding = contact.binding
    who = str(contact.identity)
    if binding.key and binding.key not in evidence.keys:
        return f"claims to be {who}, whose key you have pinned; this is not signed by it"
    if binding.is_weak:
        return _compare_place(who, binding, evidence)
    if contact.identity.kind is IdentityKind.LIST:
        wanted = binding.domain or contact.identity.name
        if is_signed_by((*evidence.signers, evidence.domain), wanted):  # SPF alone may have proven the author's
            return ""
        return f"claims to come from {who}, which {wanted} signs; this is not signed by {wanted}"
    if not evidence.is_proven:
        if binding.domain:
            return f"claims to be {who}; mail of {who} was proven by {binding.domain}, this is not"
        return f"claims to be {who}, and nothing proves it"
    if binding.domain and evidence.domain != binding.domain:
        return f"claims to be {who}, whose mail was proven by {binding.domain}; this is proven by {evidence.domain}"
    return ""


def _compare_place(who: str, binding: Binding, evidence: Evidence) -> str:
    """Whoever proves more than at first is believed: the domain is the author's own."""
    if evidence.is_proven:
        return ""
    if binding.network and binding.network == evidence.network:
        return ""
    if binding.reverse_name and _site(binding.reverse_name) == _site(evidence.reverse_name):
        return ""
    known = binding.reverse_name or binding.network
    return f"claims to be {who}, whose mail came from {known}; this comes from elsewhere, and nothing proves it"


def _site(name: str) -> str:
    """A host's name without its first label: ``mail3.example.net`` and ``mail7.example.net`` are one site.

    Not where everybody has a name beside it: below ``co.uk``, or where a provider numbers its customers
    (``ec2-192-0-2-1.compute.example``). Such a host is a site of its own.
    """
    first, _, site = name.partition(".")
    organization, _, top = site.rpartition(".")
    if not organization or len(_DIGITS.findall(first)) >= NUMBERED:
        return name
    is_suffix = len(top) == 2 and "." not in organization and len(organization) <= SHORT
    return name if is_suffix else site
