"""One message over one session: made ready, sent within its time, its outcomes told apart from the session's.

Raises what a bug raises, and nothing for what a server, the network or the
stored content does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from samotop.content import Content
from samotop.delivery.calls import Beside, Visit
from samotop.delivery.guard import Guarded, is_damage
from samotop.delivery.lanes import Job
from samotop.delivery.outgoing import Outgoing
from samotop.delivery.rules import RelayRules
from samotop.envelope import Envelope
from samotop.ports.clock import Clock
from samotop.ports.transport import Outcome
from samotop.queue.deadlines import remaining_by
from samotop.queue.entry import Entry
from samotop.status import EnhancedStatus

UNREADABLE: Final = Outcome(EnhancedStatus(4, 3, 0), "the stored content could not be read")


class Carrier:
    """``open_content`` gives an entry's content; ``beside`` runs a job that may block in a thread."""

    def __init__(
        self,
        outgoing: Outgoing,
        open_content: Callable[[Entry], Content],
        beside: Beside,
        clock: Clock,
        rules: RelayRules,
    ) -> None:
        self._outgoing = outgoing
        self._open_content = open_content
        self._beside = beside
        self._clock = clock
        self._rules = rules

    async def carry(self, visit: Visit, job: Job, now: float, *, is_first: bool) -> bool:
        """Send one message and answer its job, ``now`` by the loop's clock.

        ``False`` where the session had ended while nobody used it: nobody has seen the message, and the job is not
        answered. That cannot be in a session's first message.
        """
        entry = job.entry
        parameters = entry.envelope.parameters
        try:
            guard = Guarded(self._open_content(entry))
            assert guard.content is not None, "given above"
            content = guard.content
            if self._outgoing.needs_signature(entry):
                content = await self._beside(lambda: self._outgoing.prepare(entry, content))
            else:
                content = self._outgoing.prepare(entry, content)
        except (OSError, ValueError) as fault:
            job.answer(job.numbers, [UNREADABLE] * len(job.numbers), is_damage(fault))
            return True
        envelope = Envelope(entry.envelope.reverse_path, job.recipients, parameters)
        until = now + self._rules.send + content.size / self._rules.least_rate
        left = remaining_by(parameters, entry.trace.received_at, self._clock.time())
        may_convert = not self._outgoing.needs_signature(entry)
        try:
            outcomes = await visit.deliver(envelope, content, until, seconds_left=left, may_convert=may_convert)
        except ValueError:
            outcomes = [UNREADABLE] * len(job.numbers)
        if visit.is_stale and not is_first:
            return False
        job.answer(job.numbers, outcomes, guard.is_damaged)
        return True
