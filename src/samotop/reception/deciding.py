"""Asking a stage's decider, and waiting for it where it has to be awaited.

A decider is somebody else's code. One that returns an awaitable makes the
session wait in a task, for the rules' ``decision_timeout`` at most. An
exception of a decider is a bug of that decider: it is reported, and the client
gets a 451.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from samotop.reception import answers
from samotop.reception.connection import Connection
from samotop.reception.context import Context
from samotop.reception.listener import Listener
from samotop.smtp.server import ServerConnection
from samotop.verdict import ABSTAIN, Verdict


class Deciding(Connection):
    """A connection with an engine, whose events are decided on."""

    __slots__ = ("_engine",)

    def __init__(self, context: Context, listener: Listener) -> None:
        super().__init__(context, listener)
        self._engine: ServerConnection | None = None

    def _served(self) -> ServerConnection:
        assert self._engine is not None, "the session has begun"
        return self._engine

    def _decide(self, decide: Callable[[Any], Any] | None, facts: object, answer: Callable[[Any], None]) -> None:
        """Ask a decider; ``answer`` gets its verdict now, or later where it has to be awaited."""
        if decide is None:
            answer(ABSTAIN)
            return
        try:
            found = decide(facts)
            if type(found) is Verdict:  # nearly always, and looking for an awaitable takes five calls
                answer(found)
            elif inspect.isawaitable(found):
                self._spawn(self._await(found, answer))
            else:
                answer(ABSTAIN if found is None else found)
        except Exception as error:  # noqa: BLE001 - somebody else's code: its bug must not end the session
            self._decider_failed(error, answer)

    async def _await(self, found: Awaitable[Any], answer: Callable[[Any], None]) -> None:
        try:
            async with asyncio.timeout(self._context.rules.decision_timeout):
                verdict = await found
        except TimeoutError:
            verdict = answers.UNDECIDED
        except Exception as error:  # noqa: BLE001 - as in _decide
            self._report(error)
            verdict = answers.INTERNAL
        if self._transport is None:
            return
        try:
            answer(ABSTAIN if verdict is None else verdict)
        except Exception as error:  # noqa: BLE001 - a verdict that is none
            self._decider_failed(error, answer)

    def _decider_failed(self, error: Exception, answer: Callable[[Any], None]) -> None:
        """It raised, or what it returned is no verdict for this stage."""
        self._report(error)
        if self._served().is_waiting:
            answer(answers.INTERNAL)
