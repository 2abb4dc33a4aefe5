"""``samotop queue``: what waits, and what the operator does about it.

A listing names nobody: ids, ages, sizes, counts and reasons. Addresses are
told by ``show``, of one message at a time, and the content only on demand.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter

from samotop.cli.flags import Home, Json
from samotop.cli.place import State, open_home, open_state
from samotop.cli.queue_show import entry_json, format_entry
from samotop.cli.show import clean, format_age, format_octets, format_time, print_columns, print_json, without_addresses
from samotop.config.home import STATE_NAME
from samotop.errors import SetupError
from samotop.queue.deadlines import UNATTENDED_AFTER, release_time
from samotop.queue.entry import Entry
from samotop.queue.entry import State as EntryState

Ids = Annotated[list[str] | None, Parameter(name="ID", help="Ids of messages, as `samotop queue list` prints them.")]
SPOOL_NAME: Final = "spool"

All = Annotated[bool, Parameter(name="--all", help="Every message for which it makes sense.", show_default=False)]


def list_(
    *,
    state: Annotated[
        Literal["queued", "held", "damaged"] | None, Parameter(help="Only messages in this state.")
    ] = None,
    json: Json = False,
    home: Home = None,
) -> int:
    """List the messages that wait: id, age, size, state, recipients, next attempt, reason. Names nobody."""
    place = open_home(home)
    now = time.time()
    found = [_row(entry, now) for entry in _entries(place, EntryState(state) if state else None)]
    for line in note_room(place):
        print(f"note: {line}", file=sys.stderr)
    unattended = sum(row["state"] != EntryState.QUEUED.value and row["age"] > UNATTENDED_AFTER for row in found)
    if unattended:
        print(f"note: {describe_unattended(unattended)}", file=sys.stderr)
    if json:
        print_json(found)
    elif found:
        print_columns(
            ("ID", "AGE", "SIZE", "STATE", "TO", "NEXT", "REASON"),
            [
                (
                    row["id"],
                    format_age(row["age"]),
                    format_octets(row["size"]),
                    row["state"],
                    str(row["recipients"]),
                    "-" if row["due"] is None else "now" if row["due"] <= now else f"in {format_age(row['due'] - now)}",
                    row["reason"],
                )
                for row in found
            ],
        )
    else:
        print("The queue is empty." if state is None else f"Nothing in the queue is {state}.")
    return 0


def show(
    id: Annotated[str, Parameter(name="ID", help="The message's id.")],
    /,
    *,
    content: Annotated[
        bool, Parameter(help="Print the message itself instead.", show_default=False, negative=())
    ] = False,
    json: Json = False,
    home: Home = None,
) -> int:
    """Show one message: envelope, how it came, what the last attempts said and which TLS they had. Names addresses."""
    place = open_home(home)
    with _open(place) as opened:
        entry = opened.queue.show(id)
        if entry is None:
            raise SetupError(f"there is no {clean(id)} in the queue", remedy="samotop queue list")
        if content:
            return _print_content(opened, entry)
    if json:
        print_json(entry_json(entry))
    else:
        print("\n".join(clean(line) for line in format_entry(entry)))
    return 0


def retry(ids: Ids = None, /, *, all: All = False, home: Home = None) -> int:
    """Attempt messages now instead of when they are due, but none before its sender's own time (FUTURERELEASE)."""
    later: dict[str, float] = {}

    def act(on: State, ids: Sequence[str]) -> int:
        later.update(_kept_until(on, ids))
        return on.queue.retry([one for one in ids if one not in later])

    status = _change(ids, all, home, (EntryState.QUEUED, EntryState.DAMAGED), act, "retried", later)
    if later and not all:
        for name, release in later.items():
            print(
                f"samotop: {clean(name)} not before {format_time(release)}: its sender wants it kept until then\n"
                f"  samotop queue show {clean(name)}",
                file=sys.stderr,
            )
        return 1
    return status


def hold(ids: Ids = None, /, *, all: All = False, home: Home = None) -> int:
    """Keep messages from delivery until they are released."""
    return _change(ids, all, home, (EntryState.QUEUED,), lambda on, ids: on.queue.hold(ids), "held")


def release(ids: Ids = None, /, *, all: All = False, home: Home = None) -> int:
    """Let held messages be delivered."""
    return _change(ids, all, home, (EntryState.HELD,), lambda on, ids: on.queue.release(ids), "released")


