"""The plan of the usual message, in few steps: one transaction, nothing wished for, nothing that must be converted.

Says what ``plan_transaction`` would say at length, or ``None`` for whatever is
not usual: an address that needs quoting or SMTPUTF8, a parameter besides SIZE
and BODY, a wish, a limit of the server's, a content that it may not take.
"""

from __future__ import annotations

from samotop.address import NULL_PATH, Address, ReversePath
from samotop.envelope import Envelope
from samotop.smtp.client.capabilities import Capabilities
from samotop.smtp.client.planned import Plan, TransactionPlan
from samotop.smtp.client.rules import ClientRules
from samotop.smtp.client.shape import ContentShape
from samotop.smtp.paths import is_usual_path


def plan_usual(envelope: Envelope, shape: ContentShape, capabilities: Capabilities, rules: ClientRules) -> Plan | None:
    given = envelope.parameters
    if given.is_utf8 or given.requires_tls or given.ret or given.envelope_id is not None or given.submitter is not None:
        return None
    if shape.bare_line_ends or shape.is_binary or shape.has_utf8_header or capabilities.recipient_domains is not None:
        return None
    recipients = envelope.recipients
    if not 0 < len(recipients) <= min(rules.recipients, capabilities.recipients or rules.recipients):
        return None
    if capabilities.size is not None and shape.size > capabilities.size:
        return None
    keywords = capabilities.keywords
    mail = _format_path(envelope.reverse_path)
    if mail is None or (shape.has_eight_bit and "8BITMIME" not in keywords):
        return None
    rcpts: list[bytes] = []
    for recipient in recipients:
        path = _format_path(recipient.address)
        if path is None or recipient.notify is not None or recipient.original is not None:
            return None
        rcpts.append(b"RCPT TO:%s\r\n" % path)
    size = b" SIZE=%d" % shape.size if shape.size and "SIZE" in keywords else b""
    body = b" BODY=8BITMIME" if shape.has_eight_bit else b""
    transaction = TransactionPlan(
        b"MAIL FROM:%s%s%s\r\n" % (mail, size, body),
        recipients,
        tuple(rcpts),
        rules.prefers_chunking and capabilities.can_chunk,
    )
    return Plan((transaction,), passes_dsn="DSN" in keywords)


def _format_path(path: ReversePath) -> bytes | None:
    if path is NULL_PATH:
        return b"<>"
    if not isinstance(path, Address):
        return None
    text = f"<{path.local}@{path.domain}>"
    octets = text.encode("ascii") if text.isascii() else b""
    return octets if is_usual_path(octets) else None
