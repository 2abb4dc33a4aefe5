"""Teach the server a verb: XTIME tells the time. EHLO shows it."""

import asyncio
import sys
from datetime import UTC, datetime

from samotop import Reply, Server


def xtime(facts: object) -> Reply:
    return Reply.of(250, "2.0.0", datetime.now(UTC).isoformat(timespec="seconds"))


async def main(listen: str = "127.0.0.1:2525") -> None:
    async with Server(verbs={"XTIME": xtime}, listen=listen) as server:
        print("listening on", *server.addresses, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
