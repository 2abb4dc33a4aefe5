"""Is the session encrypted, and well enough? (RFC 3207, RFC 8997)

RFC 3207 §4 wants a server that the world sends to not to insist: mail of whoever cannot is lost. So TLS is evidence,
unless the operator (``require_tls``, at MAIL) or an owner (``[mailbox.NAME] require_tls``, at RCPT) insists. What
STARTTLS would mend is answered with 530 5.7.0 (RFC 3207 §4); an owner's wish, and a version that is too old, with
550 5.7.10, "encryption needed" (RFC 5248 registers it).

Facts in, verdict out. Raises nothing.
"""

from __future__ import annotations

from typing import Final

from samotop.facts import ContentFacts, MailFacts, RecipientFacts
from samotop.peer import Peer
from samotop.policy.cause import Cause
from samotop.verdict import ABSTAIN, Verdict

LEVELS: Final = ("none", "any", "1.2", "1.3")
"""What may be required; each includes what comes after it."""

REQUIRED: Final = Cause(
    "encrypted-required",
    "5.7.0",
    "the session is not encrypted, and that is required",
    "Say STARTTLS first",
    "let the sending server use STARTTLS",
    "require_tls",
)
OLD: Final = Cause(
    "encrypted-old",
    "5.7.10",
    "the session's version of TLS is older than what is required",
    "Your version of TLS is too old for us",
    "let the sending server use a newer TLS",
    "require_tls",
)
OWNER: Final = Cause(
    "encrypted-owner",
    "5.7.10",
    "the mailbox's owner takes encrypted sessions only",
    "The owner of this mailbox takes mail by encrypted sessions only",
    "let the sending server use STARTTLS, in the version that the owner wants",
    "[mailbox.NAME] require_tls",
)
CAUSES: Final = (REQUIRED, OLD, OWNER)

_REQUIRED: Final = REQUIRED.refuse()
_OLD: Final = OLD.refuse()
_OWNER: Final = OWNER.refuse()
_RANKS: Final = {"": 0, "SSLv2": 1, "SSLv3": 1, "TLSv1": 1, "TLSv1.0": 1, "TLSv1.1": 1, "TLSv1.2": 2, "TLSv1.3": 3}


def check_encrypted(facts: MailFacts, level: str) -> Verdict:
    """At MAIL: 530 5.7.0 for a session in the clear, 550 5.7.10 for an old TLS."""
    if _rank(facts.peer) >= LEVELS.index(level):
        return ABSTAIN
    return _OLD if facts.peer.is_encrypted else _REQUIRED


def check_encrypted_for(facts: RecipientFacts, level: str) -> Verdict:
    """At RCPT, by what the mailbox's owner wants: 550 5.7.10."""
    return ABSTAIN if _rank(facts.peer) >= LEVELS.index(level or "none") else _OWNER


def find_encrypted(facts: ContentFacts) -> str:
    """For the trace: nothing where TLS is as it should be (RFC 8997 retires what is older than 1.2)."""
    peer = facts.peer
    if peer.tls is None:
        return "not encrypted"
    return peer.tls.version if _rank(peer) == 1 else ""


def _rank(peer: Peer) -> int:
    return 0 if peer.tls is None else _RANKS.get(peer.tls.version, 3)  # a version that is yet to come is newer
