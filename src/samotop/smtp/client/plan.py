"""What to say of a message to this server: the whole transaction planned before a word of it is sent.

``plan_transaction`` is pure: envelope, shape of the content and capabilities
in, commands out. It says

* which parameters MAIL and RCPT get: SIZE (RFC 1870), BODY (RFC 6152,
  RFC 3030), SMTPUTF8 (RFC 6531), RET, ENVID, NOTIFY, ORCPT (RFC 3461),
  REQUIRETLS (RFC 8689), AUTH (RFC 4954 §5), HOLDFOR, HOLDUNTIL (RFC 4865),
  BY (RFC 2852);
* whether the content must be converted first, which is the caller's work:
  then there are no transactions yet, convert and plan again;
* which recipients this server cannot be asked for, and with which status;
* into how many transactions LIMITS parts the recipients (RFC 9422).

It raises nothing: an address that cannot be written is a recipient that
cannot be asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, overload

from samotop.address import Address, NullPath, ReversePath
from samotop.envelope import Body, Envelope, MailParameters, Recipient
from samotop.smtp.client.capabilities import Capabilities
from samotop.smtp.client.commands import format_mail, format_rcpt
from samotop.smtp.client.planned import Conversion, Impossible, Plan, TransactionPlan
from samotop.smtp.client.rules import ClientRules, LineEnds
from samotop.smtp.client.shape import ContentShape
from samotop.smtp.client.usual import plan_usual
from samotop.smtp.client.wishes import NO_WISHES, Wishes
from samotop.smtp.paths import BadPath, NeedsUtf8
from samotop.status import EnhancedStatus

NEEDS_CONVERSION: Final = EnhancedStatus(5, 6, 3)
"""Conversion required but not supported (RFC 3463 §3.7)."""
BAD_LINE_ENDS: Final = EnhancedStatus(5, 6, 0)
NEEDS_SMTPUTF8: Final = EnhancedStatus(5, 6, 7)
"""Non-ASCII addresses not permitted for that sender or recipient (RFC 6531 §4.2)."""
TOO_LARGE: Final = EnhancedStatus(5, 3, 4)
NEEDS_REQUIRETLS: Final = EnhancedStatus(5, 7, 30)
"""REQUIRETLS support required (RFC 8689 §5)."""
NO_FEATURE: Final = EnhancedStatus(5, 3, 3)
"""System not capable of selected features (RFC 3463 §3.4)."""
BAD_SENDER: Final = EnhancedStatus(5, 1, 7)
BAD_RECIPIENT: Final = EnhancedStatus(5, 1, 3)

_BINARY: Final = frozenset(("8BITMIME", "BINARYMIME", "CHUNKING"))
"""What a server must offer to be sent binary content: BODY is 8BITMIME's parameter (RFC 3030 §3)."""


def plan_transaction(
    envelope: Envelope,
    shape: ContentShape,
    capabilities: Capabilities,
    rules: ClientRules = ClientRules(),
    *,
    wishes: Wishes = NO_WISHES,
    is_lmtp: bool = False,
    is_authenticated: bool = False,
    can_convert: bool = True,
) -> Plan:
    """Plan how to send a content of this ``shape`` to the envelope's recipients.

    ``can_convert`` is false for a caller that cannot convert a content, or
    must not because it is signed: what would need it is then impossible.
    """
    if wishes is NO_WISHES and (usual := plan_usual(envelope, shape, capabilities, rules)) is not None:
        return usual
    facts = _Facts(envelope, shape, capabilities, rules, wishes, is_lmtp=is_lmtp)
    refusal = facts.find_refusal()
    if refusal is None:
        conversion = facts.find_conversion()
        if conversion is not Conversion.NONE and can_convert:
            return Plan(conversion=conversion)
        if conversion is not Conversion.NONE:
            refusal = NEEDS_CONVERSION, f"the server takes no content of this kind, only {conversion.value}"
    if refusal is not None:
        return Plan(impossible=tuple(Impossible(recipient, *refusal) for recipient in envelope.recipients))
    keywords = capabilities.keywords
    try:
        mail = _format_mail(facts, keeps_submitter=is_authenticated)
    except BadPath as error:
        status = NEEDS_SMTPUTF8 if isinstance(error, NeedsUtf8) else BAD_SENDER
        return Plan(impossible=tuple(Impossible(one, status, str(error)) for one in envelope.recipients))
    rcpts, impossible = _format_rcpts(envelope.recipients, keywords, is_utf8=facts.needs_utf8)
    uses_chunking = facts.is_binary or (rules.prefers_chunking and capabilities.can_chunk)
    return Plan(
        transactions=tuple(
            TransactionPlan(
                mail, tuple(one for one, _ in batch), tuple(line for _, line in batch), uses_chunking, facts.is_binary
            )
            for batch in _batches(rcpts, capabilities, rules)
        ),
        impossible=tuple(impossible),
        passes_dsn="DSN" in keywords,
        passes_deliver_by=wishes.deliver_by is not None and "DELIVERBY" in keywords,
    )


