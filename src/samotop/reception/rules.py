"""Reception's parameters: how many sessions, and how long each stage may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """Times in seconds. RFC 5321 §4.5.3.2 gives the least that a server should wait."""

    sessions: int = 2000
    """Sessions at the same time, over all listeners of this process."""
    sessions_per_address: int = 50
    """Sessions at the same time from one IPv4 address or IPv6 /64."""
    banner_wait: float = 0.0
    """How long we keep silent first, to see who speaks early; 0 for not at all."""
    greeting_timeout: float = 300.0
    """From the connection to the first command, the TLS handshake included."""
    command_timeout: float = 300.0
    """For the next command to come whole (RFC 5321 §4.5.3.2.7: five minutes)."""
    data_timeout: float = 600.0
    """For the next piece of content (RFC 5321 §4.5.3.2.5 asks the client for three minutes, 4.5.3.2.6 for ten)."""
    content_timeout: float = 3600.0
    """For a whole content: a client that drips octets holds a session no longer than this."""
    session_timeout: float = 6 * 3600.0
    """For a whole session."""
    handshake_timeout: float = 30.0
    """For a TLS handshake."""
    decision_timeout: float = 60.0
    """For an awaited decider; then the client is asked to come back later."""
    handing_timeout: float = 300.0
    """For a next hop to take a whole content while the sender waits: half of what a sender does (RFC 5321
    §4.5.3.2.6)."""
    proxy_wait: float = 1.0
    """For a PROXY header from a network that may send one; after that it may use XCLIENT."""
    linger: float = 2.0
    """For the client to read our last reply before the connection is cut."""
    stop_grace: float = 8.0
    """For transactions that are under way when the server stops."""
