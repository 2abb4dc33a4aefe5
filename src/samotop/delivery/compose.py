"""Puts the relay together: who calls, who plans TLS, who notifies, for one server process.

``app`` gives it stores and keys as ports and callables. Nothing is opened here
but threads: ``PATIENT_THREADS`` wait for the disk, or sign.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import random as any_random
from typing import Any, Final, TypeVar

from samotop.address import Address
from samotop.content import Content
from samotop.delivery.caller import NetworkCaller
from samotop.delivery.notifier import DsnNotifier
from samotop.delivery.outgoing import Outgoing, Sign, complete
from samotop.delivery.relay import Log, Relay
from samotop.delivery.renewal import keep_renewing
from samotop.delivery.rules import DeliveryRules
from samotop.delivery.service import Delivery
from samotop.delivery.tlsplans import Observer, PolicyPlanner
from samotop.dns.resolver import Resolver
from samotop.message.trace import DisclosureRules
from samotop.net.threads import DaemonPool
from samotop.ports import Spool
from samotop.ports.clock import Clock
from samotop.ports.policies import Policies
from samotop.ports.queue import Queue
from samotop.queue.entry import Entry, Pending
from samotop.routing.destinations import Destination
from samotop.routing.nexthop import NextHop, find_next_hop
from samotop.tlspolicy.chain import Trust
from samotop.tlspolicy.mtasts import Fetcher

T = TypeVar("T")

PATIENT_THREADS: Final = 2
"""That sign, read stores, and write notifications; more only wait for each other."""

BUNDLES: Final = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Where systems keep the public authorities in one file."""


@dataclass(frozen=True, slots=True)
class RelayParts:
    """What the relay needs of its server. ``author`` is whom notifications come from.

    ``sign`` signs what users of ours wrote, ``sign_own`` what we wrote
    ourselves; both read files and are called in threads. ``rewrite`` is routing's. ``roots`` is a PEM
    file of authorities that replaces the system's. ``may_tell`` says of an entry whether its sender is known.
    """

    hostname: str
    author: Address
    sign: Sign | None
    sign_own: Callable[[bytes], bytes]
    disclosure: DisclosureRules
    rewrite: Callable[[Address], Address]
    smarthost: str = ""
    port: int = 25
    policies: Policies | None = None
    fetcher: Callable[[Resolver], Fetcher] | None = None
    roots: Path | None = None
    may_tell: Callable[[Entry], bool] = lambda entry: True


class Relaying:
    """Made with the process (no loop's help needed), begun when there is a resolver."""

    def __init__(
        self, parts: RelayParts, spool: Spool, queue: Queue, clock: Clock, loop: asyncio.AbstractEventLoop, log: Log
    ) -> None:
        self._parts = parts
        self._queue = queue
        self._clock = clock
        self._loop = loop
        self._log = log
        self._renewal: asyncio.Task[None] | None = None
        self._pool = DaemonPool(PATIENT_THREADS, "samotop-relay")
        self.notifier = DsnNotifier(
            spool,
            queue,
            clock,
            parts.hostname,
            parts.author,
            parts.sign_own,
            self._beside,
            may_tell=parts.may_tell,
        )

    def find_hop(self, destination: Destination, pending: Pending) -> NextHop | None:
        address = self._parts.rewrite(pending.recipient.address)
        return find_next_hop(destination, address, self._parts.smarthost)

    def complete(self, entry: Entry, content: Content) -> Content:
        """What a user of ours submitted, with what it lacks, for mailboxes here."""
        return complete(entry, content, self._parts.hostname) if entry.trace.login else content

    def begin(
        self,
        delivery: Delivery,
        resolver: Resolver,
        rules: DeliveryRules = DeliveryRules(),
        *,
        observer: Observer | None = None,
        renews: bool = True,
    ) -> None:
        """Give ``delivery`` its relay; ``observer`` is told what TLS comes to.

        ``renews``: this process keeps other domains' MTA-STS policies alive. One of a server does.
        """
        parts = self._parts
        planner = PolicyPlanner(
            resolver,
            self._clock,
            trust=lambda: self._trust,
            fetcher=None if parts.fetcher is None else parts.fetcher(resolver),
            policies=parts.policies,
            beside=self._beside,
            observer=observer,
        )
        caller = NetworkCaller(resolver, planner, parts.hostname, port=parts.port, roots=parts.roots)
        delivery.relay = Relay(
            caller,
            resolver,
            Outgoing(parts.hostname, parts.disclosure, parts.sign),
            self._queue.open,
            self._clock,
            self._loop,
            self._log,
            room=lambda: delivery.room,
            beside=self._beside,
            ourselves=frozenset((parts.hostname.lower().removesuffix("."),)),
            random=any_random,
            rules=rules.relay,
        )
        if renews and parts.policies is not None and parts.fetcher is not None:
            self._renewal = self._loop.create_task(keep_renewing(planner.renew, self._log))

    def close(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
        self._pool.close(cancels=True)

    async def _beside(self, job: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._pool.submit(job), loop=self._loop)

    @cached_property
    def _trust(self) -> Trust:
        """The authorities that we believe, read when a certificate is first to be verified."""
        return Trust(read_roots(self._parts.roots))


def read_roots(chosen: Path | None) -> list[bytes]:
    """Certificates of authorities, in DER: those of ``chosen``, else the system's. None where there is no such file."""
    context: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    usual = [ssl.get_default_verify_paths().cafile, *BUNDLES]
    for path in [str(chosen)] if chosen is not None else filter(None, usual):
        if not Path(path).is_file():
            continue
        try:
            context.load_verify_locations(cafile=path)
        except (OSError, ssl.SSLError):
            continue
        found: list[bytes] = context.get_ca_certs(binary_form=True)
        if found:
            return found
    return []
