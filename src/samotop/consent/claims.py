"""What is certain of a sender before the content has come: that the owner has rejected them, and nothing else.

RCPT knows the reverse-path, and whether SPF proves its domain. That is enough to refuse somebody who was rejected and
has proven it to be them; of everybody else the author is not known yet. A domain's rejection is certain only where
the owner has approved nobody in it: the author may be the one exception.

Whoever asks with a domain that SPF proves asks about nobody but themselves. Pure; raises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from samotop.address import Address, ReversePath
from samotop.consent.contact import Contact, Standing
from samotop.consent.evidence import is_within
from samotop.consent.identity import Identity, IdentityKind, address_identity


def claimed_identities(reverse_path: ReversePath) -> tuple[Identity, ...]:
    """The reverse-path's address and domain; nobody for the null reverse-path."""
    if not isinstance(reverse_path, Address):
        return ()
    one = address_identity(reverse_path)
    return () if one is None else (one, Identity(IdentityKind.DOMAIN, one.name.rpartition("@")[2]))


def find_rejection(
    claimed: tuple[Identity, ...], contacts: Mapping[Identity, Contact], proven: str, *, has_exceptions: bool
) -> Contact | None:
    """The rejection that is certain, if any. ``proven`` is the domain that SPF proved, empty for none.

    ``has_exceptions``: the owner has approved somebody in the reverse-path's domain.
    """
    for identity in claimed:
        contact = contacts.get(identity)
        if contact is None:
            continue
        if contact.standing is not Standing.REJECTED or not proven:
            return None
        if identity.kind is IdentityKind.DOMAIN and has_exceptions:
            return None
        return contact if _is_about(contact, proven) else None
    return None


def _is_about(contact: Contact, proven: str) -> bool:
    """Was it about whoever SPF proves? A rejection without a proven domain is about the name, whoever has it."""
    binding = contact.binding
    if binding.key:
        return False  # a key speaks at the end of the content
    return not binding.domain or is_within(proven, binding.domain)
