"""One attempt at a message over a pool of sessions: the short way, or the long one.

A small message is an errand (``express``), that a session may begin while the
message before it still waits for its reply; all others have a session to
themselves. What is worth another attempt at once is left open: recipients whom
the server wants in another transaction, and all those of a session that had
been idle and whose server, having closed it meanwhile, cannot have accepted
anything.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from samotop.content import Content
from samotop.envelope import Envelope
from samotop.peer import Tls
from samotop.smtp.client import Stage, TransactionResult, Wishes
from samotop.transport.sending import Progress, RecipientOutcome
from samotop.transport.smtp.express import EXPRESS_LIMIT, Errand, Owner
from samotop.transport.smtp.opening import NoSession
from samotop.transport.smtp.pool import Pool
from samotop.transport.smtp.wording import read_result, read_results

CLOSING: Final = 421
"""The reply of a server that closes the connection (RFC 5321 §3.8)."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is decided. ``needs_fresh``: the rest is for a session that was not idle."""

    outcomes: tuple[RecipientOutcome, ...]
    tls: Tls | None = None
    needs_fresh: bool = False


async def try_short(
    pool: Pool, envelope: Envelope, content: Content, until: float, progress: Progress | None, wishes: Wishes
) -> Attempt | NoSession:
    """The first attempt: as an errand where the message is small."""
    if progress is not None or content.size > EXPRESS_LIMIT:
        return await try_long(pool, envelope, content, until, progress, wishes)
    errand = Errand(envelope, content, until, asyncio.get_running_loop(), wishes)
    found = await pool.take(until, errand=errand)
    if isinstance(found, NoSession):
        return found
    if isinstance(found, TransactionResult):
        return _read(errand, found)
    if errand.ended.done():
        errand = Errand(envelope, content, until, asyncio.get_running_loop(), wishes)
    if not pool.start(found, errand):
        try:
            outcomes = await found.courier.deliver(envelope, content, until, wishes=wishes)
        finally:
            pool.give_back(found)
        return _keep(outcomes, found.courier, is_reused=found.is_reused)
    try:
        result = await errand.ended
    except asyncio.CancelledError:
        errand.forget()
        raise
    assert isinstance(result, TransactionResult), "what was begun has a result"
    return _read(errand, result)


async def try_long(
    pool: Pool,
    envelope: Envelope,
    content: Content,
    until: float,
    progress: Progress | None,
    wishes: Wishes,
    *,
    needs_fresh: bool = False,
    is_last: bool = False,
) -> Attempt | NoSession:
    """With a session of its own. The last attempt leaves nobody open."""
    lease = await pool.take(until, fresh=needs_fresh)
    if isinstance(lease, NoSession):
        return lease
    assert not isinstance(lease, TransactionResult), "only an errand has a result"
    try:
        outcomes = await lease.courier.deliver(envelope, content, until, progress=progress, wishes=wishes)
    finally:
        pool.give_back(lease)
    return _keep(outcomes, lease.courier, is_reused=lease.is_reused and not is_last)


def _read(errand: Errand, result: TransactionResult) -> Attempt:
    assert errand.express is not None, "a session has carried it"
    courier = errand.express.owner
    if result.is_accepted:
        return Attempt(read_results(result, courier.end), _tls_of(courier))
    outcomes = tuple(read_result(one, *courier.end) for one in result.decided)
    return _keep(outcomes, courier, is_reused=errand.is_reused)


def _keep(outcomes: tuple[RecipientOutcome, ...], courier: Owner, *, is_reused: bool) -> Attempt:
    """All outcomes but those that another session may change."""
    if not is_reused or not any(map(_was_closed_on, outcomes)):
        return Attempt(outcomes, _tls_of(courier))
    kept = tuple(one for one in outcomes if not _was_closed_on(one))
    return Attempt(kept, _tls_of(courier), needs_fresh=True)


def _was_closed_on(one: RecipientOutcome) -> bool:
    """Had the server closed the connection before it could accept anything?"""
    if one.reply is not None:
        return one.reply.code == CLOSING and one.stage in (Stage.MAIL, Stage.RCPT, Stage.DATA)
    return one.is_undecided


def _tls_of(courier: Owner) -> Tls | None:
    return courier.secured.tls if courier.secured is not None else None
