"""``samotop check`` and ``samotop config``: what is wrong with a home, and what holds in it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from samotop.cli.flags import Home, Json
from samotop.cli.later import awaited, check_served
from samotop.cli.pemfiles import note_keys
from samotop.cli.place import load_checked, name_home, open_home, open_state
from samotop.cli.queue import describe_unattended, note_room
from samotop.cli.show import print_json
from samotop.config.effective import format_config, plain_config
from samotop.config.fault import ConfigRefused, Fault
from samotop.config.home import STATE_NAME
from samotop.config.read import FILE_NAME, load_config
from samotop.config.sts import note_policy
from samotop.errors import SetupError
from samotop.queue.deadlines import UNATTENDED_AFTER


def check(*, json: Json = False, home: Home = None) -> int:
    """Check the home and its samotop.toml; tell every mistake with its line and what would be right.

    Exits 1 where there is one. Nothing is started and nothing changed.
    """
    place = name_home(home)
    faults: tuple[Fault, ...] = ()
    notes: list[str] = []
    try:
        found = load_checked(place)
        notes = [
            *awaited(found),
            *note_policy(found, place),
            *note_keys(found, place),
            *_note_unattended(place),
            *note_room(place),
        ]
        check_served(found)
    except ConfigRefused as refused:
        faults = refused.faults
    except SetupError as error:
        faults = (Fault(error.place or str(place), 0, str(error.args[0]), error.remedy),)
    if json:
        print_json(
            {
                "faults": [
                    {"file": one.file, "line": one.line, "what": one.what, "remedy": one.remedy} for one in faults
                ],
                "notes": notes,
            }
        )
    else:
        for fault in faults:
            print(fault, file=sys.stderr)
        for note in notes:
            print(f"note: {note}", file=sys.stderr)
        if not faults:
            print(f"{os.path.join(place, FILE_NAME)}: no mistakes")
    return 1 if faults else 0


def _note_unattended(place: Path) -> Iterator[str]:
    """What lies in the queue and will not move by itself."""
    if (place / STATE_NAME).exists():
        with open_state(place) as opened:
            count = opened.queue.count_unattended(time.time() - UNATTENDED_AFTER)
        if count:
            yield describe_unattended(count)


def config(*, json: Json = False, home: Home = None) -> int:
    """Print the effective configuration: every key with the value that holds, passwords blotted out."""
    found = load_config(open_home(home))
    if json:
        print_json(plain_config(found))
    else:
        print(format_config(found), end="")
    return 0
