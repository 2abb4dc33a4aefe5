"""Encoded words: text beyond ASCII in a header field (RFC 2047).

``encode_words`` writes UTF-8, as ``Q`` or ``B``, whichever is shorter. No
character is cut in two, no word is longer than 75 octets, and what is between
two words belongs to one of them: readers drop the space that separates
encoded words, so nothing but that separator may stand there.

``decode_words`` reads what strangers write. It is tolerant where nobody is
harmed: words inside of words, spaces in a word, characters cut in two between
words, and character sets that are wrong or unknown. What is no encoded word
stays as it is.

Both take linear time and raise nothing.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from typing import Final

from samotop.message.charsets import decode_text
from samotop.message.transfer import decode_base64, decode_q

WORD_LIMIT: Final = 75
"""Characters of one encoded word (RFC 2047 §2)."""
LEAST_ROOM: Final = 24
"""Below this a line has no room for an encoded word worth writing."""

_START_Q: Final = "=?utf-8?q?"
_START_B: Final = "=?utf-8?b?"
_AROUND: Final = len(_START_Q) + 2

# What stands for itself in Q wherever the word may be (RFC 2047 §5 (3)); all others cost three characters an octet.
_ONE_EACH: Final = b" ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
_Q: Final = tuple("_" if n == 32 else chr(n) if n in _ONE_EACH else f"={n:02X}" for n in range(256))

# [^?]*+ ends at the next question mark, so that no octet is looked at for two words.
_WORD: Final = re.compile(r"=\?([!-)+->@-~]{1,40}+)(?:\*[!->@-~]{0,40}+)?\?([BbQq])\?([^?]*+)\?=")


def encode_words(text: str, room: int = WORD_LIMIT) -> list[str]:
    """``text`` as encoded words. The first takes at most ``room`` characters, at least ``LEAST_ROOM``."""
    octets = text.encode("utf-8")
    room = max(LEAST_ROOM, min(room, WORD_LIMIT))
    q_length = len(octets) + 2 * len(octets.translate(None, _ONE_EACH))
    if q_length <= (len(octets) + 2) // 3 * 4:
        return _encode_q(text, room, q_length)
    return _encode_b(text, octets, room)


def _encode_q(text: str, room: int, length: int) -> list[str]:
    if length + _AROUND <= room:
        return [_START_Q + "".join([_Q[octet] for octet in text.encode("utf-8")]) + "?="]
    words: list[str] = []
    current: list[str] = []
    used = _AROUND
    for character in text:
        written = _Q[ord(character)] if character < "\x80" else "".join(_Q[n] for n in character.encode("utf-8"))
        if used + len(written) > room:
            words.append(_START_Q + "".join(current) + "?=")
            current, used, room = [], _AROUND, WORD_LIMIT
        current.append(written)
        used += len(written)
    words.append(_START_Q + "".join(current) + "?=")
    return words


def _encode_b(text: str, octets: bytes, room: int) -> list[str]:
    words: list[str] = []
    start, total = 0, len(octets)
    while start < total:
        end = min(total, start + (room - _AROUND) // 4 * 3)
        while end < total and octets[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        words.append(_START_B + b2a_base64(octets[start:end], newline=False).decode("ascii") + "?=")
        start, room = end, WORD_LIMIT
    return words


def decode_words(text: str) -> str:
    """``text`` with its encoded words decoded, and without the space between two of them (RFC 2047 §6.2)."""
    if "=?" not in text:
        return text
    found: list[str] = []
    waiting: list[bytes] = []  # octets of words in one character set, side by side
    charset, end = "", 0
    for word in _WORD.finditer(text):
        between = text[end : word.start()]
        is_beside = end > 0 and not between.strip(" \t\r\n")
        if waiting and not (is_beside and word[1].lower() == charset):
            found.append(decode_text(b"".join(waiting), charset))
            waiting = []
        if not is_beside:
            found.append(between)
        charset, end = word[1].lower(), word.end()
        payload = word[3].encode("utf-8", "replace")
        waiting.append(decode_base64(payload) if word[2] in "Bb" else decode_q(payload))
    if waiting:
        found.append(decode_text(b"".join(waiting), charset))
    found.append(text[end:])
    return "".join(found)
