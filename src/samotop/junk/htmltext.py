"""HTML for the filter: the text that a reader sees, and the tricks by which a reader sees something else.

No parser: what a mail program makes of broken HTML, nobody knows, and the
weights do not mind. Every expression takes linear time. Raises nothing.
"""

from __future__ import annotations

import html
import re
from typing import Final

_HIDDEN: Final = re.compile(
    rb"<!--.*?(?:-->|\Z)|<(style|script)\b.*?(?:</\1[^<>]{0,99}>?|\Z)", re.IGNORECASE | re.DOTALL
)
_BREAK: Final = re.compile(rb"<(?:/?(?:p|div|td|tr|li|table|h[1-6])|br)\b[^<>]{0,2000}>", re.IGNORECASE)
_TAG: Final = re.compile(rb"<[^<>]{0,2000}>")
_REFERENCE: Final = re.compile(rb"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});?")

_COUNTED: Final = tuple(
    (b"html does: " + name, pattern)
    for name, pattern in (
        (b"comment", b"<!--"),
        (b"script", b"<script"),
        (b"script in a link", b"javascript:"),
        (b"form", b"<form"),
        (b"input", b"<input"),
        (b"frame", b"<iframe"),
        (b"image", b"<img"),
        (b"link", b"<a "),
        (b"table", b"<table"),
        (b"style", b"style="),
        (b"style sheet", b"<style"),
        (b"data in a link", b"data:image"),
        (b"hidden", b"hidden"),
        (b"hidden from Outlook", b"mso-hide"),
        (b"button", b"button"),
        (b"upper case tag", b"<FONT"),
        (b"soft hyphen", b"&shy;"),
        (b"narrow space", b"&zwnj;"),
    )
)
_SEARCHED: Final = tuple(
    (b"html does: " + name, re.compile(pattern))
    for name, pattern in (
        (b"tiny text", rb"font-size ?: ?[012](?:px|pt|em|%|[;\"'])"),
        (b"tiny font", rb"size ?= ?[\"']?-?[01]\b"),
        (b"no display", rb"display ?: ?none"),
        (b"transparent", rb"opacity ?: ?0(?![.\d])"),
        (b"collapsed", rb"height ?: ?0"),
        (b"moved away", rb"text-indent ?: ?-\d{3}"),
        (b"split word", rb"-->\w"),
        (b"white", rb"color ?[:=] ?[\"']?(?:#f{3}(?:f{3})?\b|white)"),
        (b"pixel", rb"height ?[:=] ?[\"']?1(?:px)?\b"),
        (b"numbered letters", rb"&#\d{2,7};?&#\d{2,7};?&#\d"),
        (b"unknown tag", rb"<[a-z]{12}"),
    )
)
"""Each starts with a fixed text, which makes the search fast, and is matched against lower case."""


def is_html(type_: bytes, octets: bytes) -> bool:
    """By its type, or by what it says where the type is none."""
    return type_ == b"text/html" or (type_ != b"text/plain" and b"<html" in octets[:500].lower())


def show_html(octets: bytes) -> bytes:
    """The text of HTML: no comments, styles, scripts and tags; references resolved."""
    text = _TAG.sub(b"", _BREAK.sub(b"\n", _HIDDEN.sub(b"", octets)))
    return _REFERENCE.sub(_resolve, text) if b"&" in text else text


def find_tricks(octets: bytes) -> list[bytes]:
    """What the HTML does, each with how often as a power of two."""
    lower = octets.lower()
    times = [(name, (octets if pattern.isupper() else lower).count(pattern)) for name, pattern in _COUNTED]
    times += [(name, len(pattern.findall(lower))) for name, pattern in _SEARCHED]
    found = []
    for name, count in times:
        if count:
            found += [name, b"%b, %d" % (name, count.bit_length())]
    return found


def _resolve(match: re.Match[bytes]) -> bytes:
    text = html.unescape(f"&{match[1].decode('ascii')};")
    return text.encode("utf-8", "replace") if len(text) < 3 else b" "
