"""Where delivery hands messages on to: the local transports that the configuration names."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from samotop.config.shapes import Config
from samotop.ports import Accounts, Clock, LocalTransport
from samotop.routing.destinations import Destination, Local, Via
from samotop.routing.via import Target
from samotop.terms import disclosure_rules
from samotop.transport import Maildir, open_transport


class Places:
    """The transports, one for each place, made when they are first needed. Called from delivery's threads, too."""

    def __init__(self, config: Config, home: Path, accounts: Accounts, clock: Clock) -> None:
        self._home = home
        self._hostname = config.hostname
        self._clock = clock
        self._disclosure = disclosure_rules(config)
        self._mailboxes = Maildir.for_accounts(
            home / "mail", accounts.exists, hostname=config.hostname, disclosure=self._disclosure, clock=clock
        )
        self._by_target: dict[Target, LocalTransport] = {}
        self._lock = Lock()

    def find(self, destination: Destination) -> LocalTransport | None:
        """The transport of a destination; ``None`` where this release has none."""
        if isinstance(destination, Local):
            return self._mailboxes
        if not isinstance(destination, Via) or destination.route.via.is_next_hop:
            return None
        target = destination.route.via
        found = self._by_target.get(target)
        if found is None:
            with self._lock:
                found = self._by_target.get(target)
                if found is None:
                    found = open_transport(
                        target,
                        home=self._home,
                        hostname=self._hostname,
                        clock=self._clock,
                        disclosure=self._disclosure,
                    )
                    self._by_target[target] = found
        return found
