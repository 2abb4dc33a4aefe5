"""A resolver that is asked only for so long: past the deadline every new question is answered with a time-out.

So an evaluation that waits for DNS comes to its own end, with the result
that it would have had if DNS had not answered, and nobody has to make one up.
What was answered in time stays known, as far as ``KEPT_OCTETS`` reach: strangers
choose which names we ask for, and hold many sessions open. An answer longer than
``ANSWER_OCTETS`` counts as none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, Final, TypeVar

from samotop.dns.answer import Answer, Security, Status
from samotop.dns.resolver import Resolver

ANSWER_OCTETS: Final = 32 * 1024
"""Of text in one answer: the longest honest ones, of domains with dozens of TXT records, have some 10,000."""
AT_ONCE: Final = 8
"""Questions under way for one message: one with many signatures must not take the place of all others'."""
KEPT_OCTETS: Final = 64 * 1024
"""Of text in all answers that are kept for one message; honest messages need some 5,000."""


T = TypeVar("T")


class PatientResolver:
    """Implements ``Resolver`` over another one until ``expire``. Made for one message, and forgotten with it."""

    __slots__ = ("_answers", "_inner", "_is_over", "_room", "_turns")

    def __init__(self, inner: Resolver) -> None:
        self._inner = inner
        self._answers: dict[tuple[str, str], Answer] = {}
        self._is_over = False
        self._room = KEPT_OCTETS
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def lookup(self, name: str, type: str) -> Answer:
        question = (name, type)
        answer = self._answers.get(question)
        if answer is not None:
            return answer
        if self._has_expired():
            return _no_answer(name, type)
        try:
            async with self._turns:
                answer = await self._inner.lookup(name, type)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._has_expired() or task is None:
                raise
            task.uncancel()  # it was not the evaluation that was to end, but its waiting
            return _no_answer(name, type)
        size = sum(map(len, answer.texts))
        if size > ANSWER_OCTETS:
            return _no_answer(name, type, Status.SERVFAIL)
        if size <= self._room:
            self._room -= size
            self._answers[question] = answer
        return answer

    def _has_expired(self) -> bool:
        return self._is_over

    async def run(self, evaluation: Awaitable[T], patience: float) -> T:
        """Evaluate within this task, which must not be cancelled meanwhile but to end it; as ``wait`` otherwise."""
        task = asyncio.current_task()
        assert task is not None, "evaluations run in tasks"
        timer = task.get_loop().call_later(max(0.0, patience), self._expire, task)
        try:
            return await evaluation
        finally:
            timer.cancel()

    def _expire(self, task: asyncio.Task[Any]) -> None:
        if not self._is_over:
            self._is_over = True
            task.cancel()  # ``lookup`` makes an answer of it

    async def wait(self, tasks: Iterable[asyncio.Task[Any]], patience: float) -> None:
        """Wait for ``tasks``, which use this resolver: ``patience`` seconds, then they end without further answers."""
        pending = {task for task in tasks if not task.done()}
        if pending and not self._has_expired():
            _, pending = await asyncio.wait(pending, timeout=max(0.0, patience))
            self._is_over = bool(pending)
            for task in pending:
                task.cancel()
        if pending:
            await asyncio.wait(pending)


def _no_answer(name: str, type: str, status: Status = Status.TIMEOUT) -> Answer:
    return Answer(name, type, status, security=Security.INDETERMINATE)
