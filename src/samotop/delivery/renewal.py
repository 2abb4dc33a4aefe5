"""Keeps the MTA-STS policies that we know alive, once an hour, whoever writes or not.

One process of a server does it. What the store does not answer is asked again
an hour later; a bug is logged and does not end it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from samotop.errors import TryAgainLater

PERIOD_SECONDS: Final = 3600.0
"""Each policy is fetched once a day; one whose web server is away has a chance every hour."""


class Log(Protocol):
    def error(self, event: str, **fields: Any) -> None: ...


async def keep_renewing(
    renew: Callable[[], Awaitable[int]], log: Log, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Call ``renew`` an hour from now, and so on until cancelled."""
    while True:
        await sleep(PERIOD_SECONDS)
        try:
            await renew()
        except TryAgainLater:
            continue
        except Exception as error:  # noqa: BLE001 - else no policy would ever be renewed again
            log.error("renewal_failed", error=error)
