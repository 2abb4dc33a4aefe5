"""One server process, put together from its parts: the only place that knows all of them.

``serve`` runs one process on one event loop until it is told to stop; ``run``
does so for the command line, and starts several workers where the configuration
wants them. Raises ``SetupError`` for whatever cannot work, before anything is
listening, and ``TryAgainLater`` for a full disk.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop

from samotop.app.process import Process
from samotop.config.shapes import Config
from samotop.net.clock import SystemClock
from samotop.observe.log import Level, Log, open_log, watch_loop
from samotop.store.faults import explained
from samotop.workers import supervise


def run(config: Config, home: Path, *, notify: Callable[[Sequence[str]], None], level: Level = Level.INFO) -> int:
    """Serve until told to stop; the exit status. ``notify`` gets the addresses once every listener accepts."""
    log = open_log(sys.stderr.buffer, SystemClock(), level=level)
    if config.workers > 1:
        uvloop.run(supervise(config, home, log, notify))
    else:
        uvloop.run(serve(config, home, log, ready=notify))
    return 0


async def serve(
    config: Config, home: Path, log: Log, *, slot: int = 0, workers: int = 1, ready: Callable[[Sequence[str]], None]
) -> None:
    """Run one process of the server until SIGTERM or SIGINT; ``ready`` gets the addresses once all accept.

    One that has only standard input and output to listen to ends with that session, as inetd expects.

    ``slot`` of ``workers`` says which of several processes this is: slot 0 adopts
    what others left and alone has the sockets that cannot be shared.
    """
    loop = asyncio.get_running_loop()
    watch_loop(loop, log)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a start looks at everything anyway
    with explained(home):
        process = await asyncio.to_thread(Process, config, home, log, loop, slot, workers)
        try:
            await process.start()
        except BaseException:
            await process.stop()
            raise
    loop.add_signal_handler(signal.SIGHUP, process.look)
    try:
        ready(process.addresses)
        if process.serves_stdio_alone:
            over = loop.create_task(process.until_over())
            over.add_done_callback(lambda _: stop.set())
        await stop.wait()
    finally:
        await process.stop()
