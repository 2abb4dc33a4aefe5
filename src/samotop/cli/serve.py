"""Serving a home: everything is checked, then the server runs until it is told to stop.

No cyclopts here: a server starts without it (see ``cli.quick``).
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from samotop.cli.demo import open_demo
from samotop.cli.later import awaited, check_served, is_served
from samotop.cli.pemfiles import note_keys
from samotop.cli.place import load_checked, open_home
from samotop.config.home import HomeLock
from samotop.config.shapes import Config
from samotop.config.sts import note_policy
from samotop.net.endpoint import Stdio


def serve_home(home: str | None) -> int:
    """Serve the home until told to stop; the exit status. Raises ``SetupError``, ``TryAgainLater``."""
    place = open_home(home)
    with HomeLock(place):
        config = load_checked(place)
        for note in (*awaited(config), *note_policy(config, place), *note_keys(config, place)):
            print(f"samotop: {note}", file=sys.stderr)
        return _run(place, config)


def serve_demo(home: str | None) -> int:
    """Serve a home for trying out, after saying in plain words what to type."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the server has its own: nothing may be left behind
    with open_demo(home) as (place, config, guide):
        print(guide, flush=True)
        return _run(place, config)


def _run(home: Path, config: Config) -> int:
    check_served(config)
    from samotop.app import run  # everything that serves: the largest import by far
    from samotop.terms import note_descriptors

    if note := note_descriptors(config):
        print(f"samotop: {note}", file=sys.stderr)
    # Where a session is on standard output, nothing else may be; where it is all, nobody waits to be told.
    served = [one for one in config.listeners if is_served(one)]
    out = sys.stderr if any(isinstance(one.address, Stdio) for one in served) else sys.stdout
    is_single = all(isinstance(one.address, Stdio) for one in served)

    def ready(addresses: Sequence[str]) -> None:
        if is_single:
            return
        print(f"samotop: listening on {', '.join(addresses)}", file=sys.stderr)
        print("ready", file=out, flush=True)

    return run(config, home, notify=ready)
