"""What an open session shows of its server: what it offers, how it is reached, with which certificate.

    view = await transport.examine()
    if isinstance(view, ServerView):
        print(view.capabilities.size, view.capabilities.mechanisms, view.tls, view.chain[0])

For people who set something up, and for programs that choose: the chain is DER,
the server's own certificate first, as it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from samotop.peer import Tls
from samotop.smtp.client import Capabilities
from samotop.tlspolicy.levels import Level
from samotop.transport.smtp.courier import Courier


@dataclass(frozen=True, slots=True)
class ServerView:
    """``level`` is what TLS came to: ``Level.VERIFIED`` where the certificate was the server's; NONE in the clear."""

    capabilities: Capabilities
    level: Level = Level.NONE
    tls: Tls | None = None
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    peer_address: str = ""
    is_logged_in: bool = False


def view_session(courier: Courier, *, is_logged_in: bool) -> ServerView:
    """What ``courier`` knows."""
    secured = courier.secured
    if secured is None:
        return ServerView(courier.capabilities, peer_address=courier.peer_address, is_logged_in=is_logged_in)
    return ServerView(
        courier.capabilities, secured.level, secured.tls, secured.chain, courier.peer_address, is_logged_in
    )
