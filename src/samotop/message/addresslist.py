"""Address lists, read tolerantly: whom a field names, for viewing and for an answer (RFC 5322 §3.4, §4.4).

The strict reader is ``mailboxes.parse_mailboxes``, and what decides who wrote a
message must use that one. This reader takes what stands in real fields: names
with dots, commas in quotes, encoded words anywhere, comments, routes, missing
commas' spaces, groups, addresses without a domain. Elements in which it finds
no address are left out. Names come decoded and without control characters.

Takes linear time and gives at most ``MAILBOX_LIMIT`` mailboxes. Raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from samotop.address import Address
from samotop.message.cfws import QUOTED, find_end_of_comment, unquote
from samotop.message.encodedwords import decode_words
from samotop.message.mailboxes import MAILBOX_LIMIT, Mailbox
from samotop.message.text import clean_text

ADDRESS_LIMIT: Final = 1000
"""Characters of an address; what is longer is none (RFC 5321 §4.5.3.1)."""

_PLAIN: Final = re.compile(r'[^",;:()<>]++')
_LITERAL: Final = re.compile(r"\[[^\]\"<>(),;]{0,100}\]")
_ANGLE: Final = re.compile(r'<((?:[^<>",]++|"(?:[^"\\<>]|\\.)*+")*+[^<>,]*+)>?', re.DOTALL)
_SPACES: Final = re.compile(r"[ \t\r\n]++")


def read_mailboxes(value: str) -> tuple[Mailbox, ...]:
    """The mailboxes in a field's value, unfolded or not, in their order."""
    found: list[Mailbox] = []
    for mailbox in _Reader(value).read():
        found.append(mailbox)
        if len(found) == MAILBOX_LIMIT:
            break
    return tuple(found)


class _Element:
    """What has been read of one element of the list."""

    __slots__ = ("address", "comment", "words")

    def __init__(self) -> None:
        self.words: list[str] = []
        self.address: str | None = None
        self.comment = ""

    def take(self, group: str) -> Mailbox | None:
        """The mailbox that these words are, if they are one; the element is empty again."""
        words, address, comment = "".join(self.words), self.address, self.comment
        self.words, self.address, self.comment = [], None, ""
        if address is None:
            if "@" not in words:
                return None
            if '"' in words:
                address, words = words, ""
            else:  # a name without brackets around the address that follows it
                each = " ".join(words.split()).replace(" @", "@").replace("@ ", "@").split(" ")
                address = next(word for word in reversed(each) if "@" in word)
                words = " ".join(word for word in each if word != address)
            words = words or comment
        parsed = _read_address(address)
        if parsed is None:
            return None
        return Mailbox(_read_name(words), parsed, group)


class _Reader:
    """Reads a value from left to right. After a quote or a bracket without its partner no other is looked for."""

    __slots__ = ("_at", "_element", "_has_comments", "_has_quotes", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        self._at = 0
        self._element = _Element()
        self._has_quotes = self._has_comments = True

    def read(self) -> Iterator[Mailbox]:
        value, group = self._value, ""
        while self._at < len(value):
            character = value[self._at]
            if self._take_whole(character):
                continue
            self._at += 1
            if character == ":":
                group = _read_name("".join(self._element.words))
                self._element = _Element()
            elif character in ",;":
                mailbox = self._element.take(group)
                if mailbox is not None:
                    yield mailbox
                group = "" if character == ";" else group
        mailbox = self._element.take(group)
        if mailbox is not None:
            yield mailbox

    def _take_whole(self, character: str) -> bool:
        """Take a quoted string, an address in angle brackets, a comment or words, if one begins here."""
        value, at, element = self._value, self._at, self._element
        if character == "(":
            end = find_end_of_comment(value, at) if self._has_comments else -1
            self._has_comments = end > 0
            if end > 0:
                element.comment = element.comment or value[at + 1 : end - 1]
                self._at = end
            return end > 0
        if character == "<":
            angle = _ANGLE.match(value, at)
            assert angle is not None, "the pattern needs no more than the bracket"
            element.address = element.address or angle[1]
            self._at = angle.end()
            return True
        if character == '"':
            quoted = QUOTED.match(value, at) if self._has_quotes else None
            self._has_quotes = quoted is not None
            if quoted is not None:
                element.words.append(quoted[0])
                self._at = quoted.end()
            return quoted is not None
        words = _PLAIN.match(value, at)
        if words is None:
            return False
        self._at = words.end()
        bracket = words[0].rfind("@[")
        literal = _LITERAL.match(value, at + bracket + 1) if bracket >= 0 else None
        if literal is not None:  # its colons are its own
            self._at = literal.end()
        element.words.append(value[at : self._at])
        return True


def _read_name(words: str) -> str:
    """A display name without its quotes, its encoded words decoded, one space where there are more."""
    if '"' in words:
        words = QUOTED.sub(lambda quoted: unquote(quoted[0]), words)
    return " ".join(clean_text(decode_words(words)).split())


def _read_address(text: str) -> Address | None:
    """``local@domain`` as it may be written; a route in front of it is left out (RFC 5322 §4.4)."""
    text = text.strip()
    if text.startswith("@"):
        text = text.partition(":")[2].strip()
    if not text or len(text) > ADDRESS_LIMIT:
        return None
    local, at, domain = text.rpartition("@")
    if not at:
        local, domain = text, ""
    local, domain = local.strip(), _SPACES.sub("", domain).rstrip(".")
    quoted = QUOTED.fullmatch(local)
    local = unquote(local) if quoted is not None else _SPACES.sub("", local)
    return Address(clean_text(local), clean_text(domain)) if local or quoted is not None else None