class _Facts:
    """All that a plan depends on, in one place."""

    def __init__(
        self,
        envelope: Envelope,
        shape: ContentShape,
        capabilities: Capabilities,
        rules: ClientRules,
        wishes: Wishes,
        *,
        is_lmtp: bool,
    ) -> None:
        self.envelope, self.shape, self.capabilities = envelope, shape, capabilities
        self.rules, self.wishes, self.is_lmtp = rules, wishes, is_lmtp
        declares_binary = envelope.parameters.body is Body.BINARY
        self.is_binary = shape.is_binary or (declares_binary and shape.bare_line_ends > 0)
        self.size = shape.size
        if not self.is_binary and rules.line_ends is LineEnds.NORMALIZE:
            self.size += shape.bare_line_ends

    def find_refusal(self) -> tuple[EnhancedStatus, str] | None:
        """What makes it impossible for every recipient."""
        capabilities, shape, wishes = self.capabilities, self.shape, self.wishes
        keywords = capabilities.keywords
        if self.envelope.parameters.requires_tls and "REQUIRETLS" not in keywords and not self.is_lmtp:
            return NEEDS_REQUIRETLS, "REQUIRETLS is not offered by the server"
        if "SMTPUTF8" not in keywords and shape.has_utf8_header:
            return NEEDS_SMTPUTF8, "the header section needs SMTPUTF8, which the server does not offer"
        if capabilities.size is not None and self.size > capabilities.size:
            return TOO_LARGE, f"the server takes at most {capabilities.size} octets"
        if shape.bare_line_ends and not self.is_binary and self.rules.line_ends is LineEnds.REFUSE:
            return BAD_LINE_ENDS, "the content has a CR or LF on its own"
        if wishes.holds:
            if "FUTURERELEASE" not in keywords:
                return NO_FEATURE, "the server does not hold messages until later"
            if not wishes.is_hold_within(capabilities.hold_seconds, capabilities.hold_until):
                return NO_FEATURE, "the server does not hold messages for that long"
        by = wishes.deliver_by
        if by is not None and by.returns and not self.is_lmtp:  # what LMTP answers is the delivery itself (RFC 2033 §1)
            if "DELIVERBY" not in keywords:
                return NO_FEATURE, "the server does not promise delivery by a time"
            if by.seconds < capabilities.deliver_by:
                return NO_FEATURE, "the server does not promise delivery that soon"
        return None

    def find_conversion(self) -> Conversion:
        keywords = self.capabilities.keywords
        takes_eight_bit = "8BITMIME" in keywords or "SMTPUTF8" in keywords  # which implies it (RFC 6531 §3.1)
        if self.is_binary:
            if keywords >= _BINARY:
                return Conversion.NONE
            return Conversion.EIGHT_BIT if takes_eight_bit else Conversion.SEVEN_BIT
        if self.shape.has_eight_bit and not takes_eight_bit:
            return Conversion.SEVEN_BIT
        return Conversion.NONE

    @property
    def body(self) -> Body:
        if self.is_binary:
            return Body.BINARY
        return Body.EIGHT_BIT if self.shape.has_eight_bit else Body.SEVEN_BIT

    @property
    def needs_utf8(self) -> bool:
        """Is there anything that only SMTPUTF8 allows, or has the sender said so?"""
        envelope = self.envelope
        return (
            envelope.parameters.is_utf8
            or self.shape.has_utf8_header
            or not envelope.reverse_path.is_ascii
            or not all(recipient.address.is_ascii for recipient in envelope.recipients)
        )


