"""Our own web: the service, its certificate, and its pages as the configuration has them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from samotop.app.tls import WEB, load_web_tls
from samotop.config.shapes import Config, Listen
from samotop.config.sts import own_policy
from samotop.dns.names import normalize_name
from samotop.net.clock import SystemClock
from samotop.net.listen import ProtocolFactory
from samotop.net.tls import Reload, ServerTls
from samotop.observe.log import Log
from samotop.web.pages import plan_pages
from samotop.web.service import Web


class OwnWeb:
    """``mail_tls`` is the certificate of ``[tls]``, which shows here too unless ``[mta_sts]`` names another."""

    def __init__(
        self,
        config: Config,
        home: Path,
        clock: SystemClock,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        mail_tls: ServerTls | None,
    ) -> None:
        self._config = config
        self._home = home
        self._loop = loop
        self._log = log
        self._tls = load_web_tls(config, home, clock)
        self._web = Web(clock, loop, log, tls=self._tls or mail_tls)
        self._renewal: asyncio.Task[None] | None = None

    def factory(self, listen: Listen) -> ProtocolFactory:
        """What the listener ``listen`` calls for each connection."""
        return self._web.factory(is_encrypted=listen.tls == "implicit")

    async def start(self) -> None:
        self._web.start()
        await self._write_pages()

    async def _write_pages(self) -> None:
        if any(one.protocol == WEB for one in self._config.listeners):
            policy = await asyncio.to_thread(own_policy, self._config, self._home)
            self._web.pages = plan_pages(map(normalize_name, self._config.domains), policy)

    def look(self, *, is_renewed: bool) -> None:
        """Take up changed files; ``is_renewed``: the mail's certificate is another, and so may be the policy."""
        found = Reload.UNCHANGED if self._tls is None else self._tls.reload_if_changed()
        if found is not Reload.UNCHANGED:
            self._log.info("certificate_" + found.value, listener=WEB)
        if is_renewed:
            self._renewal = self._loop.create_task(self._write_pages())

    async def stop(self) -> None:
        await self._web.stop()
        if self._renewal is not None:
            await self._renewal
