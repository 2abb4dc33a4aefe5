"""The dialogue of one session as lines for whoever looks for a fault: ``C:`` what we said, ``S:`` what the server said.

    transcript = ClientTranscript(print)
    transcript.sent(octets)
    transcript.received(octets)

No secret and no content is among them: what follows ``AUTH MECHANISM`` and
every line of the exchange, both ways, is blotted out; of a content there is its
length. Addresses and the server's words are there, so that the lines are for
whoever sends, and for no log. Control characters are made visible.

Takes linear time, keeps at most ``REST_LIMIT`` octets, raises nothing but what
``tell`` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

BLOT: Final = "[blotted out]"
LINE_LIMIT: Final = 1000
"""Characters of one line that are told: a reply's line has at most 512 octets, a command's a few more."""
REST_LIMIT: Final = 16 * 1024
"""Octets of an unfinished line that are kept: more than the longest line of an AUTH exchange."""

_BDAT: Final = re.compile(rb"BDAT (\d{1,18})", re.IGNORECASE)
_END: Final = b"\r\n.\r\n"


class ClientTranscript:
    """Of one connection. Calls ``tell`` with each line, as soon as it is whole."""

    __slots__ = ("_before", "_challenges", "_chunk", "_heard", "_is_content", "_is_login", "_length", "_said", "_tell")

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._said = b""
        self._heard = b""
        self._is_login = False
        self._challenges = 0
        self._is_content = False
        self._length = 0
        self._before = b""
        self._chunk = 0

    def sent(self, octets: bytes) -> None:
        """What we said, cut anywhere."""
        octets = self._said + octets
        self._said = b""
        at = 0
        while at < len(octets):
            if self._is_content:
                at = self._pass_content(octets, at)
            elif self._chunk:
                taken = min(self._chunk, len(octets) - at)
                self._chunk -= taken
                at += taken
            else:
                end = octets.find(b"\r\n", at)
                if end < 0:
                    self._said = octets[at:][:REST_LIMIT]
                    return
                self._say(octets[at:end])
                at = end + 2

    def received(self, octets: bytes) -> None:
        """What the server said, cut anywhere."""
        *lines, rest = (self._heard + octets).split(b"\n")
        self._heard = rest[:REST_LIMIT]
        for line in lines:
            self._hear(line.removesuffix(b"\r"))

    def _say(self, line: bytes) -> None:
        verb, _, rest = line.partition(b" ")
        if self._is_login or self._challenges:
            self._challenges = max(0, self._challenges - 1)
            self._tell(f"C: {BLOT}")
        elif verb.upper() == b"AUTH":
            self._is_login = True
            mechanism, _, initial = rest.partition(b" ")
            self._tell(f"C: AUTH {_visible(mechanism)}{f' {BLOT}' if initial else ''}")
        else:
            self._tell(f"C: {_visible(line)}")
            if (found := _BDAT.match(line)) is not None:
                self._chunk = int(found[1])
                self._tell(f"C: ({self._chunk} octets of content)")

    def _hear(self, line: bytes) -> None:
        if line[:3] == b"334":
            self._challenges += 1  # its answer is a secret, also where the server has said more behind it
            self._tell(f"S: 334 {BLOT}")
            return
        self._tell(f"S: {_visible(line)}")
        if line[3:4] != b"-":
            self._is_login = False
        if line[:3] == b"354":
            self._is_content, self._length, self._before = True, 0, b"\r\n"

    def _pass_content(self, octets: bytes, at: int) -> int:
        """Count up to the dot that ends it; return where what follows begins."""
        seen = self._before + octets[at:]
        end = seen.find(_END)
        if end < 0:
            self._length += len(octets) - at
            self._before = seen[-4:]
            return len(octets)
        after = at + end + len(_END) - len(self._before)
        self._length += after - at - 3
        self._is_content = False
        self._tell(f"C: ({self._length} octets of content)")
        self._tell("C: .")
        return after


def _visible(octets: bytes) -> str:
    text = octets[:LINE_LIMIT].decode("utf-8", "replace")
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
