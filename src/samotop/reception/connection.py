"""A session's connection: who is there, PROXY and TLS around the session, reading and not reading, tasks.

What is said over the connection is ``session``'s part: it fills the three
hooks ``_begin``, ``_go_on`` and ``_on_lost``.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Coroutine
from dataclasses import replace
from typing import Any, Final, cast

from samotop.net.networks import in_networks, network_key, normal_address, peer_of
from samotop.net.tls import TlsFault, can_start_tls, channel_binding_of, start_tls, tls_of
from samotop.peer import Peer
from samotop.reception import answers
from samotop.reception.context import Context
from samotop.reception.listener import Listener
from samotop.reception.prelude import Prelude
from samotop.reply import Reply

_NOBODY: Final = Peer()


class Connection(asyncio.Protocol):
    """One connection through one listener. ``deadline`` (monotonic seconds) is watched by the service's sweep."""

    __slots__ = (
        "_context",
        "_ends_at",
        "_is_reading_paused",
        "_is_writing_paused",
        "_key",
        "_listener",
        "_peer",
        "_prelude",
        "_task",
        "_transport",
        "deadline",
    )

    def __init__(self, context: Context, listener: Listener) -> None:
        self._context = context
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._prelude: Prelude | None = None
        self._peer = _NOBODY
        self._key = ""
        self._task: asyncio.Task[None] | None = None
        self._is_reading_paused = self._is_writing_paused = False
        self._ends_at = self.deadline = 0.0

    # --- hooks ----------------------------------------------------------------------------------

    @abstractmethod
    def _begin(self, octets: bytes) -> None:
        """The peer is known and TLS, if it comes first, is there; ``octets`` were read already."""

    @abstractmethod
    def _go_on(self) -> None:
        """Look at what waits: a task is over, or the peer reads again."""

    @abstractmethod
    def _on_lost(self) -> None:
        """The connection is gone; nothing more can be said."""

    @abstractmethod
    def expire(self) -> None:
        """The deadline has passed."""

    @abstractmethod
    def stop(self) -> None:
        """The server stops: end now, or after the transaction that is under way."""

    # --- the transport's calls ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        context = self._context
        self._transport = cast("asyncio.Transport", transport)
        self._peer = peer_of(transport)
        now = context.clock.monotonic()
        self._ends_at = now + context.rules.session_timeout
        self.deadline = now + context.rules.greeting_timeout
        refusal = answers.STOPPING if context.is_stopping else self._enter()
        if refusal is not None:
            self._turn_away(refusal)
            return
        context.sessions.add(self)
        if self._listener.proxy and in_networks(self._peer.address, self._listener.proxy):
            self._prelude = Prelude(context.loop, context.rules.proxy_wait, self._prelude_over, self.abort)
        else:
            self._open(b"")

    def _enter(self) -> Reply | None:
        """Be counted. A proxy is nobody's address: who it speaks for is counted when that is known."""
        is_proxy = bool(self._listener.proxy) and in_networks(self._peer.address, self._listener.proxy)
        self._key = "" if is_proxy else network_key(self._peer.address)
        return self._context.gate.enter(self._key)

    def _change_peer(self, peer: Peer) -> Reply | None:
        """Somebody else is behind this connection, and counts instead; a reply where there is no room for them."""
        self._context.gate.leave(self._key)
        self._peer = peer
        refusal = self._enter()
        if refusal is not None:
            self._key = ""
            self._context.gate.enter("", force=True)
        return refusal

    def _turn_away(self, refusal: Reply) -> None:
        """There is no room for this session, or no time."""
        assert self._transport is not None, "just connected"
        self._transport.write(refusal.wire)
        self._transport.close()
        self._transport = None
        self._context.log.info("session_refused", code=refusal.code, listener=self._listener.name)

    def eof_received(self) -> bool:
        return False  # the transport closes itself once it has written what was said

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is None:
            return
        self._transport = None
        self._context.gate.leave(self._key)
        self._context.forget(self)
        if self._prelude is not None:
            self._prelude.close()
        if self._task is not None:
            self._task.cancel()
        self._on_lost()
        self._context.log.debug("session_closed", listener=self._listener.name)

    def pause_writing(self) -> None:
        self._is_writing_paused = True  # who does not read our replies is not read either
        self._pause_reading()

    def resume_writing(self) -> None:
        self._is_writing_paused = False
        self._resume_reading()
        if self._task is None:
            self._go_on()

    # --- before the session ---------------------------------------------------------------------

    def _prelude_over(self, peer: Peer | None, octets: bytes) -> None:
        """The PROXY header was read, or none came: ``peer`` is who is behind the proxy, and who counts."""
        if self._prelude is not None:
            self._prelude.close()
            self._prelude = None
        if peer is not None:
            refusal = self._change_peer(peer)
            if refusal is not None:
                self._context.gate.leave(self._key)
                self._context.forget(self)
                self._turn_away(refusal)
                return
        self._open(octets)

    def _open(self, octets: bytes) -> None:
        if self._listener.tls == "implicit":
            self._spawn(self._begin_encrypted(self._handshake(octets)))
        else:
            self._begin(octets)

    async def _begin_encrypted(self, handshake: Awaitable[asyncio.Transport]) -> None:
        if await self._is_encrypted_after(handshake):
            self._begin(b"")

    def _local_address(self) -> str:
        """Our own address that the peer has called; empty where it is none or does not matter."""
        if self._transport is None or in_networks(self._peer.address, self._context.exempt):
            return ""
        name = self._transport.get_extra_info("sockname")
        return normal_address(name[0]) if isinstance(name, tuple) and len(name) >= 2 else ""

    # --- TLS ------------------------------------------------------------------------------------

    def _may_start_tls(self) -> bool:
        return (
            self._listener.tls in ("starttls", "required")
            and self._context.tls is not None
            and self._transport is not None
            and can_start_tls(self._transport)
        )

    def _handshake(self, early: bytes) -> Awaitable[asyncio.Transport]:
        """Begin TLS: from this call on nothing is read in the clear. ``early`` is what was read already."""
        assert self._transport is not None, "somebody is connected"
        assert self._context.tls is not None, "TLS is offered only where it is there"
        context, rules = self._context.tls.context, self._context.rules
        return start_tls(self._context.loop, self._transport, self, context, rules.handshake_timeout, early=early)

    async def _is_encrypted_after(self, handshake: Awaitable[asyncio.Transport]) -> bool:
        try:
            self._transport = await handshake
        except TlsFault as fault:
            self._context.log.info("handshake_failed", error_kind=fault.kind, listener=self._listener.name)
            return False
        self._peer = replace(self._peer, tls=tls_of(self._transport))
        return True

    def _channel_binding(self) -> bytes:
        if self._transport is None or self._peer.tls is None:
            return b""
        return channel_binding_of(self._transport)

    # --- tasks ----------------------------------------------------------------------------------

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Go on in a task; no event is looked at until it is over."""
        task = self._context.loop.create_task(coroutine)
        self._task = task
        self._context.tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._context.tasks.discard(task)
        if self._task is task:
            self._task = None
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._report(error)
            self.abort()
        elif self._transport is not None and self._task is None:
            self._go_on()

    def _report(self, error: BaseException) -> None:
        self._context.log.error("decider_failed", error=error, listener=self._listener.name)

    # --- reading and ending ---------------------------------------------------------------------

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._is_reading_paused:
            self._is_reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None and self._is_reading_paused and not self._is_writing_paused:
            self._is_reading_paused = False
            self._transport.resume_reading()
