"""``samotop queue``: what waits, and what the operator does about it.

A listing names nobody: ids, ages, sizes, counts and reasons. Addresses are
told by ``show``, of one message at a time, and the content only on demand.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from samotop.cli.flags import Home, Json
from samotop.cli.place import State, open_home, open_state
from samotop.cli.show import clean, format_age, format_octets, format_time, print_columns, print_json, without_addresses
from samotop.config.home import STATE_NAME
from samotop.errors import SetupError
from samotop.queue.deadlines import release_time
from samotop.queue.entry import Entry
from samotop.queue.entry import State as EntryState

Ids = Annotated[list[str] | None, Parameter(name="ID", help="Ids of messages, as `samotop queue list` prints them.")]
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
    """Show one message: envelope, how it came, and what the last attempts said. Names addresses."""
    place = open_home(home)
    with _open(place) as opened:
        entry = opened.queue.show(id)
        if entry is None:
            raise SetupError(f"there is no {clean(id)} in the queue", remedy="samotop queue list")
        if content:
            return _print_content(opened, entry)
    if json:
        print_json(_shown(entry))
    else:
        _print_entry(entry)
    return 0


def retry(ids: Ids = None, /, *, all: All = False, home: Home = None) -> int:
    """Attempt messages now instead of when they are due."""
    return _change(
        ids, all, home, (EntryState.QUEUED, EntryState.DAMAGED), lambda on, ids: on.queue.retry(ids), "retried"
    )


def hold(ids: Ids = None, /, *, all: All = False, home: Home = None) -> int:
    """Keep messages from delivery until they are released."""
    return _change(ids, all, home, (EntryState.QUEUED,), lambda on, ids: on.queue.hold(ids), "held")


def release(ids: Ids = None, /, *, all: All = False, home: Home = None) -> int:
    """Let held messages be delivered."""
    return _change(ids, all, home, (EntryState.HELD,), lambda on, ids: on.queue.release(ids), "released")


def drop(ids: Ids = None, /, *, all: All = False, home: Home = None) -> int:
    """Forget messages for good: nobody is told, and their content cannot be read any more."""
    return _change(ids, all, home, tuple(EntryState), lambda on, ids: on.queue.drop(ids), "dropped")


def _open(place: Path) -> Any:
    if not (place / STATE_NAME).exists():
        raise SetupError(f"the queue of {place} is empty: nothing has been served yet", remedy="samotop serve")
    return open_state(place)


def _entries(place: Path, state: EntryState | None) -> list[Entry]:
    if not (place / STATE_NAME).exists():
        return []
    with open_state(place) as opened:
        return list(opened.queue.entries(state))


def _change(
    ids: Sequence[str] | None,
    every: bool,
    home: str | None,
    states: tuple[EntryState, ...],
    act: Callable[[State, Sequence[str]], int],
    done: str,
) -> int:
    """Act on the named entries, or on all in ``states``. Exit status 1 where a named one was not there."""
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
    if changed < len(wanted) and not every:
        words = " or ".join(state.value for state in states)
        print(
            f"samotop: {len(wanted) - changed} not in the queue, or not {words}\n  samotop queue list", file=sys.stderr
        )
        return 1
    return 0


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


def _shown(entry: Entry) -> dict[str, Any]:
    trace, by = entry.trace, entry.envelope.parameters.deliver_by
    return {
        "id": entry.id,
        "state": entry.state.value,
        "reason": entry.reason,
        "size": entry.size,
        "due": entry.due,
        "release": release_time(entry.envelope.parameters, trace.received_at),
        "deliver_by": None if by is None else trace.received_at + by.seconds,
        "reverse_path": str(entry.envelope.reverse_path),
        "pending": [
            {"recipient": str(one.recipient.address), "attempts": one.attempts, "last": one.last}
            for one in entry.pending
        ],
        "received": trace.received_at,
        "hello": trace.hello,
        "peer": trace.peer_address,
        "protocol": trace.protocol,
        "tls": trace.tls,
        "login": trace.login,
    }


def _print_entry(entry: Entry) -> None:
    trace = entry.trace
    lines = [
        f"{entry.id}: {entry.state.value}, {format_octets(entry.size)}, received {format_time(trace.received_at)}",
        f"  by {trace.protocol} from {trace.peer_address or 'this machine'}, who said {trace.hello or 'nothing'}"
        + (f", {trace.tls}" if trace.tls else "")
        + (f", logged in as {trace.login}" if trace.login else ""),
        f"  from <{entry.envelope.reverse_path}>",
    ]
    lines += _wishes(entry)
    if entry.reason:
        lines.append(f"  {entry.reason}")
    if entry.state is EntryState.QUEUED:
        lines.append(f"  next attempt {format_time(entry.due)}")
    for one in entry.pending:
        lines.append(f"  to <{one.recipient.address}>, {one.attempts} attempts" + (f": {one.last}" if one.last else ""))
    print("\n".join(clean(line) for line in lines))


def _wishes(entry: Entry) -> list[str]:
    """The times that its sender has set (RFC 4865, RFC 2852)."""
    parameters, received_at = entry.envelope.parameters, entry.trace.received_at
    lines = []
    if (release := release_time(parameters, received_at)) > received_at:
        lines.append(f"  its sender wants it kept until {format_time(release)}")
    if (by := parameters.deliver_by) is not None:
        after = "back" if by.returns else "to be told of a delay"
        lines.append(f"  its sender wants it delivered by {format_time(received_at + by.seconds)}, else {after}")
    return lines


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
