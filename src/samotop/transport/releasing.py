"""Move messages of a mailbox from the folder where they waited into the inbox, by their entries' ids.

A rename within one file system: a message is in one of both places whatever happens, and moving again what has been
moved already does nothing. Flags that a mail client has set stay. May block. Raises ``OSError``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from samotop.consent.contact import Contact, Standing, compare
from samotop.consent.wishes import REQUESTS
from samotop.ports.contacts import Contacts
from samotop.transport.disk import Disk


def release(box: str | os.PathLike[str], folder: str, ids: Iterable[str], disk: Disk | None = None) -> list[str]:
    """Move what is there of ``ids`` from ``box``'s ``folder`` into its inbox; returns the ids that were found."""
    disk = disk or Disk()
    wanted = frozenset(ids)
    found: list[str] = []
    touched: set[str] = set()
    for part in ("new", "cur"):
        source, target = f"{os.fspath(box)}/.{folder}/{part}", f"{os.fspath(box)}/{part}"
        for name in disk.names(source):
            pieces = name.split(".", 2)
            if len(pieces) < 3 or pieces[1] not in wanted:
                continue
            try:
                disk.rename(f"{source}/{name}", f"{target}/{name}")
            except FileNotFoundError:  # a mail client was quicker
                continue
            found.append(pieces[1])
            touched |= {source, target}
    for directory in sorted(touched):
        disk.sync_directory(directory)
    return found


def release_approved(contacts: Contacts, owner: str, box: str | os.PathLike[str], now: float) -> int:
    """Move an owner's messages whose authors have been approved into the inbox; how many those were.

    What only claims to be of somebody approved stays: approving them once more says that it is theirs.
    """
    moved = 0
    for request in contacts.requests(owner):
        identities = tuple(dict.fromkeys((*request.identities, request.identity)))
        decided = contacts.find(owner, identities, now)
        first: Contact | None = next((decided[one] for one in identities if one in decided), None)
        if first is None or (first.standing is Standing.APPROVED and compare(first, request.evidence)):
            continue
        found: list[str] = []
        if first.standing is Standing.APPROVED:
            found = release(box, REQUESTS, request.entries)
            moved += len(found)
        is_over = first.standing is Standing.REJECTED or set(request.entries) <= set(found)
        if found or is_over:
            contacts.settle_request(owner, request, request.entries if is_over else found)
    return moved
