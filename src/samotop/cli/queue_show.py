"""One message of the queue, for people and for programs: how it came, what was said of it, which TLS it had."""

from __future__ import annotations

from typing import Any, Final

from samotop.cli.show import format_octets, format_time
from samotop.queue.deadlines import release_time
from samotop.queue.entry import Entry, Pending, Protection
from samotop.queue.entry import State as EntryState
from samotop.tlspolicy.levels import Level


def entry_json(entry: Entry) -> dict[str, Any]:
    trace, by = entry.trace, entry.envelope.parameters.deliver_by
    return {
        "id": entry.id,
        "state": entry.state.value,
        "reason": entry.reason,
        "size": entry.size,
        "due": entry.due,
        "release": release_time(entry.envelope.parameters, trace.received_at),
        "deliver_by": None if by is None else trace.received_at + by.seconds,
        "reverse_path": str(entry.envelope.reverse_path),
        "pending": [
            {
                "recipient": str(one.recipient.address),
                "original": one.recipient.original,
                "folder": one.recipient.folder or None,
                "verdict": one.recipient.verdict or None,
                "attempts": one.attempts,
                "last": one.last,
                "tls": None if one.protection is None else _protection_json(one.protection),
            }
            for one in entry.pending
        ],
        "received": trace.received_at,
        "hello": trace.hello,
        "peer": trace.peer_address,
        "protocol": trace.protocol,
        "tls": trace.tls,
        "login": trace.login,
    }


def format_entry(entry: Entry) -> list[str]:
    """Lines for people, with what strangers wrote in them as it came."""
    trace = entry.trace
    lines = [
        f"{entry.id}: {entry.state.value}, {format_octets(entry.size)}, received {format_time(trace.received_at)}",
        f"  by {trace.protocol} from {trace.peer_address or 'this machine'}, who said {trace.hello or 'nothing'}"
        + (f", {trace.tls}" if trace.tls else "")
        + (f", logged in as {trace.login}" if trace.login else ""),
        f"  from <{entry.envelope.reverse_path}>",
    ]
    lines += _wishes(entry)
    if entry.reason:
        lines.append(f"  {entry.reason}")
    if entry.state is EntryState.QUEUED:
        lines.append(f"  next attempt {format_time(entry.due)}")
    for one in entry.pending:
        lines += _recipient(one)
    return lines


def _recipient(one: Pending) -> list[str]:
    """What is known of one recipient; where it goes to another server, which TLS that takes."""
    tried = "not tried yet" if not one.attempts else "1 attempt" if one.attempts == 1 else f"{one.attempts} attempts"
    original = (one.recipient.original or "").partition(";")[2]  # an alias, or what the sender's server calls it
    first = f" (first <{original}>)" if original and original != str(one.recipient.address) else ""
    lines = [f"  to <{one.recipient.address}>{first}, {tried}" + (f": {one.last}" if one.last else "")]
    if one.recipient.verdict:
        lines.append(f"    {one.recipient.verdict}")
    p = one.protection
    if p is None:
        return lines
    lines.append(f"    next hop {p.hop}" + (f", its server {p.host}" if p.host and p.host != p.hop else ""))
    if p.demanded:
        lines.append(f"    TLS demanded: {p.demanded}, by {p.by}: {p.why}")
        lines.append(f"    TLS reached: {_reached(p)}")
    return lines


_MAY_BE_PLAIN: Final = (str(Level.NONE), str(Level.OPPORTUNISTIC))
"""Demands that a session in the clear comes up to; under any other it ends before anything of the message is sent."""


def _reached(p: Protection) -> str:
    if not p.reached:
        return "there was no connection"
    if p.reached != str(Level.NONE):
        return p.reached
    return "none, in the clear" if p.demanded in _MAY_BE_PLAIN else "none: nothing was sent"


def _protection_json(p: Protection) -> dict[str, str | None]:
    return {
        "next_hop": p.hop,
        "host": p.host,
        "demanded": p.demanded or None,
        "by": p.by or None,
        "why": p.why,
        "reached": p.reached or None,
    }


def _wishes(entry: Entry) -> list[str]:
    """The times that its sender has set (RFC 4865, RFC 2852)."""
    parameters, received_at = entry.envelope.parameters, entry.trace.received_at
    lines = []
    if (release := release_time(parameters, received_at)) > received_at:
        lines.append(f"  its sender wants it kept until {format_time(release)}")
    if (by := parameters.deliver_by) is not None:
        after = "back" if by.returns else "to be told of a delay"
        lines.append(f"  its sender wants it delivered by {format_time(received_at + by.seconds)}, else {after}")
    return lines
