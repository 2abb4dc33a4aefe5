"""Delivery's parameters."""

from __future__ import annotations

from dataclasses import dataclass

from samotop.queue.pace import PaceRules
from samotop.queue.schedule import ScheduleRules


@dataclass(frozen=True, slots=True)
class RelayRules:
    """Sessions with other servers. Counts, octets, times in seconds."""

    sessions: int = 300
    """Open at the same time, to all next hops together; one that hangs keeps its own until its deadline."""
    hosts: int = 5
    """Hosts of a domain that one attempt tries (RFC 5321 §5.1: at least two)."""
    call: float = 60.0
    """For one host to be connected to, to greet, to begin TLS."""
    send: float = 900.0
    """For one message, beside what its size takes: the reply to the content may take ten minutes (§4.5.3.2.6)."""
    least_rate: int = 4096
    """Octets a second below which a server is too slow to be waited for."""
    idle: float = 3.0
    """For which a session is kept when nothing waits for it."""
    messages: int = 200
    """Of one session; then another is opened, so that a domain's hosts share the load."""
    recipients: int = 100
    """Of one transaction (RFC 5321 §4.5.3.1.8)."""
    put_off: float = 15.0
    """After which an entry is looked at again for which there was no room."""
    hosts_remembered: int = 10_000
    """Whose failures are remembered."""
    pace: PaceRules = PaceRules()


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """Counts of entries, times in seconds."""

    threads: int = 2
    """Batches at the same time: while one waits for the disk, the other is written."""
    batch: int = 256
    """Entries of one batch: they share the waits. More gain little, and are all done again after a crash."""
    in_flight: int = 4096
    """Entries in memory; what is stored beyond that is read from the queue later."""
    look: float = 300.0
    """How long we rely on the clock alone: then the queue is asked what is due, whatever was planned."""
    pause: float = 10.0
    """After the queue could not be read, or a notification could not be written."""
    stop_grace: float = 8.0
    """For batches that are under way when delivery stops."""
    schedule: ScheduleRules = ScheduleRules()
    relay: RelayRules = RelayRules()
