"""How contacts and requests are printed: one block for each request, since it must be read; a line for each contact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from samotop.cli.show import clean, format_time, print_columns, print_json
from samotop.consent.contact import Contact
from samotop.ports.contacts import ContactRequest


def print_contacts(asking: Sequence[ContactRequest], known: Sequence[Contact], *, as_json: bool) -> None:
    """Those who ask, then those about whom something is decided."""
    if as_json:
        print_json([_request(one) for one in asking] + [_contact(one) for one in known])
        return
    for one in asking:
        _print_request(one)
    if known:
        rows = [(one.standing.value, str(one.identity), _bound(one), one.origin.value, _end(one)) for one in known]
        print_columns(("STANDING", "WHO", "PROVEN BY", "ORIGIN", "UNTIL"), rows)
    if not asking and not known:
        print("Nobody: no request waits, and nothing has been decided.")


def _print_request(one: ContactRequest) -> None:
    mark = "! " if one.is_flagged else ""
    name = f"{one.name} " if one.name else ""
    print(clean(f"{mark}pending  {name}<{one.identity}>"))
    print(clean(f"    subject   {one.subject or '(none)'}"))
    print(clean(f"    evidence  {one.evidence}"))
    print(clean(f"    because   {one.reason}"))
    if one.tag:
        print(clean(f"    to        your address with +{one.tag}"))
    many = f", {one.count} messages" if one.count > 1 else ""
    print(f"    since     {format_time(one.first_seen)}{many}\n")


def _bound(one: Contact) -> str:
    binding = one.binding
    if binding.key:
        return f"{binding.domain}, one key"
    return binding.domain or binding.reverse_name or binding.network or "their domain"


def _end(one: Contact) -> str:
    return "-" if one.expires_at is None else format_time(one.expires_at)


def _request(one: ContactRequest) -> dict[str, Any]:
    evidence = one.evidence
    return {
        "standing": "pending",
        "who": str(one.identity),
        "claims": [str(each) for each in one.identities],
        "name": one.name,
        "subject": one.subject,
        "code": one.code,
        "reason": one.reason,
        "flagged": one.is_flagged,
        "tag": one.tag,
        "evidence": {
            "domain": evidence.domain,
            "methods": list(evidence.methods),
            "signers": list(evidence.signers),
            "dnssec": evidence.is_secure,
            "keys": sorted(evidence.keys),
            "network": evidence.network,
            "reverse_name": evidence.reverse_name,
            "encrypted": evidence.is_encrypted,
        },
        "first_seen": one.first_seen,
        "last_seen": one.last_seen,
        "count": one.count,
        "entries": list(one.entries),
    }


def _contact(one: Contact) -> dict[str, Any]:
    return {
        "standing": one.standing.value,
        "who": str(one.identity),
        "origin": one.origin.value,
        "decided": one.decided_at,
        "expires": one.expires_at,
        "bound": {
            "domain": one.binding.domain,
            "key": one.binding.key,
            "network": one.binding.network,
            "reverse_name": one.binding.reverse_name,
        },
    }
