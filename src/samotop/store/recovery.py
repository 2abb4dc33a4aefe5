"""What a start does with what it finds: adopt entries, remove orphans, mark what is damaged.

The truth table is in docs/queue-states.md. A slot cleans up only behind
itself: other processes may be running in theirs. Entries of slots that no
process has any more are adopted by slot 0, with the names of their files.

Raises ``OSError`` and ``apsw.Error``: a server whose spool cannot be read does
not start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import apsw

from samotop.queue.entry import State
from samotop.store.database import raise_serial, write_transaction
from samotop.store.files import Files, unlink_quietly
from samotop.store.records import STATE_NUMBERS
from samotop.store.segments import sequence_of, slot_of

_GONE: Final = "its content is missing from the spool"
_SHORT: Final = "its content in the spool is cut short"

_EXTENTS: Final = """
    SELECT segment, sum(slot = ?1), max(CASE WHEN slot = ?1 THEN offset + length ELSE 0 END) FROM entry GROUP BY segment
"""
_DAMAGED: Final = STATE_NUMBERS[State.DAMAGED]
_DAMAGE: Final = "UPDATE entry SET state = ?, reason = ? WHERE slot = ? AND segment = ? AND offset + length > ?"


@dataclass(frozen=True, slots=True)
class Recovered:
    """``counts``: entries of this slot by file; ``next_sequence``: the number for its next segment."""

    counts: dict[str, int]
    next_sequence: int


def recover(connection: apsw.Connection, files: Files, directory: str, slot: int) -> Recovered:
    """Bring the files of one slot and its rows to agreement, before the slot writes anything."""
    counts: dict[str, int] = {}
    extents: dict[str, int] = {}
    referenced: set[str] = set()
    for name, entries, end in connection.execute(_EXTENTS, (slot,)):
        referenced.add(name)
        if entries:
            counts[name] = entries
            extents[name] = end
    present = set(files.list_directory(directory))
    ours = {name for name in present | referenced if slot_of(name) == slot}
    unlink_quietly(files, directory, sorted(name for name in ours & present if name not in referenced))
    damaged: list[tuple[int, str, int, str, int]] = []
    for name, end in extents.items():
        size = files.size(f"{directory}/{name}") if name in present else -1
        if size < end:
            damaged.append((_DAMAGED, _GONE if size < 0 else _SHORT, slot, name, size))
    if damaged:
        with write_transaction(connection):
            connection.executemany(_DAMAGE, damaged)
    return Recovered(counts, 1 + max(map(sequence_of, ours), default=-1))


def adopt(connection: apsw.Connection, files: Files, directory: str, slots_in_use: int) -> int:
    """Give slot 0 the entries of slots that are no longer used; returns how many.

    Called by slot 0 before it recovers, while no process has a slot from ``slots_in_use`` up.
    """
    with write_transaction(connection):
        connection.execute("UPDATE entry SET slot = 0 WHERE slot >= ?", (slots_in_use,))
        adopted = connection.changes()
        if adopted:
            raise_serial(connection, "queue")
    referenced = {name for (name,) in connection.execute("SELECT DISTINCT segment FROM entry")}
    orphans = [
        name
        for name in files.list_directory(directory)
        if (owner := slot_of(name)) is not None and owner >= slots_in_use and name not in referenced
    ]
    unlink_quietly(files, directory, orphans)
    return adopted
