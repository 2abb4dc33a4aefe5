"""A transport that keeps what it is given, for tests: nothing is sent.

    transport = RecordingTransport()
    await register(user, transport)
    (mail,) = transport.sent
    assert mail.recipients == ["bob@example.org"]

``refuse`` makes it refuse or defer on purpose: given an envelope's recipient, it
returns a status such as ``"5.1.1"``, or ``None`` to accept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from samotop.content import Content
from samotop.envelope import Envelope
from samotop.status import parse_status
from samotop.transport.sending import SENT, Outcome, RecipientOutcome, Sendable, take_message


@dataclass(frozen=True, slots=True)
class SentMail:
    """One message as it would have been sent: envelope as addresses, content with CRLF line ends."""

    envelope: Envelope
    content: bytes

    @property
    def reverse_path(self) -> str:
        return str(self.envelope.reverse_path)

    @property
    def recipients(self) -> list[str]:
        return [str(one.address) for one in self.envelope.recipients]


class RecordingTransport:
    """Accepts everything, unless ``refuse`` says otherwise. ``sent`` is what was accepted, for whom, in order."""

    def __init__(self, refuse: Callable[[str], str | None] | None = None) -> None:
        self._refuse = refuse
        self.sent: list[SentMail] = []
        self.is_closed = False

    async def send(self, message: Sendable | Envelope, content: Content | bytes | None = None) -> Outcome:
        """Keep one message."""
        if self.is_closed:
            raise RuntimeError("the transport is closed")
        envelope, body = take_message(message, content)
        outcomes: list[RecipientOutcome] = []
        for one in envelope.recipients:
            refusal = self._refuse(str(one.address)) if self._refuse is not None else None
            status = parse_status(refusal) if refusal is not None else SENT
            outcomes.append(RecipientOutcome(one, status, "refused on purpose" if refusal else "recorded"))
        outcome = Outcome(tuple(outcomes))
        accepted = tuple(one.recipient for one in outcome.accepted)
        if accepted:
            self.sent.append(SentMail(replace(envelope, recipients=accepted), body.to_bytes()))
        return outcome

    async def close(self) -> None:
        self.is_closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
