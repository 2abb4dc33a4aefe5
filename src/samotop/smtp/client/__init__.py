"""The client's side of SMTP and LMTP, with no I/O: octets in, events out, replies as values.

    client, chunks = ClientConnection("client.example.net"), content.chunks()
    while True:
        event = client.next_event()              # raises BadReply: hang up; results were told before
        write(client.data_to_send())             # after every event, and after every call
        match event:
            case Pause.NEED_DATA:                # a reply is awaited, for client.timeout seconds
                octets = read(client.timeout)
                client.receive_data(octets) if octets else client.receive_end()
            case Ready():                        # start_tls() or authenticate() first, if need be
                plan = client.plan(envelope, measure_content(content.chunks()))
                client.begin(plan.transactions[0])
            case ContentWanted():                # comes again where a BDAT had to wait
                while client.wants_content:
                    if chunk := next(chunks, b""):
                        client.send_content(chunk)
                        write(client.data_to_send())
                    else:
                        client.end_content()
            case TransactionEnded(result):       # then another begin(), or
                client.quit()
            case Refused() | Pause.CLOSED:       # after Refused the caller may also go on
                break

After ``TlsAccepted`` the handshake is the caller's, then ``tls_started()``; the
next ``Ready`` shows what the server offers under TLS. Deadlines are for whole
replies: a server that drips must not gain time by it.

What it does: greeting, EHLO with its fall-back to HELO, STARTTLS, AUTH, what a
transaction may say to this server (``plan``), pipelining where it is offered,
DATA and BDAT, the replies to all of that in their order. What it does not:
look names up, run TLS, know time, convert a content.

Results are values (``TransactionResult``). Raised are ``BadReply`` and its
kinds for what a server must not say, from ``next_event`` alone, and after the
result of the transaction that was under way; ``BareLineEnding`` for a content
that must not be sent; ``RuntimeError`` for a call out of order.

RFC 5321 (SMTP), RFC 2033 (LMTP), RFC 2920 (PIPELINING), RFC 1870 (SIZE),
RFC 6152 (8BITMIME), RFC 3030 (CHUNKING, BINARYMIME), RFC 3207 (STARTTLS),
RFC 4954 (AUTH), RFC 3461 (DSN), RFC 6531 (SMTPUTF8), RFC 2034 (enhanced
status codes), RFC 8689 (REQUIRETLS), RFC 9422 (LIMITS), RFC 4865
(FUTURERELEASE), RFC 2852 (DELIVERBY).
"""

from __future__ import annotations

from samotop.smtp.client.capabilities import NO_CAPABILITIES, Capabilities, parse_capabilities
from samotop.smtp.client.commands import format_mail, format_rcpt
from samotop.smtp.client.connection import ClientConnection
from samotop.smtp.client.events import (
    Answered,
    Authenticated,
    ContentWanted,
    Event,
    HungUp,
    Ready,
    RecipientAnswered,
    Refused,
    TlsAccepted,
    TransactionEnded,
)
from samotop.smtp.client.plan import plan_transaction
from samotop.smtp.client.planned import Conversion, Impossible, Plan, TransactionPlan
from samotop.smtp.client.replies import (
    REPLY_LINE_LIMIT,
    BadReply,
    InjectedReply,
    ReplyReader,
    UnexpectedReply,
    UnprovenServer,
    take_reply,
)
from samotop.smtp.client.result import RecipientResult, TransactionResult
from samotop.smtp.client.rules import TIMEOUTS, ClientRules, LineEnds, Stage
from samotop.smtp.client.shape import ContentShape, ShapeMeter, measure_content, measure_whole
from samotop.smtp.client.stuffing import DotStuffer, LineGuard
from samotop.smtp.client.wishes import NO_WISHES, DeliverBy, Wishes
from samotop.smtp.events import Pause

__all__ = [
    "NO_CAPABILITIES",
    "NO_WISHES",
    "REPLY_LINE_LIMIT",
    "TIMEOUTS",
    "Answered",
    "Authenticated",
    "BadReply",
    "Capabilities",
    "ClientConnection",
    "ClientRules",
    "ContentShape",
    "ContentWanted",
    "Conversion",
    "DeliverBy",
    "DotStuffer",
    "Event",
    "HungUp",
    "Impossible",
    "InjectedReply",
    "LineEnds",
    "LineGuard",
    "Pause",
    "Plan",
    "Ready",
    "RecipientAnswered",
    "RecipientResult",
    "Refused",
    "ReplyReader",
    "ShapeMeter",
    "Stage",
    "TlsAccepted",
    "TransactionEnded",
    "TransactionPlan",
    "TransactionResult",
    "UnexpectedReply",
    "UnprovenServer",
    "Wishes",
    "format_mail",
    "format_rcpt",
    "measure_content",
    "measure_whole",
    "parse_capabilities",
    "plan_transaction",
    "take_reply",
]
