"""One of several server processes: ``python -m samotop.worker HOME SLOT WORKERS``, started by ``workers``.

Says "ready" on standard output when it listens. Ends at once when its standard
input closes: then the process that started it was killed, and somebody waits
to start another. Nothing is lost by that; to stop gently is SIGTERM's part.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvloop

from samotop.app import serve
from samotop.config.read import load_config
from samotop.errors import SetupError, TryAgainLater
from samotop.net.clock import SystemClock
from samotop.observe.log import open_log
from samotop.workers import AGAIN

LEFT_ALONE: Final = 1
"""Exit status that nobody is there to see."""


def main(arguments: Sequence[str]) -> int:
    """Run until told to stop; exit status 1 where it cannot start, 75 where it may later."""
    home, slot, workers = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    try:
        uvloop.run(_run(home, slot, workers))
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except TryAgainLater as error:
        print(error, file=sys.stderr)
        return AGAIN
    return 0


async def _run(home: Path, slot: int, workers: int) -> None:
    config = load_config(home)
    loop = asyncio.get_running_loop()
    loop.add_reader(0, _parent_spoke)

    def ready(_: Sequence[str]) -> None:
        print("ready", flush=True)

    log = open_log(sys.stderr.buffer, SystemClock()).bind(slot=slot)
    await serve(config, home, log, slot=slot, workers=workers, ready=ready)


def _parent_spoke() -> None:
    """The parent never says anything: readable means that it has gone."""
    if not os.read(0, 1):
        os._exit(LEFT_ALONE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
