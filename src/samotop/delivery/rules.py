"""Delivery's parameters."""

from __future__ import annotations

from dataclasses import dataclass

from samotop.queue.schedule import ScheduleRules


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
    """After the queue could not be read."""
    stop_grace: float = 8.0
    """For batches that are under way when delivery stops."""
    schedule: ScheduleRules = ScheduleRules()
