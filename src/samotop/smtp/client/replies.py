"""Octets to replies, as a client reads them (RFC 5321 §4.2, RFC 2034).

As strict as the server's parser where a mistake could be turned against us
(endless replies, lines without end, a code that changes within a reply) and
tolerant in what harms nobody: texts in any encoding, a missing enhanced
status, a LF on its own at a line's end.

Raises ``BadReply`` and its kinds: what a server says that it must not say.
After one of them the connection is of no use, for nobody knows which command
the next reply would belong to.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.errors import PeerError
from samotop.reply import REPLY_LINES_LIMIT, Reply
from samotop.status import EnhancedStatus

REPLY_LINE_LIMIT: Final = 2048
"""Octets of a reply's line that we read: four times what RFC 5321 §4.5.3.1.5 allows to send."""

_KNOWN_LIMIT: Final = 16
"""Lines that a reader remembers: more than one session has answers to MAIL, RCPT, DATA and RSET."""
_KNOWN_LENGTH: Final = 80
"""Octets of a line that is worth remembering."""

_LINE: Final = re.compile(rb"([2-5][0-9]{2})(?:([ -])([^\r\n]*+))?+")
_STATUS: Final = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})(?: |$)")


class BadReply(PeerError):
    """What the server sent is no reply: nothing after it can be trusted."""


class UnexpectedReply(BadReply):
    """A reply that nobody asked for, or one that the command cannot have."""


class InjectedReply(BadReply):
    """Something was said in the clear after STARTTLS was accepted: somebody may have put it there (RFC 3207 §6)."""


class UnprovenServer(BadReply):
    """The server said that the login went well, and has not shown that it knows the password's verifier."""


class ReplyReader:
    """Reads replies off a buffer, looking at each line once, however slowly they come.

    A server answers most commands with the same few lines, which are
    remembered, with a bound, for as long as the reader lives.
    """

    __slots__ = ("_code", "_known", "_texts")

    def __init__(self) -> None:
        self._code = b""
        self._texts: list[str] = []
        self._known: dict[bytes, Reply] = {}

    @property
    def is_within(self) -> bool:
        """Has a reply begun that is not complete?"""
        return bool(self._code)

    def take(self, buffer: bytearray) -> Reply | None:
        """Take one reply off the front of ``buffer``; ``None``: it is not complete, and its whole lines were taken.

        Raises ``BadReply`` for lines too long or too many, codes that change
        within a reply, and anything that is not a reply.
        """
        at = 0
        try:
            while True:
                end = buffer.find(b"\n", at, at + REPLY_LINE_LIMIT)
                if end < 0:
                    if len(buffer) - at >= REPLY_LINE_LIMIT:
                        raise BadReply("reply line too long")
                    return None
                line = bytes(buffer[at:end])
                known = self._known.get(line)
                if known is not None and not self._code:
                    at = end + 1
                    return known
                match = _LINE.fullmatch(line.removesuffix(b"\r"))
                if match is None or (self._code and match[1] != self._code):
                    raise BadReply("not a reply")
                at = end + 1
                if match[2] != b"-":
                    return self._finish(line, match)
                self._code = match[1]
                self._texts.append(match[3].decode("utf-8", "replace"))
                if len(self._texts) >= REPLY_LINES_LIMIT:
                    raise BadReply("reply has too many lines")
        finally:
            del buffer[:at]

    def _finish(self, line: bytes, match: re.Match[bytes]) -> Reply:
        """The reply that this line completes."""
        texts, self._texts, self._code = self._texts, [], b""
        texts.append((match[3] or b"").decode("utf-8", "replace"))
        reply = _make_reply(int(match[1]), texts)
        if len(texts) == 1 and len(line) <= _KNOWN_LENGTH and len(self._known) < _KNOWN_LIMIT:
            self._known[line] = reply
        return reply


def take_reply(buffer: bytearray) -> Reply | None:
    """Take one whole reply off the front of ``buffer``; ``None`` means "not complete yet", and leaves all of it there.

    Raises ``BadReply`` as ``ReplyReader`` does, which suits a slow server better.
    """
    rest = bytearray(buffer)
    reply = ReplyReader().take(rest)
    if reply is not None:
        del buffer[: len(buffer) - len(rest)]
    return reply


def _make_reply(code: int, texts: list[str]) -> Reply:
    status: EnhancedStatus | None = None
    match = _STATUS.match(texts[-1])
    if match is not None and int(match[1]) == code // 100:
        status = EnhancedStatus(int(match[1]), int(match[2]), int(match[3]))
        word = match[0].removesuffix(" ")
        texts = [text[len(word) + 1 :] if text == word or text.startswith(word + " ") else text for text in texts]
    return Reply(code, status, tuple(texts))
