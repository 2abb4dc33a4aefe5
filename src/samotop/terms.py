"""The configuration in the terms of the packages: each has rules of its own, and none of them reads a file."""

from __future__ import annotations

from dataclasses import replace

from samotop.config.shapes import Config, Listen
from samotop.message.trace import DisclosureRules
from samotop.net.descriptors import fitting_sessions, raise_limit
from samotop.policy.content import content_rules
from samotop.policy.hello import HelloRules
from samotop.policy.rules import PolicyRules
from samotop.queue.deadlines import DELIVER_BY_LEAST, HOLD_LIMIT
from samotop.reception.listener import Listener
from samotop.reception.rules import Rules
from samotop.routing.rules import Mailbox, Rewrite, Route, RoutingRules
from samotop.smtp.rules import Rules as SmtpRules


def routing_rules(config: Config) -> RoutingRules:
    """Routing's rules, from the tables that say whose an address is."""
    return RoutingRules(
        domains=config.domains,
        mailboxes=tuple(
            Mailbox(one.owner or one.name, one.addresses, one.smart, one.domains) for one in config.mailboxes
        ),
        rewrites=tuple(Rewrite(one.match, one.to) for one in config.rewrites),
        routes=tuple(Route(one.match, one.via, one.cut_through) for one in config.routes),
        postmaster=config.postmaster,
    )


def disclosure_rules(config: Config) -> DisclosureRules:
    """What Received fields tell, from ``[received]``."""
    return DisclosureRules(config.received.submitter_hello, config.received.submitter_address)


def smtp_rules(config: Config) -> SmtpRules:
    """The engine's rules, from ``[limits]``."""
    limits = config.limits
    return SmtpRules(
        command_line=limits.command_line,
        auth_line=limits.auth_line,
        text_line=limits.text_line,
        header=limits.header,
        size=limits.size,
        recipients=limits.recipients,
        errors=limits.errors,
        junk_commands=limits.junk_commands,
        commands=limits.commands,
        transactions=limits.transactions,
        auth_failures=limits.auth_failures,
    )


def policy_rules(config: Config) -> PolicyRules:
    """The checks' rules, from ``[policy]``."""
    policy = config.policy
    domains = frozenset(one.lower() for one in config.domains)
    return PolicyRules(
        hello=HelloRules(policy.hello, config.hostname.lower(), domains - {config.hostname.lower()}),
        enforces_pipelining=policy.pipelining == "enforce",
        require_reverse=policy.require_reverse,
        require_tls=policy.require_tls,
        enforces_spf=policy.spf == "enforce",
        enforces_dmarc=policy.dmarc == "enforce",
        dnsbl=policy.dnsbl,
        null_recipients=policy.null_recipients,
        no_bounces=frozenset(one.lower() for one in policy.no_bounces),
        rate_network=policy.rate_network,
        rate_login=policy.rate_login,
        rate_recipient=policy.rate_recipient,
        harvest=policy.harvest,
        content=content_rules(policy.block_types),
    )


def owner_levels(config: Config) -> dict[str, str]:
    """What TLS the owners want who want any."""
    return {one.owner or one.name: one.require_tls for one in config.mailboxes if one.require_tls not in ("", "none")}


def reception_rules(config: Config, workers: int = 1, fitting: int | None = None) -> Rules:
    """Reception's rules for one of several processes, from ``[limits]`` and ``[policy]``.

    Each counts its own sessions, so each gets its share of them; the kernel
    spreads connections by a hash of both ends, one address's too. ``fitting``
    is what the process has descriptors for.
    """
    limits = config.limits
    share = max(1, limits.sessions // workers)
    return Rules(
        sessions=share if fitting is None else min(share, fitting),
        sessions_per_address=-(-limits.sessions_per_address // workers),
        banner_wait=config.policy.banner_wait,
        greeting_timeout=limits.greeting_timeout,
        command_timeout=limits.command_timeout,
        data_timeout=limits.data_timeout,
        content_timeout=limits.content_timeout,
        session_timeout=limits.session_timeout,
        handshake_timeout=limits.handshake_timeout,
    )


def note_descriptors(config: Config) -> str:
    """What to tell the operator where this machine allows fewer sessions than ``[limits]``; else nothing."""
    limit = raise_limit()
    wanted = reception_rules(config, config.workers).sessions
    fitting = fitting_sessions(limit)
    if wanted <= fitting:
        return ""
    return (
        f"a process may have {limit} files open here, enough for {fitting} sessions of {wanted}; more get 421. "
        "Raise the hard limit (ulimit -Hn, LimitNOFILE= of systemd), or write fewer sessions under [limits]"
    )


def listener_terms(listen: Listen, config: Config) -> Listener:
    """What sessions of one ``[[listen]]`` share."""
    is_submission = listen.protocol == "submission"
    hold = int(HOLD_LIMIT) if is_submission else 0  # keeping mail for later is a service to our own users
    return Listener(
        protocol=listen.protocol,
        tls=listen.tls,
        proxy=listen.proxy,
        smtp=replace(smtp_rules(config), hold=hold, deliver_by=DELIVER_BY_LEAST),
        requires_login=is_submission,
        name=listen.protocol,
    )
