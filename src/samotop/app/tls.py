"""The certificates that a server process shows, where its listeners want some."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from samotop.config.shapes import Config, Listen
from samotop.net.clock import SystemClock
from samotop.net.tls import ServerTls, TlsFiles, ensure_self_signed

MAIL_PROTOCOLS: Final = ("smtp", "submission", "lmtp")
"""What this release listens for beside the web; the configuration may name more."""

WEB: Final = "web"


def wants_tls(listen: Listen) -> bool:
    return listen.protocol in (*MAIL_PROTOCOLS, WEB) and listen.tls != "none"


def load_tls(config: Config, home: Path, clock: SystemClock) -> ServerTls:
    """The certificate of ``[tls]``, made first where none is named. Raises ``SetupError``."""
    files = TlsFiles(home / config.tls.certificate, home / config.tls.key)
    if config.tls == type(config.tls)():
        files = ensure_self_signed(home / "tls", config.hostname, config.domains, clock)
    return ServerTls(files, clock)


def load_web_tls(config: Config, home: Path, clock: SystemClock) -> ServerTls | None:
    """The certificate of ``[mta_sts]`` for the web listeners; ``None`` without one. Raises ``SetupError``."""
    own = config.mta_sts
    if not own.certificate or not any(one.protocol == WEB and one.tls != "none" for one in config.listeners):
        return None
    return ServerTls(TlsFiles(home / own.certificate, home / own.key), clock)
