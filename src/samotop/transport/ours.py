"""Mail that we write ourselves into the queue: notifications and reports."""

from __future__ import annotations

import asyncio

from samotop.envelope import Envelope
from samotop.ports.spool import Draft, NewEntry, SpoolFault
from samotop.queue.entry import Trace


async def commit_ours(draft: Draft, envelope: Envelope, now: float) -> None:
    """Make a draft that holds our mail an entry; it is durable when this returns.

    ``now`` is in seconds since 1970. On the event loop. Raises ``SpoolFault``, with nothing kept.
    """
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def committed(fault: SpoolFault | None) -> None:
        if done.done():
            return  # whoever waited has been cancelled; what is durable stays
        if fault is None:
            done.set_result(None)
        else:
            done.set_exception(fault)

    draft.commit(NewEntry(envelope, Trace("", "", "", now)), committed)
    await done