def drop(ids: Ids = None, /, *, all: All = False, home: Home = None) -> int:
    """Forget messages for good: nobody is told, and their content cannot be read any more."""
    return _change(ids, all, home, tuple(EntryState), lambda on, ids: on.queue.drop(ids), "dropped")


def describe_unattended(count: int) -> str:
    """A sentence about mail that waits for the operator, and what can be done."""
    days = int(UNATTENDED_AFTER // 86400)
    what = "1 message has" if count == 1 else f"{count} messages have"
    return (
        f"{what} waited for you for more than {days} days, held or damaged: see `samotop queue list`, "
        "then release, retry or drop"
    )


def note_room(place: Path) -> Iterator[str]:
    """A sentence where the disk is so full that the server takes no mail; nothing where there is no queue yet."""
    from samotop.store.files import RealFiles
    from samotop.store.room import RESERVE

    with suppress(OSError):
        free = RealFiles().free(str(place / SPOOL_NAME))
        if free <= RESERVE:
            yield (
                f"mail is asked to come back later (4.3.1): {format_octets(free)} are free on the disk of {place}, and "
                f"{format_octets(RESERVE)} are kept for delivering what is here; make room"
            )


def _open(place: Path) -> Any:
    if not (place / STATE_NAME).exists():
        raise SetupError(f"the queue of {place} is empty: nothing has been served yet", remedy="samotop serve")
    return open_state(place)


def _entries(place: Path, state: EntryState | None) -> list[Entry]:
    if not (place / STATE_NAME).exists():
        return []
    with open_state(place) as opened:
        return list(opened.queue.entries(state))


def _kept_until(on: State, ids: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Those that their sender wants later, and when (RFC 4865): an attempt before would only put them back."""
    now = time.time()
    for name in ids:
        entry = on.queue.show(name)
        if entry is None or entry.state is EntryState.HELD:
            continue
        release = release_time(entry.envelope.parameters, entry.trace.received_at)
        if release > now:
            yield name, release


def _change(
    ids: Sequence[str] | None,
    every: bool,
    home: str | None,
    states: tuple[EntryState, ...],
    act: Callable[[State, Sequence[str]], int],
    done: str,
    told: Sized = (),
) -> int:
    """Act on the named entries, or on all in ``states``. Exit status 1 where a named one was not there.

    ``act`` puts into ``told`` what it left alone and the caller speaks of itself.
    """
    if bool(ids) == every:
        print("samotop: name the messages by their ids, or say --all\n  samotop queue list", file=sys.stderr)
        return 2
    with _open(open_home(home)) as opened:
        if every:
            ids = [entry.id for state in states for entry in opened.queue.entries(state)]
        assert ids is not None
        wanted = list(dict.fromkeys(ids))
        changed = act(opened, wanted)
    print(f"{changed} {done}")
    absent = len(wanted) - changed - len(told)
    if absent > 0 and not every:
        print(f"samotop: {_describe_absent(absent, states)}\n  samotop queue list", file=sys.stderr)
        return 1
    return 0


def _describe_absent(count: int, states: Sequence[EntryState]) -> str:
    verb = "is" if count == 1 else "are"
    sentence = f"{count} of them {verb} not in the queue"
    names = [state.value for state in states]
    if len(states) == len(EntryState):
        return sentence
    return sentence + f", or {verb} " + (f"neither {' nor '.join(names)}" if len(names) > 1 else f"not {names[0]}")


def _row(entry: Entry, now: float) -> dict[str, Any]:
    received = entry.trace.received_at
    return {
        "id": entry.id,
        "received": received,
        "age": max(0.0, now - received),
        "size": entry.size,
        "state": entry.state.value,
        "recipients": len(entry.pending),
        "attempts": max((one.attempts for one in entry.pending), default=0),
        "due": entry.due if entry.state is EntryState.QUEUED else None,
        "reason": without_addresses(entry.reason),
    }


def _print_content(opened: State, entry: Entry) -> int:
    try:
        for chunk in opened.queue.open(entry).chunks():
            sys.stdout.buffer.write(chunk)
    except (OSError, ValueError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise SetupError("the content cannot be read: it is damaged", remedy=f"samotop queue drop {entry.id}") from None
    sys.stdout.buffer.flush()
    return 0
