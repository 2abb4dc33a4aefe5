"""Mailbox lists of a header field, read strictly: who a message says it is from (RFC 5322 §3.4).

``parse_mailboxes`` reads what stands in From, Sender, Reply-To, To and Cc:
mailboxes and groups (RFC 6854), quoted strings, nested comments, folding, and
UTF-8 anywhere (RFC 6532). Encoded words (RFC 2047) in a display name are left
as they were written: they are for the eye, and prove nothing.

It decides identity, so what two readers may read differently is refused and
never repaired: routes in front of an address, comments or spaces next to its
@ (RFC 5322 §3.4.1 tells nobody to write them), an @ in a display name that is
not quoted, empty elements between commas, lines of nothing but space, control
characters, octets that are no UTF-8. Of the obsolete forms one is read, as it
is harmless and everywhere: dots in a display name.

It takes linear time, keeps comments to a depth and lists to a length, and
raises ``MailboxSyntaxError``, whose text never has the field's own in it.
It does not decode encoded words and looks nothing up.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from samotop.address import Address
from samotop.smtp.paths import BadPath, parse_mailbox

VALUE_LIMIT: Final = 256 * 1024
"""Octets of a field's value: as much as we look at of a whole header section."""
MAILBOX_LIMIT: Final = 1000
"""Mailboxes of a field: ten times the recipients that every server must take (RFC 5321 §4.5.3.1.8)."""
COMMENT_DEPTH_LIMIT: Final = 16
"""Comments within comments: nobody writes three."""

# Possessive: no octet is looked at twice. What was folded has been unfolded before these are used.
_SPACE: Final = re.compile(rb"[ \t]++")
_WORD: Final = re.compile(rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\x80-\xff-]++")
_QUOTED: Final = re.compile(rb'"((?:[ \t!#-\[\]-~\x80-\xff]|\\[ \t!-~\x80-\xff])*+)"')
_QUOTED_PAIR: Final = re.compile(rb"\\(.)", re.DOTALL)
_COMMENT_PART: Final = re.compile(rb"(?:[ \t!-'*-\[\]-~\x80-\xff]|\\[ \t!-~\x80-\xff])*+")
_DOMAIN: Final = re.compile(rb"\[[A-Za-z0-9:.]*+\]|[A-Za-z0-9.\x80-\xff-]++")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff -]*+")


class MailboxSyntaxError(ValueError):
    """The field does not say clearly who is meant. The text says what is wrong and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox. ``display_name`` is without its quotes and may hold encoded words; it is empty without one.

    ``group`` is the name of the group that it stands in (RFC 6854), empty outside of any.
    """

    display_name: str
    address: Address
    group: str = ""

    def __str__(self) -> str:
        """As it stands in a field, without its group; parses to the same again."""
        name = self.display_name
        if not name:
            return str(self.address)
        if not _PLAIN_NAME.fullmatch(name) or name != " ".join(name.split()):
            name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{name} <{self.address}>"


def parse_mailboxes(value: bytes) -> tuple[Mailbox, ...]:
    """Read the value of a field, what follows its colon, as an address list (RFC 5322 §3.4).

    Mailboxes come in the order of the field, those of a group where it stands;
    a group may be empty, so the result may be. Raises ``MailboxSyntaxError``.
    """
    if len(value) > VALUE_LIMIT:
        raise MailboxSyntaxError(f"the field is longer than {VALUE_LIMIT} octets")
    return _Reader(_unfold(value)).read_list()


def _unfold(value: bytes) -> bytes:
    """Take the line ends out (RFC 5322 §2.2.3), and refuse what can mean the end of a field to somebody."""
    value = value.removesuffix(b"\n").removesuffix(b"\r")
    if b"\n" in value:
        first, *others = (line.removesuffix(b"\r") for line in value.split(b"\n"))
        if not all(line[:1] in (b" ", b"\t") and line.strip(b" \t") for line in others):
            raise MailboxSyntaxError("a line of the field is blank, or does not begin with a space")
        value = first + b"".join(others)
    if _CONTROL.search(value):
        raise MailboxSyntaxError("the field has a control character in it")
    if not value.isascii():
        try:
            value.decode("utf-8")
        except UnicodeDecodeError:
            raise MailboxSyntaxError("the field is not UTF-8") from None
    return value


