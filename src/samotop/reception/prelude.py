"""The wait for a PROXY header, before a session knows who its peer is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from samotop.errors import PeerError
from samotop.net.proxy import ProxyReader
from samotop.peer import Peer

_STARTS: Final = (b"PROXY ", b"\r\n\r\n\x00\r\nQUIT\n")


class Prelude:
    """Collects octets until they are a PROXY header, or clearly none, or ``wait`` seconds are over.

    ``over(peer, octets)`` is called once: ``peer`` is whom the header names
    (``None``: the connection's own), ``octets`` is what followed it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        wait: float,
        over: Callable[[Peer | None, bytes], None],
        refuse: Callable[[], None],
    ) -> None:
        self._reader = ProxyReader()
        self._over = over
        self._refuse = refuse
        self._begun = bytearray()
        self._is_proxy = False
        self._timer = loop.call_later(wait, self._nobody_spoke)

    def receive_data(self, octets: bytes) -> None:
        """Take what came; a malformed header ends the session, since nobody else speaks like that."""
        if not self._is_proxy:
            self._begun += octets
            octets = bytes(self._begun)
            if not any(start.startswith(octets) or octets.startswith(start) for start in _STARTS):
                self._over(None, octets)
                return
            if not any(octets.startswith(start) for start in _STARTS):
                return
            self._is_proxy = True
        try:
            header = self._reader.feed(octets)
        except PeerError:
            self._refuse()
            return
        if header is not None:
            self._over(header.peer, header.rest)

    def _nobody_spoke(self) -> None:
        if self._begun:
            self._refuse()
        else:
            self._over(None, b"")

    def close(self) -> None:
        self._timer.cancel()
