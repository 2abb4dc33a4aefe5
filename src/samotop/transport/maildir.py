"""Maildir: one file a message, in ``new`` once it is whole and durable.

``Maildir(path)`` is one mailbox; ``Maildir.for_accounts(root, exists)`` has one
for each account below ``root``, and asks once more whether the account exists.
Mailboxes are made when their first message comes, and so are their folders (Maildir++:
``.Requests`` for a recipient whose copy goes to ``Requests``).

A file's name is ``SECONDS.ID.HOSTNAME``, of the entry's time and id, so that
handing an entry on again after a crash finds the message that is there
already: in ``new``, in ``cur`` with whatever flags, also in a subfolder
(Maildir++) where a mail client has put it. Only a handover that says
``is_first`` is spared the search. Two recipients of one message in one mailbox
make one file. Left-overs in ``tmp`` go after ``STALE_SECONDS``.

Quotas are not known here.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Self

from samotop.message.trace import NO_DISCLOSURE, DisclosureRules
from samotop.net.clock import SystemClock
from samotop.ports.clock import Clock
from samotop.ports.transport import Handover, Outcome
from samotop.transport.disk import Disk
from samotop.transport.filing import Filing, Item
from samotop.transport.outcomes import ALREADY_THERE, DELIVERED, NO_MAILBOX, failed
from samotop.transport.rendering import Rendering, gather_copies

STALE_SECONDS: Final = 36 * 3600.0
"""Age at which a file in tmp belongs to nobody any more: the convention of Maildir."""
CLEAN_SECONDS: Final = 24 * 3600.0
"""How often we look for such files in a mailbox that gets mail."""
CLEANED_LIMIT: Final = 10_000
"""Mailboxes of which we remember when we last looked."""
HOST_LIMIT: Final = 64
"""Characters of our host name in a file's name, which must stay below 255 with a client's flags."""

_TMP: Final = "tmp"
_ACCOUNT: Final = re.compile(r"(?!\.\.?\Z)[a-z0-9._-]{1,64}")
_HOST_JUNK: Final = re.compile(r"[^A-Za-z0-9.-]")


@dataclass(slots=True)
class _Found:
    """Copies by mailbox and entry's id: those that are there already, and those of which nobody can say."""

    there: set[tuple[str, str]] = field(default_factory=set)
    unknown: dict[tuple[str, str], OSError] = field(default_factory=dict)
    """Directories whose names may not be durable yet."""


