"""The header as features: which fields there are and in which order, who wrote to whom, what does not fit together.

The words of the fields' values are hashed elsewhere (``features``); here are
the facts that a word does not tell. Raises nothing.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from samotop.junk.links import name_domains
from samotop.junk.reading import View, decode_words
from samotop.junk.scripts import find_scripts, skeleton

VALUE: Final = 600
"""Octets of one field that are looked at."""

_ADDRESS: Final = re.compile(rb"([^\s<>\"@,;:()]{1,64})@([A-Za-z0-9\x80-\xff.-]{1,100})")
_CHARSET: Final = re.compile(rb"=\?([A-Za-z0-9-]{1,20})\?(.)\?")
_NUMBER_LAST: Final = re.compile(rb"\d{4,}\W*\Z")
_WITH_ADDRESSES: Final = frozenset(
    (b"from", b"sender", b"reply-to", b"return-path", b"to", b"cc", b"message-id", b"errors-to", b"list-unsubscribe")
)
_COMPARED: Final = (b"reply-to", b"return-path", b"sender", b"message-id", b"to", b"errors-to", b"list-unsubscribe")


def find_fields(view: View) -> list[bytes]:
    """Features of the header."""
    found: list[bytes] = []
    names = [name for name, _ in view.fields]
    found += [b"field " + name for name in set(names)]
    found += [b"field %b after %b" % (later, name) for name, later in pairwise(names)]
    found.append(b"fields: %d" % len(names).bit_length())
    found.append(b"fields received: %d" % names.count(b"received"))
    for name, value in view.fields:
        if name in _WITH_ADDRESSES:
            found += _name_addresses(name, value[:VALUE])
        if b"=?" in value:
            found += [b"%b in %b" % (name, charset.lower()) for charset, _ in _CHARSET.findall(value[:VALUE])[:3]]
    return found + _compare(view)


def _name_addresses(name: bytes, value: bytes) -> list[bytes]:
    found = []
    for local, domain in _ADDRESS.findall(value)[:6]:
        domain = domain.lower()
        if name != b"message-id":
            found.append(b"%b %b@%b" % (name, local.lower(), domain))
        found += name_domains(name + b" at", domain)
    return found


def _domain(value: bytes) -> bytes:
    """The last two labels of the first address's domain."""
    match = _ADDRESS.search(value[:VALUE])
    return b".".join(match[2].lower().rsplit(b".", 2)[-2:]) if match else b""


def _compare(view: View) -> list[bytes]:
    """Where the author's domain is the same in other fields; how subject and author's name are written."""
    values: dict[bytes, bytes] = {}
    for name, value in view.fields:
        values.setdefault(name, value)
    author = decode_words(values.get(b"from", b"")[:VALUE])
    domain = _domain(author.rpartition(b"<")[2])
    found = []
    for name in _COMPARED:
        if name in values:
            relation = b"as the author" if _domain(values[name]) == domain else b"not as the author"
            found.append(b"%b %b" % (name, relation))
        else:
            found.append(b"no " + name)
    ours = _domain(values.get(b"to", b""))
    looks = skeleton(domain)
    if looks != domain:
        found.append(b"author's domain looks like " + looks)
        if domain != ours and looks == skeleton(ours):
            found.append(b"author's domain looks like the recipient's")
    name = author.rpartition(b"<")[0].strip(b'" \t')
    found += _describe(b"subject", decode_words(values.get(b"subject", b"")[:VALUE]))
    found += _describe(b"author", name)
    if b"@" in name:
        found.append(b"author's name is " + (b"the author's domain" if _domain(name) == domain else b"another address"))
    return found


def _describe(where: bytes, text: bytes) -> list[bytes]:
    found = [b"%b length %d" % (where, len(text).bit_length())]
    if text.isupper():
        found.append(where + b" in capitals")
    if _NUMBER_LAST.search(text[-40:]):
        found.append(where + b" ends in a number")
    if b"    " in text:
        found.append(where + b" has a gap")
    if text[-1:] in (b"!", b"?"):
        found.append(where + b" ends in " + text[-1:])
    if not text.isascii():
        found += find_scripts(where, text)
        looks = skeleton(text)
        if looks != text.lower():
            found += [b"%b looks like %b" % (where, word) for word in looks.split()[:12]]
    return found
