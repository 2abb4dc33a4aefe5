"""``samotop serve``, as cyclopts reads and describes it."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from samotop.cli.flags import Home
from samotop.cli.serve import serve_demo, serve_home


def serve(
    *,
    demo: Annotated[
        bool,
        Parameter(
            help="Serve a home made for trying out, with an account, on this machine alone, and print how to send "
            "and read a first mail. It is removed at the end, unless --home names it.",
            show_default=False,
        ),
    ] = False,
    home: Home = None,
) -> int:
    """Run the server of a home, in the foreground, until SIGTERM or Control-C.

    Prints the line "ready" when every listener accepts. What is queued then stays queued. A second server of the
    same home is refused with exit status 75. SIGHUP takes up a replaced certificate at once.
    """
    return serve_demo(home) if demo else serve_home(home)