def _format_mail(facts: _Facts, *, keeps_submitter: bool) -> bytes:
    """The MAIL command. Raises ``BadPath``."""
    given, keywords = facts.envelope.parameters, facts.capabilities.keywords
    parameters = MailParameters(
        size=facts.size,
        body=facts.body,
        is_utf8=facts.needs_utf8,
        ret=given.ret,
        envelope_id=given.envelope_id,
        requires_tls=given.requires_tls,
        submitter=given.submitter if keeps_submitter else None,  # a stranger's claim is nobody's business
    )
    words = [format_mail(_ascii(facts.envelope.reverse_path, keywords), parameters, keywords)[:-2]]
    if facts.wishes.holds:
        words.append(facts.wishes.format_hold())
    if facts.wishes.deliver_by is not None and "DELIVERBY" in keywords:
        words.append(b"BY=" + facts.wishes.deliver_by.format())
    return b" ".join(words) + b"\r\n"


def _format_rcpts(
    recipients: Sequence[Recipient], keywords: frozenset[str], *, is_utf8: bool
) -> tuple[list[tuple[Recipient, bytes]], list[Impossible]]:
    """The RCPT commands, and those for whom there is none."""
    rcpts: list[tuple[Recipient, bytes]] = []
    impossible: list[Impossible] = []
    for recipient in recipients:
        try:
            rcpts.append((recipient, plan_recipient(recipient, keywords, is_utf8=is_utf8)))
        except NeedsUtf8 as error:
            impossible.append(Impossible(recipient, NEEDS_SMTPUTF8, str(error)))
        except BadPath as error:
            impossible.append(Impossible(recipient, BAD_RECIPIENT, str(error)))
    return rcpts, impossible


def plan_recipient(recipient: Recipient, keywords: frozenset[str], *, is_utf8: bool = False) -> bytes:
    """The RCPT command for one recipient of a server with these ``keywords``. Raises ``BadPath``."""
    address = _ascii(recipient.address, keywords)
    written = recipient if address is recipient.address else replace(recipient, address=address)
    return format_rcpt(written, keywords, is_utf8=is_utf8)


@overload
def _ascii(path: Address, keywords: frozenset[str]) -> Address: ...
@overload
def _ascii(path: ReversePath, keywords: frozenset[str]) -> ReversePath: ...
def _ascii(path: ReversePath, keywords: frozenset[str]) -> ReversePath:
    """The path as this server can be told it: domains have an ASCII form, local parts none. Raises ``NeedsUtf8``."""
    if path.is_ascii or "SMTPUTF8" in keywords or isinstance(path, NullPath):
        return path
    if not path.local.isascii():
        raise NeedsUtf8("the address needs SMTPUTF8, which the server does not offer")
    import idna  # most sessions never need it

    try:
        return Address(path.local, idna.encode(path.domain, uts46=True).decode("ascii"))
    except (idna.IDNAError, UnicodeError) as error:
        raise NeedsUtf8("the domain has no ASCII form, and the server does not offer SMTPUTF8") from error


def _batches(
    rcpts: Sequence[tuple[Recipient, bytes]], capabilities: Capabilities, rules: ClientRules
) -> Iterator[Sequence[tuple[Recipient, bytes]]]:
    """Part the recipients as the server's limits ask for it, in their order."""
    limit = min(rules.recipients, capabilities.recipients or rules.recipients)
    if len(rcpts) <= limit and capabilities.recipient_domains is None:
        if rcpts:
            yield rcpts
        return
    batch: list[tuple[Recipient, bytes]] = []
    domains: set[str] = set()
    for one in rcpts:
        domain = one[0].address.domain.lower()
        is_full = len(batch) >= limit or len(domains | {domain}) > (capabilities.recipient_domains or limit)
        if batch and is_full:
            yield batch
            batch, domains = [], set()
        batch.append(one)
        domains.add(domain)
    if batch:
        yield batch
