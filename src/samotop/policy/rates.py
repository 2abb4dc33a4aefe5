"""How many messages from one network, of one login, to one recipient: what is above is asked to come back.

450 4.7.28, the status of a flood of mail in IANA's registry (RFC 5248). Networks are those of ``consent.evidence``:
/24 and /64. Nothing is limited until the operator says so: what is much for one server is little for another, and
the day's limits of a login are in ``[limits]``. The memory is this process's own, and forgotten with it.

Facts and a time in, verdict out. Raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from samotop.consent.evidence import network_of
from samotop.facts import MailFacts, RecipientFacts
from samotop.policy.buckets import Buckets
from samotop.policy.cause import Cause
from samotop.verdict import ABSTAIN, Verdict

NETWORK: Final = Cause(
    "rates-network",
    "4.7.28",
    "too many messages from its network",
    "Too many messages from your network; try again later",
    "send more slowly, or ask the operator for more",
    "rate_network",
)
LOGIN: Final = Cause(
    "rates-login",
    "4.7.28",
    "too many messages of this login",
    "You have sent too many messages in a short time; try again later",
    "send more slowly; if it was not you, change the password",
    "rate_login",
)
RECIPIENT: Final = Cause(
    "rates-recipient",
    "4.7.28",
    "too many messages to this recipient",
    "Too many messages for this recipient; try again later",
    "wait; somebody floods this mailbox",
    "rate_recipient",
)
CAUSES: Final = (NETWORK, LOGIN, RECIPIENT)

_NETWORK: Final = NETWORK.refuse()
_LOGIN: Final = LOGIN.refuse()
_RECIPIENT: Final = RECIPIENT.refuse()

Now = Callable[[], float]


def check_network_rate(facts: MailFacts, buckets: Buckets, now: float) -> Verdict:
    """At MAIL, for strangers."""
    key = network_of(facts.peer)
    return ABSTAIN if not key or buckets.take(key, now) else _NETWORK


def check_login_rate(facts: MailFacts, buckets: Buckets, now: float) -> Verdict:
    """At MAIL, for our own users."""
    login = facts.peer.login
    return ABSTAIN if login is None or buckets.take(login, now) else _LOGIN


def check_recipient_rate(facts: RecipientFacts, buckets: Buckets, now: float) -> Verdict:
    """At RCPT, for what strangers send."""
    return ABSTAIN if buckets.take(str(facts.recipient.address).lower(), now) else _RECIPIENT
