"""XCLIENT: a trusted proxy says who the client really is (Postfix' XCLIENT_README).

Offered only to peers in a listener's ``proxy`` networks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from samotop.errors import PeerError
from samotop.net.xclient import parse_xclient
from samotop.peer import Peer
from samotop.reply import Reply

XCLIENT: Final = "XCLIENT"
XCLIENT_KEYWORD: Final = "XCLIENT NAME ADDR PORT LOGIN"
"""What we use of it; other attributes are read and make no difference."""


def replace_peer(peer: Peer, argument: bytes) -> Peer | Reply:
    """The peer that the command describes, or the reply that refuses it."""
    try:
        attributes = parse_xclient(argument)
    except PeerError as error:
        return Reply.of(501, "5.5.4", str(error))
    if attributes.address is not None:
        peer = replace(
            peer, address=attributes.address, port=0, login=None, name=""
        )  # another client has not logged in
    if attributes.port is not None:
        peer = replace(peer, port=attributes.port)
    if attributes.name is not None:
        peer = replace(peer, name=attributes.name)
    if attributes.login is not None:
        peer = replace(peer, login=attributes.login or None)
    return peer
