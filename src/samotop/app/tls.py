"""The certificate that a server process shows, where one of its listeners wants one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from samotop.config.shapes import Config, Listen
from samotop.net.clock import SystemClock
from samotop.net.tls import ServerTls, TlsFiles, ensure_self_signed

MAIL_PROTOCOLS: Final = ("smtp", "submission", "lmtp")
"""What this release listens for; the configuration may name more."""


def wants_tls(listen: Listen) -> bool:
    return listen.protocol in MAIL_PROTOCOLS and listen.tls != "none"


def load_tls(config: Config, home: Path, clock: SystemClock) -> ServerTls:
    files = TlsFiles(home / config.tls.certificate, home / config.tls.key)
    if config.tls == type(config.tls)():
        files = ensure_self_signed(home / "tls", config.hostname, config.domains, clock)
    return ServerTls(files, clock)