class Maildir:
    """Implements ``ports.LocalTransport``. ``hostname`` names us in Received and in file names."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        hostname: str = "",
        disclosure: DisclosureRules = NO_DISCLOSURE,
        clock: Clock | None = None,
        disk: Disk | None = None,
    ) -> None:
        self._root = os.fspath(path)
        self._exists: Callable[[str], bool] | None = None
        hostname = hostname or socket.gethostname()
        self._host = _HOST_JUNK.sub("_", hostname)[:HOST_LIMIT]
        self._suffix = f".{os.getpid()}"
        self._rendering = Rendering(hostname, disclosure)
        self._clock = clock or SystemClock()
        self._disk = disk or Disk()
        self._filing = Filing(self._disk, self._clock, self._prepare)
        self._cleaned: dict[str, float] = {}

    @classmethod
    def for_accounts(
        cls,
        root: str | os.PathLike[str],
        exists: Callable[[str], bool],
        *,
        hostname: str = "",
        disclosure: DisclosureRules = NO_DISCLOSURE,
        clock: Clock | None = None,
        disk: Disk | None = None,
    ) -> Self:
        """Mailboxes of accounts: ``root/NAME``. ``exists`` is asked in the worker thread."""
        maildir = cls(root, hostname=hostname, disclosure=disclosure, clock=clock, disk=disk)
        maildir._exists = exists
        return maildir

    def hand_on(self, handovers: Sequence[Handover]) -> list[Outcome]:
        """Deliver all; what is called delivered is durable."""
        outcomes: list[Outcome] = [NO_MAILBOX] * len(handovers)
        boxes: dict[str, str | None] = {}
        for handover in handovers:
            if handover.mailbox not in boxes:
                boxes[handover.mailbox] = self._locate(handover.mailbox)
        copies = [
            (numbers, copy, box)
            for numbers, copy in gather_copies(handovers, lambda one: (boxes[one.mailbox], one.recipient.folder))
            if (box := boxes[copy[0].mailbox]) is not None
        ]
        found = self._find_delivered([(box, copy) for _, copy, box in copies])
        items: list[Item] = []
        waiting: list[list[int]] = []
        for numbers, copy, box in copies:
            place = (box, copy[0].entry.id)
            if place in found.unknown:
                _tell(outcomes, numbers, failed(found.unknown[place]))
            elif place in found.there:
                _tell(outcomes, numbers, ALREADY_THERE)
            else:
                items.append(self._item(box, copy))
                waiting.append(numbers)
        for numbers, fault in zip(waiting, self._filing.file_all(items), strict=True):
            _tell(outcomes, numbers, DELIVERED if fault is None else failed(fault))
        for directory in {_place(box, copy) for _, copy, box in copies}:
            self._clean(directory)
        return outcomes

    def _locate(self, mailbox: str) -> str | None:
        """The mailbox's directory. The name is an account's, which routing knows; here it is looked at once more."""
        if self._exists is None:
            return self._root
        if not _ACCOUNT.fullmatch(mailbox) or not self._exists(mailbox):
            return None
        return f"{self._root}/{mailbox}"

    def _item(self, box: str, copy: list[Handover]) -> Item:
        entry = copy[0].entry
        name = f"{int(entry.trace.received_at)}.{entry.id}.{self._host}"
        place = _place(box, copy)
        return Item(
            f"{place}/{_TMP}/{name}{self._suffix}", f"{place}/new/{name}", partial(self._rendering.chunks, copy)
        )

    def _prepare(self, item: Item) -> None:
        place = os.path.dirname(os.path.dirname(item.final))
        above = os.path.dirname(place)
        for box in (above, place) if os.path.basename(place).startswith(".") and above != self._root else (place,):
            # "tmp" last: who finds it writes there at once, and then needs the others, durable.
            self._disk.make_directories([self._root, box, f"{box}/new", f"{box}/cur", f"{box}/{_TMP}"])

    def _find_delivered(self, copies: list[tuple[str, list[Handover]]]) -> _Found:
        """Which copies are there already. A mailbox that cannot be read keeps only its own from being delivered."""
        sought: dict[str, set[str]] = {}
        for box, copy in copies:
            if not all(handover.is_first for handover in copy):
                sought.setdefault(box, set()).add(copy[0].entry.id)
        found = _Found()
        for box, ids in sought.items():
            try:
                self._search(box, ids, found)
            except OSError as fault:
                found.unknown.update(((box, name), fault) for name in ids)
        return found

    def _search(self, box: str, ids: set[str], found: _Found) -> None:
        folders = [box, *(f"{box}/{name}" for name in self._disk.names(box) if name.startswith("."))]
        for folder in folders:
            for part in ("new", "cur"):  # in this order: clients move from the first to the second
                names = {name.split(".", 2)[1] for name in self._names(f"{folder}/{part}") if name.count(".") > 1}
                names &= ids
                if names:
                    self._disk.sync_directory(f"{folder}/{part}")  # whoever put it there may have crashed before
                    found.there.update((box, name) for name in names)

    def _names(self, path: str) -> list[str]:
        try:
            return self._disk.names(path)
        except NotADirectoryError:
            return []

    def _clean(self, box: str) -> None:
        """Remove what crashes have left in tmp. What cannot be removed stays."""
        now = self._clock.time()
        if now - self._cleaned.get(box, 0.0) < CLEAN_SECONDS:
            return
        if len(self._cleaned) >= CLEANED_LIMIT:
            self._cleaned.clear()
        self._cleaned[box] = now
        try:
            for name in self._disk.names(f"{box}/{_TMP}"):
                path = f"{box}/{_TMP}/{name}"
                if now - self._disk.modified_at(path) > STALE_SECONDS:
                    self._disk.remove(path)
        except OSError:
            return


def _place(box: str, copy: list[Handover]) -> str:
    """The directory that a copy goes into: the mailbox, or one of its folders (Maildir++)."""
    folder = copy[0].recipient.folder
    return f"{box}/.{folder}" if folder else box


def _tell(outcomes: list[Outcome], numbers: Sequence[int], outcome: Outcome) -> None:
    for number in numbers:
        outcomes[number] = outcome
