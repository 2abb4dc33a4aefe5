"""``samotop serve``: everything is checked, then the server of one home runs until it is told to stop."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from samotop.cli.check import load_checked
from samotop.cli.demo import open_demo
from samotop.cli.later import awaited, check_served
from samotop.cli.place import Home, open_home
from samotop.config.home import HomeLock
from samotop.config.shapes import Config
from samotop.net.endpoint import Stdio


def serve(
    *,
    demo: Annotated[
        bool,
        Parameter(
            help="Serve a home made for trying out, with an account, on this machine alone, and print how to send "
            "and read a first mail. It is removed at the end, unless --home names it.",
            negative=(),
            show_default=False,
        ),
    ] = False,
    home: Home = None,
) -> int:
    """Run the server of a home, in the foreground, until SIGTERM or Control-C.

    Prints the line "ready" when every listener accepts. What is queued then stays queued. A second server of the
    same home is refused with exit status 75. SIGHUP takes up a replaced certificate at once.
    """
    if demo:
        with open_demo(home) as (place, config, guide):
            print(guide, flush=True)
            return _run(place, config)
    place = open_home(home)
    with HomeLock(place):
        config = load_checked(place)
        for note in awaited(config):
            print(f"samotop: {note}", file=sys.stderr)
        return _run(place, config)


def _run(home: Path, config: Config) -> int:
    check_served(config)
    from samotop.app import run  # everything that serves: the largest import by far

    # Where a session is on standard output, nothing else may be.
    out = sys.stderr if any(isinstance(one.address, Stdio) for one in config.listeners) else sys.stdout

    def ready(addresses: Sequence[str]) -> None:
        print(f"samotop: listening on {', '.join(addresses)}", file=sys.stderr)
        print("ready", file=out, flush=True)

    return run(config, home, notify=ready)
