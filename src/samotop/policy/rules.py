"""The parameters of all checks, composed: what ``[policy]`` comes to."""

from __future__ import annotations

from dataclasses import dataclass

from samotop.policy.buckets import NO_LIMIT, Rate
from samotop.policy.content import ContentRules
from samotop.policy.hello import HelloRules


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """Frozen; the defaults refuse no honest server. Names as in ``[policy]``; ``no_bounces`` in lower case."""

    hello: HelloRules = HelloRules()
    enforces_pipelining: bool = False
    require_reverse: bool = False
    require_tls: str = "none"
    enforces_spf: bool = False
    enforces_dmarc: bool = True
    dnsbl: tuple[str, ...] = ()
    null_recipients: int = 1
    no_bounces: frozenset[str] = frozenset()
    rate_network: Rate = NO_LIMIT
    rate_login: Rate = NO_LIMIT
    rate_recipient: Rate = NO_LIMIT
    harvest: Rate = Rate(20, 3600.0)
    content: ContentRules = ContentRules()
