"""One listener's terms: what every session that comes through it shares."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from samotop.peer import Peer
from samotop.reply import Reply
from samotop.smtp.rules import Rules as SmtpRules


class TlsProvider(Protocol):
    """Where sessions get their TLS from; asked at each handshake, so that certificates can change."""

    @property
    def context(self) -> ssl.SSLContext: ...


@dataclass(frozen=True, slots=True)
class VerbFacts:
    """A verb added from outside was said; ``argument`` is what followed it."""

    peer: Peer
    hello: str
    verb: str
    argument: bytes


AnswerVerb = Callable[[VerbFacts], Reply | Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Listener:
    """How sessions of one listener behave.

    ``protocol`` is smtp, submission or lmtp. ``tls`` is none, starttls,
    required (STARTTLS before mail) or implicit. ``proxy`` are the networks
    that may speak for others (PROXY, XCLIENT). ``verbs`` are added from
    outside; ``keywords`` are their lines in the EHLO reply.
    """

    protocol: str = "smtp"
    tls: str = "starttls"
    proxy: tuple[IPv4Network | IPv6Network, ...] = ()
    smtp: SmtpRules = field(default_factory=SmtpRules)
    verbs: Mapping[str, AnswerVerb] = field(default_factory=dict)
    keywords: Mapping[str, str] = field(default_factory=dict)
    requires_login: bool = False
    allows_plaintext_login: bool = False
    name: str = ""

    @property
    def is_lmtp(self) -> bool:
        return self.protocol == "lmtp"
