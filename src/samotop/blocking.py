"""Sending for programs without asyncio: the same transports, with calls that wait.

    from samotop import Message, blocking

    with blocking.SmtpTransport("smtps://user:password@mail.example.org") as transport:
        outcome = transport.send(message)

Each transport has an event loop in a background thread, from its first call to
``close``. Any thread may call, and many at the same time: they share the
transport's connections. A transport does not survive ``fork``: make another one
in the child.

Raises what the transports raise, and ``RuntimeError`` where it is called from a
running event loop, which it would block: use ``samotop.SmtpTransport`` there.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from samotop.content import Content
from samotop.envelope import Envelope
from samotop.smtp.client import NO_WISHES, Wishes
from samotop.transport import choosing
from samotop.transport.sending import Outcome, Progress, Sendable, Transport
from samotop.transport.smtp import sender
from samotop.transport.smtp.opening import NoSession
from samotop.transport.smtp.view import ServerView

T = TypeVar("T")


class _Background:
    """An event loop in a thread, started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process = 0

    def run(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine there and wait for it. An interrupt cancels it."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise RuntimeError("this would block the running event loop: use the transport of samotop itself")
        future = asyncio.run_coroutine_threadsafe(make(), self._started())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the thread."""
        with self._lock:
            loop, thread, self._loop = self._loop, self._thread, None
        if loop is not None and thread is not None and self._process == os.getpid():
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._process = os.getpid()
                self._thread = threading.Thread(target=self._loop.run_forever, name="samotop-blocking", daemon=True)
                self._thread.start()
            elif self._process != os.getpid():
                raise RuntimeError("the transport was made before fork: make another one")
            return self._loop


class BlockingTransport:
    """Any transport, blocking. ``transport`` is used by the background loop from now on, and by nobody else."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._background = _Background()

    def send(self, message: Sendable | Envelope, content: Content | bytes | None = None) -> Outcome:
        """Send one message and wait for its outcome."""
        return self._background.run(lambda: self._transport.send(message, content))

    def close(self) -> None:
        """Close the transport, and end its thread."""
        try:
            self._background.run(self._transport.close)
        finally:
            self._background.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SmtpTransport(BlockingTransport):
    """``samotop.SmtpTransport``, blocking: of a URL and its settings, or of one that was made already."""

    def __init__(self, server: str | sender.SmtpTransport, **settings: Any) -> None:
        """``settings`` are those of ``samotop.SmtpTransport.from_url``. Raises ``SetupError``."""
        smtp = sender.SmtpTransport.from_url(server, **settings) if isinstance(server, str) else server
        super().__init__(smtp)
        self._smtp = smtp

    @classmethod
    def from_url(cls, url: str, **settings: Any) -> Self:
        """As ``samotop.SmtpTransport.from_url``. Raises ``SetupError``."""
        return cls(url, **settings)

    def send(
        self,
        message: Sendable | Envelope,
        content: Content | bytes | None = None,
        *,
        timeout: float | None = None,
        progress: Progress | None = None,
        wishes: Wishes = NO_WISHES,
    ) -> Outcome:
        """Send one message and wait for its outcome. ``progress`` is called in the background thread."""
        return self._background.run(
            lambda: self._smtp.send(message, content, timeout=timeout, progress=progress, wishes=wishes)
        )

    def check(self, *, timeout: float = 60.0) -> NoSession | None:
        """Can a session be opened, login included? ``None``: yes; else why not. Sends nothing."""
        return self._background.run(lambda: self._smtp.check(timeout=timeout))

    def examine(self, *, timeout: float = 60.0) -> ServerView | NoSession:
        """What the server offers, and how it is reached; or why not. Sends nothing."""
        return self._background.run(lambda: self._smtp.examine(timeout=timeout))


def open_sender(url: str) -> BlockingTransport:
    """``samotop.transport.open_sender``, blocking. Raises ``SetupError``."""
    return BlockingTransport(choosing.open_sender(url))
