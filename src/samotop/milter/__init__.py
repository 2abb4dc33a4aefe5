"""The milter protocol, both sides: how a mail server asks a filter about a message (Sendmail 8, version 6).

    client = MilterClient(hostname="mx.example.org")   # the mail server's side
    server = MilterServer(offer)                       # the filter's side

Octets in, values out: neither has a socket or a clock. ``commands`` are what
the mail server sends, ``responses`` what the filter answers, ``negotiation``
what both agree on first, ``changes`` what the filter's changes make of a header
section. There is no RFC: the protocol is what Sendmail's libmilter and Postfix
do (``include/libmilter/mfdef.h``; Postfix's ``milter8.c``), and this follows
both.

What is malformed raises ``MilterSyntaxError``, which quotes nothing; a frame
has a bound (``frames.FRAME_LIMIT``), and so has what waits in a buffer.
"""

from samotop.milter.changes import apply_changes
from samotop.milter.client import Asked, MilterClient, Outcome, Refusal
from samotop.milter.frames import FRAME_LIMIT, MilterSyntaxError, take_frame
from samotop.milter.negotiation import OUR_VERSION, Actions, Negotiation, Steps
from samotop.milter.server import MilterServer

__all__ = [
    "FRAME_LIMIT",
    "OUR_VERSION",
    "Actions",
    "Asked",
    "MilterClient",
    "MilterServer",
    "MilterSyntaxError",
    "Negotiation",
    "Outcome",
    "Refusal",
    "Steps",
    "apply_changes",
    "take_frame",
]
