"""Several server processes that share the ports: started, watched and stopped by one.

Each worker has a slot of the queue and its own event loop; the kernel spreads
connections over them (SO_REUSEPORT). A worker that ends unasked is started
again, after a wait that grows while it keeps ending; its queue waits meanwhile.
When the supervisor ends, however that happens, the workers' standard input
closes and they end: nobody is left over. They inherit the home's lock, so that
no other server begins before the last of them has gone.

Raises ``SetupError`` or ``TryAgainLater`` where the first start fails.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from samotop.config.shapes import Config
from samotop.errors import SetupError, TryAgainLater
from samotop.net.endpoint import Inherited, Stdio, Tcp
from samotop.reception.context import Log

FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 30.0
"""Seconds before a worker that ended is started again: the first time, and at most."""

QUIET_SECONDS: Final = 60.0
"""A worker that ran this long begins again with the first wait."""

STOP_SECONDS: Final = 9.5
"""For workers to stop before they are killed: within the 10 s that a service manager waits."""

READY: Final = b"ready"

AGAIN: Final = 75
"""Exit status of a worker that may start later, as of the command line: EX_TEMPFAIL of sysexits.h."""


def check_workers(config: Config) -> None:
    """Refuse what several processes cannot share. Raises ``SetupError``."""
    if config.workers == 1:
        return
    if any(isinstance(one.address, Stdio | Inherited) for one in config.listeners):
        raise SetupError(
            "listeners on stdio or systemd sockets cannot be shared by several workers",
            remedy="Set workers = 1, or listen on host:port.",
        )
    if any(isinstance(one.address, Tcp) and one.address.port == 0 for one in config.listeners):
        raise SetupError(
            "with port 0 each of several workers would have a port of its own",
            remedy="Set workers = 1, or write the port's number.",
        )
    if any(route.via.kind == "console" for route in config.routes):  # nobody reads their standard output
        raise SetupError("several workers have no console", remedy="Set workers = 1, or route to another place.")


async def supervise(config: Config, home: Path, log: Log, ready: Callable[[Sequence[str]], None]) -> None:
    """Run ``config.workers`` processes until SIGTERM or SIGINT."""
    check_workers(config)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    workers = [Worker(home, slot, config.workers, log) for slot in range(config.workers)]

    def look() -> None:
        for worker in workers:
            worker.signal(signal.SIGHUP)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, look)
    try:
        for worker in workers:  # one after the other: slot 0 brings the queue in order first
            await worker.start()
        ready([str(one.address) for one in config.listeners])
        watches = [loop.create_task(worker.watch(stop)) for worker in workers]
        await stop.wait()
        await asyncio.gather(*watches)
    finally:
        for worker in workers:
            worker.signal(signal.SIGTERM)
        await asyncio.gather(*(worker.ended() for worker in workers))


class Worker:
    """One server process and what is known of it."""

    def __init__(self, home: Path, slot: int, workers: int, log: Log) -> None:
        self._arguments = (str(home), str(slot), str(workers))
        self._slot = slot
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it listens. Raises ``SetupError``, ``TryAgainLater``."""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "samotop.worker",
                *self._arguments,
                stdin=asyncio.subprocess.PIPE,  # kept open: its end is how the worker learns of ours
                stdout=asyncio.subprocess.PIPE,
                close_fds=False,  # the home's lock is the one descriptor that is inheritable
            )
        except OSError as error:
            raise TryAgainLater(f"worker {self._slot} cannot be started: {error.strerror}") from error
        self._process = process
        assert process.stdout is not None, "asked for a pipe"
        line = await process.stdout.readline()
        if line.strip() != READY:
            if await process.wait() == AGAIN:
                raise TryAgainLater(f"worker {self._slot} cannot start now; its message above says why")
            raise SetupError(f"worker {self._slot} did not start", remedy="Its message above says why.")

    async def watch(self, stop: asyncio.Event) -> None:
        """Start it again whenever it ends, until ``stop``."""
        loop = asyncio.get_running_loop()
        following = FIRST_WAIT
        while not stop.is_set():
            begun = loop.time()
            assert self._process is not None, "started before"
            await _first(stop.wait(), self._process.wait())
            if stop.is_set():
                return
            self._log.error("worker_ended", slot=self._slot, code=self._process.returncode)
            wait = FIRST_WAIT if loop.time() - begun > QUIET_SECONDS else following
            following = min(wait * 2, LONGEST_WAIT)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait)
                return
            with suppress(SetupError, TryAgainLater):  # said by the worker itself; tried again after the next wait
                await self.start()

    def signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def ended(self) -> None:
        """Wait for its end, and make sure of it."""
        if self._process is None:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


async def _first(*waits: object) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]  # type: ignore[call-overload]  # coroutines
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
