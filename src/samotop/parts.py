"""Ready-made parts that compose with a program's own: deciders for ``Server``, and a resolver.

Server(recipient=accept_domains("example.org"), content=deliver(Maildir("mail")))

async with open_resolver() as resolver:
    found = await spf.evaluate("192.0.2.1", "mx.example.net", "bob@example.net", resolver)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from samotop.content import Content
from samotop.delivery.outgoing import replace_header
from samotop.dns.resolver import OpenResolver
from samotop.facts import ContentFacts, Decide, RecipientFacts
from samotop.message.forged import strip_forged
from samotop.net.clock import SystemClock
from samotop.ports import Handover, LocalTransport
from samotop.ports.inquiry import Inquired
from samotop.queue.entry import Entry, Pending
from samotop.reception.storing import format_trace_facts
from samotop.verdict import Verdict

if TYPE_CHECKING:
    from samotop.config.shapes import Dns
    from samotop.net.resolver import StubResolver
    from samotop.net.validating import ValidatingResolver


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
            trace=format_trace_facts(facts.mail.hello, envelope, clock.time(), _inquired(facts)),
            size=facts.content.size,
        )
        genuine = _without_forged(facts)
        handovers = [
            Handover(entry, recipient, choose(facts, number), genuine)
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


def _without_forged(facts: ContentFacts) -> Content:
    """The content without what claims to be found or written by this server, whatever the transport calls itself."""
    hostname = facts.mail.connection.hostname
    recipients = [recipient.address for recipient in facts.envelope.recipients]
    return replace_header(facts.content, lambda header: strip_forged(header, hostname, recipients))


def _inquired(facts: ContentFacts) -> Inquired | None:
    found = facts.authentication
    if found is None:
        return None
    from samotop.msgauth.field import format_authentication

    field = format_authentication(found, facts.mail.connection.hostname, facts.peer.address)
    return Inquired(found, field, found.iprev.name if found.iprev is not None else "")


def open_resolver(
    *servers: str, trusted: bool = False, dnssec: Literal["auto", "require", "off"] = "auto"
) -> OpenResolver:
    """A caching resolver that asks ``servers``, such as ``"127.0.0.1:5353"``; the system's where none are named.

    DNSSEC is validated here, from the root's keys on, unless ``trusted`` says
    that the servers do and that nobody is on the path to them. The answers of a
    server that knows some zones alone are indeterminate, as there is nothing to
    validate them by. Nothing is asked yet; use it with ``async with``, or
    ``close`` it at the end. For one event loop. Raises ``SetupError`` for what
    names no server.
    """
    from samotop.config.shapes import Dns

    return open_resolver_of(Dns(servers=servers, trusted=trusted, dnssec=dnssec))


def open_resolver_of(
    dns: Dns, home: Path | None = None, *, on_blind: Callable[[], None] = lambda: None
) -> StubResolver | ValidatingResolver:
    """The same as ``[dns]`` of a samotop.toml wants it.

    The root's keys are those of ``home``, or those that Samotop brings.
    ``on_blind`` is called when servers turn out to pass no signatures on.
    Raises ``SetupError`` for what names no server, and for keys that cannot be read.
    """
    from samotop.dns.dnssec.anchor import ROOT  # dnspython: who needs no names does not pay for it
    from samotop.net.chain import ChainRules
    from samotop.net.exchange import Exchange, ExchangeRules
    from samotop.net.nameservers import parse_name_server, read_system_servers
    from samotop.net.resolver import StubResolver
    from samotop.net.rootkeys import read_anchor
    from samotop.net.validating import ValidatingResolver, ValidationRules

    if dns.servers:
        exchange = Exchange([parse_name_server(text) for text in dns.servers])
    else:
        system = read_system_servers()
        exchange = Exchange(system.servers, rules=ExchangeRules(try_timeout=system.timeout, attempts=system.attempts))
    if dns.trusted or dns.dnssec == "off":
        return StubResolver(exchange, SystemClock(), is_trusted=dns.trusted)
    rules = ValidationRules(chain=ChainRules(mode="require" if dns.dnssec == "require" else "auto"))
    anchor = ROOT if home is None else read_anchor(home)
    return ValidatingResolver(exchange, SystemClock(), anchor=anchor, rules=rules, on_blind=on_blind)
