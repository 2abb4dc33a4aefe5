"""clamd as a companion: the content is streamed to it (INSTREAM), and what it calls a virus is refused.

The protocol is that of clamd(8): the command ``zINSTREAM`` ended by NUL, pieces
each with their length in four octets, a length of zero, one answer ended by NUL.
A content that clamd finds too large (``StreamMaxLength``) is one that it could not look at.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.companions.asking import Asking, clean, read_pieces
from samotop.errors import PeerError
from samotop.facts import ContentFacts
from samotop.net.stream import Stream
from samotop.ports.companion import NO_OPINION, Opinion
from samotop.verdict import Verdict

ANSWER_LIMIT: Final = 4096
"""Octets of an answer: the name of a signature, and a word."""

_FOUND: Final = re.compile(rb"stream: (.{1,1000}) FOUND", re.DOTALL)


class BadAnswer(PeerError):
    """clamd could not look, or this is not clamd."""


class ClamdCompanion(Asking):
    kind = "clamd"

    async def _converse(self, stream: Stream, facts: ContentFacts, until: float) -> Opinion:
        stream.write(b"zINSTREAM\0")
        async for piece in read_pieces(facts.content):
            if stream.has_octets:
                break  # it has decided before the end: too large for it
            stream.write(len(piece).to_bytes(4, "big") + piece)
            await stream.drain(until)
        stream.write(bytes(4))
        answer = bytearray()
        while b"\0" not in answer and len(answer) <= ANSWER_LIMIT:
            octets = await stream.receive(until)
            if not octets:
                break
            answer += octets
        return judge(bytes(answer))


def judge(answer: bytes) -> Opinion:
    """The opinion in clamd's answer. Raises ``BadAnswer``."""
    text, nul, _ = answer.partition(b"\0")
    if not nul:
        raise BadAnswer("an answer without an end")
    if text == b"stream: OK":
        return NO_OPINION
    found = _FOUND.fullmatch(text)
    if found is None:
        raise BadAnswer("it could not look at the message")
    name = clean(found[1])[:100]
    return Opinion(
        Verdict.reject("companion", "clamd has found something in it", said=f"Contains what ClamAV calls {name}")
    )
