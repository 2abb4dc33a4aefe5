"""Which checks run at which stage, in one table; and the one rule by which their verdicts combine.

**The rule.** The checks of a stage are asked in the order of the table. The first that refuses decides, and none
after it is asked. Nothing adds up: there are no scores. What a check finds and does not refuse for is a *finding*;
findings stand in the trace, for the owner to read, and count for nothing else. Who is allowed by name
(``policy.allowed``) is spared the rows that are *waived*; so is mail to postmaster and abuse (RFC 5321 §4.5.1,
RFC 2142 §4), as who is refused by mistake must be able to say so. Rows for strangers are not asked about our own
users, the peers that ``[policy] exempt`` and ``[relay] trusted`` name, LMTP and this machine's own sockets.

What needs the stores comes after these: submission, recipient, aliases and lists, the owner's consent
(``app.deciders``). docs/policy.md is written from this table.

``Checks`` is the table compiled for one configuration: a check that cannot refuse anything under it is not there at
all. Pure but for the buckets of the rates, whose time is passed in. Raises nothing, but ``body``: ``OSError``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache, partial
from typing import Any, Final

from samotop.address import Address
from samotop.facts import ConnectionFacts, ContentFacts, HelloFacts, MailFacts, RecipientFacts
from samotop.policy import (
    allowed,
    content,
    dmarc,
    dnsbl,
    encrypted,
    harvesting,
    hello,
    loops,
    null,
    pipelining,
    rates,
    reverse,
    spf,
)
from samotop.policy.allowed import Entries, Named
from samotop.policy.buckets import Buckets, Rate
from samotop.policy.cause import Cause
from samotop.policy.rules import PolicyRules
from samotop.verdict import ABSTAIN, Verdict


class Stage(Enum):
    """When something is asked; BODY is the end of the content for what reads all of it."""

    CONNECTION = "connection"
    HELLO = "hello"
    MAIL = "mail"
    RECIPIENT = "recipient"
    CONTENT = "content"
    BODY = "body"


Check = Callable[[Any], Verdict]


@dataclass(frozen=True, slots=True)
class Tools:
    """What checks are made of. ``owner_level`` is the TLS that a mailbox's owner wants; ``now`` does not go back."""

    rules: PolicyRules
    named: Named
    now: Callable[[], float]
    owner_level: Callable[[Address], str] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One check at one stage. ``plan`` makes it, or nothing where it has nothing to refuse."""

    stage: Stage
    causes: tuple[Cause, ...]
    plan: Callable[[Tools], Check | None]
    is_for_all: bool = False
    is_waived: bool = True


TABLE: Final = (
    Row(Stage.CONNECTION, (allowed.NETWORK,), lambda t: _blocked(t, allowed.check_blocked_network)),
    Row(
        Stage.HELLO, (pipelining.HASTY,), lambda t: pipelining.check_pipelining if t.rules.enforces_pipelining else None
    ),
    Row(Stage.HELLO, (hello.OURS,), lambda t: _hello(t, hello.check_hello)),
    Row(
        Stage.MAIL, (pipelining.HASTY,), lambda t: pipelining.check_pipelining if t.rules.enforces_pipelining else None
    ),
    Row(Stage.MAIL, (allowed.SENDER,), lambda t: _blocked(t, allowed.check_blocked_sender)),
    Row(Stage.MAIL, (encrypted.REQUIRED, encrypted.OLD), lambda t: _encrypted(t)),
    Row(Stage.MAIL, (hello.NO_NAME, hello.LITERAL), lambda t: _hello(t, hello.check_hello_form, "strict")),
    Row(Stage.MAIL, (rates.NETWORK,), lambda t: _rate(t, t.rules.rate_network, rates.check_network_rate)),
    Row(Stage.MAIL, (rates.LOGIN,), lambda t: _login_rate(t), is_for_all=True, is_waived=False),
    Row(Stage.RECIPIENT, (dnsbl.LISTED,), lambda t: dnsbl.check_dnsbl if t.rules.dnsbl else None),
    Row(Stage.RECIPIENT, (hello.OUR_DOMAIN,), lambda t: _hello(t, hello.check_hello_domain)),
    Row(Stage.RECIPIENT, reverse.CAUSES, lambda t: reverse.check_reverse if t.rules.require_reverse else None),
    Row(Stage.RECIPIENT, spf.CAUSES, lambda t: spf.check_spf if t.rules.enforces_spf else None),
    Row(Stage.RECIPIENT, (encrypted.OWNER,), lambda t: _owner_level(t), is_waived=False),
    Row(Stage.RECIPIENT, (null.SEVERAL,), lambda t: _null_recipients(t)),
    Row(Stage.RECIPIENT, (null.NEVER,), lambda t: _null_address(t)),
    Row(Stage.RECIPIENT, (rates.RECIPIENT,), lambda t: _rate(t, t.rules.rate_recipient, rates.check_recipient_rate)),
    Row(Stage.CONTENT, loops.CAUSES, lambda t: loops.check_loops, is_for_all=True, is_waived=False),
    Row(Stage.CONTENT, (allowed.SENDER,), lambda t: _blocked(t, allowed.check_blocked_author)),
    Row(Stage.CONTENT, dmarc.CAUSES, lambda t: _dmarc(t), is_for_all=True, is_waived=False),
    Row(Stage.BODY, (content.TYPE,), lambda t: _content(t), is_for_all=True, is_waived=False),
)
"""In the order in which they are asked."""

FINDERS: Final[tuple[Callable[[ContentFacts], str], ...]] = (
    encrypted.find_encrypted,
    reverse.find_reverse,
    hello.find_hello,
    spf.find_spf,
    dnsbl.find_dnsbl,
    pipelining.find_pipelining,
)
"""What is found about a stranger and refuses nothing by itself, in the order in which the trace has it."""

POSTMASTERS: Final = frozenset(("postmaster", "abuse"))
"""Local parts that are written to when something went wrong."""


def _blocked(t: Tools, check: Callable[[Any, Entries], Verdict]) -> Check | None:
    named = t.named
    return (lambda facts: check(facts, named.blocked)) if named.blocks else None


def _hello(t: Tools, check: Callable[..., Verdict], *modes: str) -> Check | None:
    is_on = t.rules.hello.mode in (modes or ("ours", "strict"))
    return partial(check, rules=t.rules.hello) if is_on else None


def _encrypted(t: Tools) -> Check | None:
    level = t.rules.require_tls
    return None if level == "none" else partial(encrypted.check_encrypted, level=level)


def _owner_level(t: Tools) -> Check | None:
    find = t.owner_level
    if find is None:
        return None
    return lambda f: encrypted.check_encrypted_for(f, find(f.recipient.address))


def _null_recipients(t: Tools) -> Check | None:
    limit = t.rules.null_recipients
    return partial(null.check_null_recipients, limit=limit) if limit else None


def _null_address(t: Tools) -> Check | None:
    return partial(null.check_null_address, never=t.rules.no_bounces) if t.rules.no_bounces else None


def _rate(t: Tools, rate: Rate, check: Callable[[Any, Buckets, float], Verdict]) -> Check | None:
    if not rate:
        return None
    buckets, now = Buckets(rate), t.now
    return lambda facts: check(facts, buckets, now())


def _login_rate(t: Tools) -> Check | None:
    return _rate(t, t.rules.rate_login, rates.check_login_rate)


def _dmarc(t: Tools) -> Check | None:
    return dmarc.check_dmarc if t.rules.enforces_dmarc else None


def _content(t: Tools) -> Check | None:
    rules = t.rules.content
    if not rules.endings and not rules.media_types:
        return None
    return partial(content.check_content_types, rules=rules)


@dataclass(frozen=True, slots=True)
class _Compiled:
    check: Check
    is_waived: bool


class _Rows:
    """The checks of one stage, sorted when they are made: at each step of each session nothing else is looked at."""

    __slots__ = ("for_all", "for_strangers")

    def __init__(self, stage: Stage, tools: Tools) -> None:
        found = [(row, check) for row in TABLE if row.stage is stage and (check := row.plan(tools)) is not None]
        self.for_strangers = tuple(_Compiled(check, row.is_waived) for row, check in found)
        self.for_all = tuple(_Compiled(check, row.is_waived) for row, check in found if row.is_for_all)


class Checks:
    """The table for one configuration. ``is_inside(address)`` tells peers that strangers' rows are not asked about."""

    def __init__(self, tools: Tools, is_inside: Callable[[str], bool]) -> None:
        self._named = tools.named
        self._rules = tools.rules
        self._now = tools.now
        self._is_inside = lru_cache(maxsize=4096)(is_inside)
        self._harvest = Buckets(tools.rules.harvest) if tools.rules.harvest else None
        self._at_connection = _Rows(Stage.CONNECTION, tools)
        self._at_hello = _Rows(Stage.HELLO, tools)
        self._at_mail = _Rows(Stage.MAIL, tools)
        self._at_recipient = _Rows(Stage.RECIPIENT, tools)
        self._at_content = _Rows(Stage.CONTENT, tools)
        self._at_body = _Rows(Stage.BODY, tools)

    def is_stranger(self, facts: ConnectionFacts) -> bool:
        peer = facts.peer
        return (
            facts.protocol == "smtp" and peer.login is None and bool(peer.address) and not self._is_inside(peer.address)
        )

    @property
    def reads_body(self) -> bool:
        """Is there anything that reads whole contents?"""
        return bool(self._at_body.for_strangers)

    def connection(self, facts: ConnectionFacts) -> Verdict:
        return self._ask(self._at_connection, facts, facts, self._allows_network)

    def hello(self, facts: HelloFacts) -> Verdict:
        return self._ask(self._at_hello, facts, facts.connection, self._allows_network)

    def mail(self, facts: MailFacts) -> Verdict:
        return self._ask(self._at_mail, facts, facts.connection, self._allows_network)

    def recipient(self, facts: RecipientFacts) -> Verdict:
        return self._ask(self._at_recipient, facts, facts.mail.connection, self._allows_recipient)

    def content(self, facts: ContentFacts) -> Verdict:
        return self._ask(self._at_content, facts, facts.mail.connection, self.allows_author)

    def body(self, facts: ContentFacts) -> Verdict:
        """Reads the content: for a thread. Raises ``OSError``."""
        return self._ask(self._at_body, facts, facts.mail.connection, self.allows_author)

    def _ask(self, rows: _Rows, facts: Any, connection: ConnectionFacts, allows: Callable[[Any], bool]) -> Verdict:
        """The rule."""
        asked = rows.for_strangers
        if asked and not self.is_stranger(connection):
            asked = rows.for_all
        for row in asked:
            verdict = row.check(facts)
            if verdict is not ABSTAIN and verdict.is_refusal and not (row.is_waived and allows(facts)):
                return verdict
        return ABSTAIN

    def needs_names(self, facts: MailFacts) -> bool:
        """Must the first recipient's answer wait for what DNS says of the client?"""
        rules = self._rules
        if rules.enforces_spf or rules.require_reverse or rules.dnsbl:
            return self.is_stranger(facts.connection)
        return hello.needs_address(facts.hello.hello, rules.hello) and self.is_stranger(facts.connection)

    def harvest(self, facts: RecipientFacts, waiting: int) -> harvesting.Harvest:
        """What it costs that this recipient is unknown."""
        if self._harvest is None or not self.is_stranger(facts.mail.connection):
            return harvesting.NO_HARVEST
        return harvesting.note_unknown(facts, self._harvest, self._now(), waiting)

    def findings(self, facts: ContentFacts) -> tuple[str, ...]:
        """What is found about a stranger, in a few words each."""
        if not self.is_stranger(facts.mail.connection):
            return ()
        return tuple(found for find in FINDERS if (found := find(facts)))

    def allows_author(self, facts: ContentFacts) -> bool:
        """Is who writes allowed by name?"""
        return bool(self._named.allowed) and allowed.is_allowed_author(facts, self._named.allowed)

    def _allows_network(self, facts: ConnectionFacts | HelloFacts | MailFacts) -> bool:
        return allowed.is_allowed_network(facts.peer, self._named.allowed)

    def _allows_recipient(self, facts: RecipientFacts) -> bool:
        if facts.recipient.address.local.lower() in POSTMASTERS:
            return True
        return bool(self._named.allowed) and allowed.is_allowed_path(facts, self._named.allowed)
