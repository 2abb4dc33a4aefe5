"""Writes notifications into the queue: from what an attempt came to, to a message for its sender.

Implements ``rounds.Notifier``. A notification is an entry like any other, with
the null reverse-path, signed by our domain; it is durable when ``notify``
returns. How much of the message goes back is the sender's RET, headers where it
said nothing (RFC 3461 §4.3 leaves it to us, and who gets a forged message back
does not need all of it).

What the sender wished of TLS is wished for the notification as well: REQUIRETLS,
with which no more than the header goes back (RFC 8689 §5), or
``TLS-Required: No`` (RFC 8689 §6).

Raises ``SpoolFault`` where it cannot be stored, and what reading the content raises.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from samotop.address import NULL_PATH, Address
from samotop.content import Content
from samotop.delivery.wishes import find_wish
from samotop.dsn import Notification, Told, format_notification
from samotop.envelope import Body, Envelope, MailParameters, Recipient, Ret
from samotop.ports import Spool
from samotop.ports.clock import Clock
from samotop.ports.queue import Queue
from samotop.queue.entry import Entry
from samotop.queue.outcome import Notice
from samotop.tlspolicy.requiretls import Wish
from samotop.transport.ours import commit_ours

WAIVER: Final = b"TLS-Required: No\r\n"


class DsnNotifier:
    """``author`` is whom notifications come from; ``sign`` gives the signature fields for one of its mails.

    ``beside`` runs a job that may block in a thread. ``may_tell`` says of an
    entry whether its sender is known (``proof``): for who asks; ``notify`` does not.
    """

    def __init__(
        self,
        spool: Spool,
        queue: Queue,
        clock: Clock,
        hostname: str,
        author: Address,
        sign: Callable[[bytes], bytes],
        beside: Callable[[Callable[[], Any]], Awaitable[Any]],
        *,
        may_tell: Callable[[Entry], bool] = lambda entry: True,
    ) -> None:
        self._spool = spool
        self._queue = queue
        self._clock = clock
        self._hostname = hostname
        self._author = author
        self._sign = sign
        self._beside = beside
        self.may_tell = may_tell

    async def notify(self, entry: Entry, notices: Sequence[Notice]) -> None:
        path = entry.envelope.reverse_path
        assert isinstance(path, Address), "nobody is told of a notification"
        draft = self._spool.begin(lambda: None)
        try:
            octets = await self._beside(lambda: self._compose(entry, path, notices, draft.id))
            draft.write(octets)
        except BaseException:
            draft.discard()
            raise
        body = Body.SEVEN_BIT if octets.isascii() else Body.EIGHT_BIT
        requires = entry.envelope.parameters.requires_tls
        parameters = MailParameters(body=body, is_utf8=not path.is_ascii, requires_tls=requires)
        await commit_ours(draft, Envelope(NULL_PATH, (Recipient(path),), parameters), self._clock.time())

    def _compose(self, entry: Entry, path: Address, notices: Sequence[Notice], name: str) -> bytes:
        now = self._clock.time()
        parameters = entry.envelope.parameters
        notification = Notification(
            self._hostname,
            self._author,
            path,
            [_told(one, now) for one in notices],
            entry.trace.received_at,
            parameters.envelope_id,
            "" if entry.trace.login else entry.trace.hello,
            parameters.ret is Ret.FULL and parameters.body is not Body.BINARY and not parameters.requires_tls,
            parameters.is_utf8,
            WAIVER if find_wish(entry, self._queue.open) is Wish.WAIVES else b"",
        )
        original = self._queue.open(entry)
        try:
            made = format_notification(notification, original, now, f"{name}@{self._hostname}").to_bytes()
        except ValueError:  # its content is damaged: the sender hears of it all the same
            made = format_notification(
                notification, Content.from_bytes(b""), now, f"{name}@{self._hostname}"
            ).to_bytes()
        return self._sign(made) + made


def _told(notice: Notice, now: float) -> Told:
    outcome, recipient = notice.outcome, notice.recipient
    return Told(
        recipient.address,
        notice.action.value,
        outcome.status,
        outcome.text,
        outcome.server,
        outcome.reply,
        recipient.original,
        notice.gives_up,
        now,
    )
