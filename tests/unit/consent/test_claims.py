"""What is certain of a sender at RCPT."""

from __future__ import annotations

import pytest

from samotop.address import NULL_PATH, Address
from samotop.consent.claims import claimed_identities, find_rejection
from samotop.consent.contact import Binding, Contact, Standing
from samotop.consent.identity import parse_identity

BOB = parse_identity("bob@example.net")
NET = parse_identity("example.net")
CLAIMED = (BOB, NET)
REJECTED = Standing.REJECTED


def test_the_reverse_path_claims_its_address_and_domain() -> None:
    assert claimed_identities(Address("Bob", "Example.NET")) == CLAIMED
    assert claimed_identities(NULL_PATH) == ()


@pytest.mark.parametrize(
    ("contacts", "proven", "has_exceptions", "rejects"),
    [
        ([Contact(BOB, REJECTED)], "example.net", False, True),
        ([Contact(BOB, REJECTED)], "example.net", True, True),
        ([Contact(BOB, REJECTED)], "", False, False),
        ([Contact(BOB, Standing.APPROVED)], "example.net", False, False),
        ([Contact(BOB, Standing.APPROVED), Contact(NET, REJECTED)], "example.net", False, False),
        ([Contact(NET, REJECTED)], "example.net", False, True),
        ([Contact(NET, REJECTED)], "example.net", True, False),
        ([Contact(BOB, REJECTED, Binding("example.net"))], "mail.example.net", False, True),
        ([Contact(BOB, REJECTED, Binding("example.org"))], "example.net", False, False),
        ([Contact(BOB, REJECTED, Binding("example.net", "key"))], "example.net", False, False),
        ([Contact(BOB, REJECTED, Binding(network="192.0.2.0/24"))], "example.net", False, True),
        ([], "example.net", False, False),
    ],
)
def test_a_rejection_is_certain_only_of_whom_it_was_about(
    contacts: list[Contact], proven: str, has_exceptions: bool, rejects: bool
) -> None:
    """Whoever is not certainly rejected is heard to the end: their author may be somebody else."""
    known = {one.identity: one for one in contacts}
    assert (find_rejection(CLAIMED, known, proven, has_exceptions=has_exceptions) is not None) is rejects