class _Reader:
    """Reads an unfolded value from left to right, each octet once."""

    __slots__ = ("_at", "_found", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0
        self._found: list[Mailbox] = []

    def read_list(self) -> tuple[Mailbox, ...]:
        while True:
            self._skip_space()
            self._read_address("")
            self._skip_space()
            if self._at == len(self._octets):
                return tuple(self._found)
            if not self._take(b","):
                raise MailboxSyntaxError("a comma is missing between two addresses, or there is more than addresses")

    def _read_address(self, group: str) -> None:
        """One mailbox, or outside of a group one group."""
        if self._take(b"<"):
            self._read_angle("", group)
            return
        start = self._at
        words: list[str] = []
        is_one = True  # whether nothing but a single word lies between start and here
        while True:
            word = self._take_word()
            if word is None:
                break
            is_one = not words
            words.append(word)
            end = self._at
            self._skip_space()
            is_one = is_one and end == self._at
        if not words:
            raise MailboxSyntaxError("an address is missing")
        following = self._octets[self._at : self._at + 1]
        if following == b"@":
            if not is_one:
                raise MailboxSyntaxError("an @ follows what is no plain local part: spaces, comments or several words")
            self._add("", start, group)
        elif following == b"<":
            self._at += 1
            self._read_angle(_join_words(words), group)
        elif following == b":" and not group:
            self._at += 1
            self._read_group(_join_words(words))
        else:
            raise MailboxSyntaxError("a name without an address")

    def _read_group(self, name: str) -> None:
        """What follows the colon of a group, up to its semicolon (RFC 5322 §3.4)."""
        if not name:
            raise MailboxSyntaxError("a group without a name")
        self._skip_space()
        if self._take(b";"):
            return
        while True:
            self._read_address(name)
            self._skip_space()
            if self._take(b";"):
                return
            if not self._take(b","):
                raise MailboxSyntaxError("a group does not end with a semicolon")
            self._skip_space()

    def _read_angle(self, name: str, group: str) -> None:
        """What follows the < of an address; a route (``@relay:user@example.org``) finds no local part."""
        self._skip_space()
        start = self._at
        if self._take_word() is None or self._octets[self._at : self._at + 1] != b"@":
            raise MailboxSyntaxError("no address between angle brackets")
        address = self._take_address(start)
        self._skip_space()
        if not self._take(b">"):
            raise MailboxSyntaxError("an angle bracket is not closed right after the address")
        self._append(Mailbox(name, address, group))

    def _add(self, name: str, start: int, group: str) -> None:
        self._append(Mailbox(name, self._take_address(start), group))

    def _append(self, mailbox: Mailbox) -> None:
        if len(self._found) >= MAILBOX_LIMIT:
            raise MailboxSyntaxError(f"more than {MAILBOX_LIMIT} addresses")
        self._found.append(mailbox)

    def _take_address(self, start: int) -> Address:
        """The address whose local part begins at ``start`` and whose @ is here; its own grammar is that of SMTP."""
        domain = _DOMAIN.match(self._octets, self._at + 1)
        if domain is None:
            raise MailboxSyntaxError("there is no domain right after an @")
        self._at = domain.end()
        try:
            return parse_mailbox(self._octets[start : self._at])
        except BadPath as error:
            raise MailboxSyntaxError(f"no address: {error}") from None

    def _take_word(self) -> str | None:
        """An atom, dots included, or a quoted string without its quotes."""
        found = _WORD.match(self._octets, self._at)
        if found is not None:
            self._at = found.end()
            return _decode(found[0])
        if self._octets[self._at : self._at + 1] != b'"':
            return None
        found = _QUOTED.match(self._octets, self._at)
        if found is None:
            raise MailboxSyntaxError("a quoted string does not end")
        self._at = found.end()
        return _decode(_QUOTED_PAIR.sub(rb"\1", found[1]))

    def _take(self, octet: bytes) -> bool:
        if self._octets[self._at : self._at + 1] != octet:
            return False
        self._at += 1
        return True

    def _skip_space(self) -> None:
        """Pass spaces and comments (RFC 5322 §3.2.2)."""
        depth = 0
        while True:
            part = (_COMMENT_PART if depth else _SPACE).match(self._octets, self._at)
            if part is not None:
                self._at = part.end()
            octet = self._octets[self._at : self._at + 1]
            if octet == b"(":
                depth += 1
                if depth > COMMENT_DEPTH_LIMIT:
                    raise MailboxSyntaxError(f"comments are nested deeper than {COMMENT_DEPTH_LIMIT}")
            elif octet == b")" and depth:
                depth -= 1
            elif depth:
                raise MailboxSyntaxError("a comment does not end")
            else:
                return
            self._at += 1


def _join_words(words: list[str]) -> str:
    return " ".join(filter(None, words))


def _decode(octets: bytes) -> str:
    text = octets.decode("utf-8")
    if not text.isascii() and any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in text):
        raise MailboxSyntaxError("a name has a control character in it")
    return text
