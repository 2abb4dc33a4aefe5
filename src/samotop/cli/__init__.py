"""The command line: ``samotop VERB``.

Contains no rules and no SQL: each verb calls what the server and the library
call. ``main`` imports the rest when it is called, so that a small verb does
not pay for the others.

Exit status: 0 done, 1 refused or found wrong, 2 usage, 75 try again later, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line, by default the process's own; return the exit status."""
    try:
        if arguments is None:
            from samotop.cli.streams import fill_gaps

            fill_gaps()
        return _run(arguments)
    except KeyboardInterrupt:  # while something is imported: most of a small verb's time
        return 130


def _run(arguments: Sequence[str] | None) -> int:
    from samotop.cli.quick import move_home, plan_serve
    from samotop.cli.sendmail import is_called, run_sendmail

    given = list(sys.argv[1:] if arguments is None else arguments)
    flags = is_called(sys.argv[0] if arguments is None else "", given)
    if flags is not None:
        from samotop.cli.outcome import settle

        return settle(lambda: run_sendmail(flags))
    words = move_home(given)
    if words[:1] == ["serve"]:
        from samotop.net.inetd import hush_stderr

        hush_stderr()  # before the first word: it may be a peer's
    plan = plan_serve(words)
    if plan is None:
        from samotop.cli.tree import run

        return run(words)
    from samotop.cli.outcome import settle
    from samotop.cli.serve import serve_demo, serve_home

    demo, home = plan
    return settle(lambda: serve_demo(home) if demo else serve_home(home))
