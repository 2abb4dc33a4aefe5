"""Ready-made deciders for ``Server``: parts that compose with a program's own.

Server(recipient=accept_domains("example.org"), content=deliver(Maildir("mail")))
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from samotop.facts import ContentFacts, Decide, RecipientFacts
from samotop.net.clock import SystemClock
from samotop.ports import Handover, LocalTransport
from samotop.queue.entry import Entry, Pending
from samotop.reception.storing import format_trace_facts
from samotop.verdict import Verdict


def accept_domains(*domains: str) -> Decide[RecipientFacts]:
    """A recipient stage: abstain for these domains, refuse all others with 550 5.7.1."""
    ours = frozenset(domain.lower() for domain in domains)

    def recipient(facts: RecipientFacts) -> Verdict:
        address = facts.recipient.address
        if address.domain.lower() in ours or not address.domain:
            return Verdict.abstain("domain")
        return Verdict.reject("domain", "we take no mail for this domain", status="5.7.1")

    return recipient


def deliver(
    transport: LocalTransport, mailbox: Callable[[ContentFacts, int], str] | None = None
) -> Callable[[ContentFacts], Awaitable[list[Verdict]]]:
    """A content stage: hand each message to ``transport`` in a thread; 250 when it is durable there.

    ``mailbox(facts, n)`` names the mailbox of recipient ``n``; by default the
    recipient's address as it was given.
    """
    clock = SystemClock()

    def name(facts: ContentFacts, number: int) -> str:
        return str(facts.envelope.recipients[number].address)

    choose = mailbox or name

    async def content(facts: ContentFacts) -> list[Verdict]:
        envelope = facts.envelope
        entry = Entry(
            id=facts.id,
            envelope=envelope,
            pending=tuple(Pending(recipient) for recipient in envelope.recipients),
            trace=format_trace_facts(facts.mail.hello, envelope, clock.time()),
            size=facts.content.size,
        )
        handovers = [
            Handover(entry, recipient, choose(facts, number), facts.content)
            for number, recipient in enumerate(envelope.recipients)
        ]
        outcomes = await asyncio.to_thread(transport.hand_on, handovers)
        return [
            Verdict.accept("deliver")
            if outcome.is_delivered
            else Verdict.defer("deliver", outcome.text or "not delivered", status="4.3.0")
            if outcome.status.is_transient
            else Verdict.reject("deliver", outcome.text or "not delivered", status=str(outcome.status))
            for outcome in outcomes
        ]

    return content
