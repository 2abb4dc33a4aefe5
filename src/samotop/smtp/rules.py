"""The engine's parameters: every bound has a name, a default and its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """What one session may do. Counts are per session unless they say otherwise; lengths are octets with CRLF."""

    command_line: int = 2048
    """A command. RFC 5321 §4.5.3.1.4 says 512, the parameters of DSN and SMTPUTF8 add to it."""
    auth_line: int = 12288
    """A line of an AUTH exchange (RFC 4954 §4)."""
    text_line: int = 64 * 1024
    """A line of content. RFC 5321 says 1000; honest programs break that, none by this much."""
    header: int = 256 * 1024
    """The header section of a content."""
    size: int = 50 * 1000 * 1000
    """A whole content; advertised with SIZE (RFC 1870)."""
    recipients: int = 100
    """Recipients of a transaction (RFC 5321 §4.5.3.1.8); more get 452 and come in the next one."""
    refused_recipients: int = 50
    """Recipients refused for good in a session before we hang up: more is guessing addresses, not writing mail."""
    errors: int = 10
    """Commands answered with an error of syntax or order before we hang up."""
    junk_commands: int = 100
    """Commands in a row that bring no mail forward (NOOP, RSET, VRFY, HELP, EHLO)."""
    commands: int = 10_000
    """All commands; a client that sends more mail than this may connect again."""
    transactions: int = 1_000
    """Transactions; advertised as MAILMAX (RFC 9422)."""
    auth_failures: int = 3
    """Failed logins before we hang up."""
    local_part: int = 254
    """A local part. RFC 5321 §4.5.3.1.1 says 64, which the return addresses of mailing lists (VERP) outgrow."""
    path: int = 512
    """A path with its brackets and route (RFC 5321 §4.5.3.1.3 says 256)."""
    hold: int = 0
    """Seconds that FUTURERELEASE may ask for (RFC 4865); 0: not offered. It is for submission alone: a month there."""
    deliver_by: int = 0
    """The least seconds that DELIVERBY may ask for with a return (RFC 2852); 0: not offered. A minute in our server."""
