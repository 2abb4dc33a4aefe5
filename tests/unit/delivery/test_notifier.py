"""Notifications become entries: durable before `notify` returns, with what the sender asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from samotop.address import NULL_PATH, Address
from samotop.content import Content
from samotop.delivery.notifier import DsnNotifier
from samotop.dsn import parse_notification
from samotop.envelope import Body, MailParameters, Ret
from samotop.ports import NewEntry, SpoolFault
from samotop.ports.transport import Outcome
from samotop.queue.outcome import Action, Notice
from samotop.status import EnhancedStatus
from tests.fakes.queue import FakeQueue, MovableClock, make_entry

NEVER = Outcome(EnhancedStatus(5, 1, 1), "nobody", "mx.example.net", "550 5.1.1 nobody")


class FakeDraft:
    id = "01ARZ3NDEKTSV4000099"

    def __init__(self, spool: FakeSpool) -> None:
        self._spool = spool
        self.octets = b""

    def write(self, chunk: bytes) -> bool:
        self.octets += chunk
        return True

    def content(self) -> Content:
        return Content.from_bytes(self.octets)

    def commit(self, entry: NewEntry, done: Callable[[SpoolFault | None], None]) -> None:
        if self._spool.fault is None:
            self._spool.committed.append((entry, self.octets))
        asyncio.get_running_loop().call_soon(done, self._spool.fault)

    def discard(self) -> None:
        self._spool.discarded += 1


class FakeSpool:
    def __init__(self) -> None:
        self.committed: list[tuple[NewEntry, bytes]] = []
        self.discarded = 0
        self.fault: SpoolFault | None = None

    def begin(self, resume: Callable[[], None]) -> FakeDraft:
        return FakeDraft(self)

    def room(self, size: int) -> bool:
        return True


def make(spool: FakeSpool, queue: FakeQueue) -> DsnNotifier:
    async def beside(job: Callable[[], Any]) -> Any:
        return job()

    author = Address("postmaster", "example.org")

    def sign(mail: bytes) -> bytes:
        return b"DKIM-Signature: x\r\n"

    return DsnNotifier(spool, queue, MovableClock(), "mx.example.org", author, sign, beside)


async def test_a_notification_is_an_entry_with_the_null_reverse_path() -> None:
    """RFC 3461 §6.1; signed, and with the whole message where the sender asked for it."""
    spool, queue = FakeSpool(), FakeQueue()
    entry = make_entry(1)
    parameters = MailParameters(ret=Ret.FULL, envelope_id="e1", body=Body.EIGHT_BIT)
    entry = queue.put(replace(entry, envelope=replace(entry.envelope, parameters=parameters)), b"A: b\r\n\r\n\xe9\r\n")
    await make(spool, queue).notify(entry, [Notice(entry.pending[0].recipient, Action.FAILED, NEVER)])
    ((made, octets),) = spool.committed
    assert made.envelope.reverse_path is NULL_PATH
    assert [str(one.address) for one in made.envelope.recipients] == ["a@example.net"]
    assert made.envelope.parameters.body is Body.EIGHT_BIT
    assert octets.startswith(b"DKIM-Signature: x\r\nFrom: Mail Delivery System <postmaster@example.org>")
    assert b"\xe9" in octets
    found = parse_notification(octets)
    assert found is not None and found.envelope_id == "e1"
    assert found.recipients[0].diagnostic == "550 5.1.1 nobody"


async def test_a_full_disk_is_told_to_who_asked() -> None:
    spool, queue = FakeSpool(), FakeQueue()
    spool.fault = SpoolFault("no room", is_full=True)
    entry = queue.put(make_entry(1))
    with pytest.raises(SpoolFault):
        await make(spool, queue).notify(entry, [Notice(entry.pending[0].recipient, Action.FAILED, NEVER)])


async def test_a_damaged_message_is_told_of_all_the_same() -> None:
    """Its sender should know, even if nothing of it can be shown."""
    spool, queue = FakeSpool(), FakeQueue()
    entry = make_entry(1)

    def unreadable() -> Any:
        raise ValueError("altered")

    queue.put(entry, Content(10, unreadable))
    await make(spool, queue).notify(entry, [Notice(entry.pending[0].recipient, Action.FAILED, NEVER)])
    assert parse_notification(spool.committed[0][1]) is not None


async def test_a_notification_wishes_of_tls_what_its_message_did() -> None:
    """RFC 8689 §5: REQUIRETLS is passed on, and then no more than the header goes back, whatever RET says."""
    spool, queue = FakeSpool(), FakeQueue()
    entry = make_entry(1)
    parameters = MailParameters(ret=Ret.FULL, requires_tls=True)
    content = b"Subject: s\r\nTLS-Required: No\r\n\r\nsecret words\r\n"
    entry = queue.put(replace(entry, envelope=replace(entry.envelope, parameters=parameters)), content)
    await make(spool, queue).notify(entry, [Notice(entry.pending[0].recipient, Action.FAILED, NEVER)])
    ((made, octets),) = spool.committed
    assert made.envelope.parameters.requires_tls
    assert b"secret words" not in octets
    assert b"TLS-Required" not in octets.partition(b"\r\n\r\n")[0], "REQUIRETLS wins"


@pytest.mark.parametrize(("field", "is_waived"), [(b"TLS-Required: No\r\n", True), (b"TLS-Required: Yes\r\n", False)])
async def test_a_notification_may_go_without_tls_where_its_message_might(field: bytes, is_waived: bool) -> None:
    """RFC 8689 §6: or the postmaster who is told of a broken certificate never hears that the telling failed."""
    spool, queue = FakeSpool(), FakeQueue()
    entry = queue.put(make_entry(1), field + b"Subject: s\r\n\r\nText\r\n")
    await make(spool, queue).notify(entry, [Notice(entry.pending[0].recipient, Action.FAILED, NEVER)])
    ((made, octets),) = spool.committed
    header = octets.partition(b"\r\n\r\n")[0]
    assert (b"\r\nTLS-Required: No\r\n" in header) is is_waived
    assert not made.envelope.parameters.requires_tls
