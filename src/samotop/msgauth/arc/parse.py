"""Read the three fields of an ARC set into values, by every rule that needs no key (RFC 8617 §4.1).

Raises ``ArcSyntaxError``, which quotes nothing of the field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from samotop.message.authres import AuthenticationResults, ResultsSyntaxError, parse_results
from samotop.message.cfws import find_end_of_comment
from samotop.msgauth.arc.result import SETS_LIMIT
from samotop.msgauth.signature.algorithms import Algorithm, find_algorithm
from samotop.msgauth.signature.canonical import Canonicalization
from samotop.msgauth.signature.domains import format_key_name, read_domain, read_selector
from samotop.msgauth.signature.scope import read_forms, read_names
from samotop.msgauth.signature.tags import Tag, TagSyntaxError, parse_tags, read_base64, read_number, split_list

_CHAIN_WORDS: Final = ("none", "pass", "fail")
_INSTANCE: Final = re.compile(rb"[0-9]{1,2}")
_SPACE: Final = re.compile(r"[ \t\r\n]*+")
_DIGITS: Final = re.compile(r"[0-9]{1,2}")


class ArcSyntaxError(ValueError):
    """A field that is none of an ARC set; says why in a sentence's end."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What ARC-Seal and ARC-Message-Signature have in common."""

    domain: str
    selector: str
    key_name: str
    """The name to ask for the key."""
    algorithm: Algorithm
    signature: bytes
    place: Tag
    """``b=`` within the field's value."""


@dataclass(frozen=True, slots=True)
class Seal:
    """One ARC-Seal field (RFC 8617 §4.1.3)."""

    instance: int
    cv: str
    signed: Signed


@dataclass(frozen=True, slots=True)
class MessageSignature:
    """One ARC-Message-Signature field (RFC 8617 §4.1.2). ``expires`` in seconds since 1970."""

    signed: Signed
    header_form: Canonicalization
    body_form: Canonicalization
    names: tuple[bytes, ...]
    """``h=``, in lower case."""
    body_hash: bytes
    length: int | None
    expires: int | None


def parse_seal(value: bytes) -> Seal:
    """Read the value of an ARC-Seal field, raw as it was in the message."""
    try:
        tags = parse_tags(value)
        instance = _read_instance(tags)
        if "h" in tags:  # what a seal covers is not for it to say
            raise ArcSyntaxError("has h=, which a seal must not have")
        cv = _require(tags, "cv").value.decode("latin-1").lower()
        if cv not in _CHAIN_WORDS:
            raise ArcSyntaxError("has a cv= that is no result")
        return Seal(instance, cv, _read_signed(tags))
    except TagSyntaxError as error:
        raise ArcSyntaxError(str(error)) from None


def split_message_signature(value: bytes) -> tuple[int, dict[str, Tag]]:
    """The instance of an ARC-Message-Signature field and its tags, whatever else is wrong with them."""
    try:
        tags = parse_tags(value)
        return _read_instance(tags), tags
    except TagSyntaxError as error:
        raise ArcSyntaxError(str(error)) from None


def read_message_signature(tags: dict[str, Tag]) -> MessageSignature:
    """What the tags of an ARC-Message-Signature say: a DKIM-Signature but for ``i=`` and the version."""
    try:
        if "q" in tags and b"dns/txt" not in (way.lower() for way in split_list(tags["q"].value)):
            raise ArcSyntaxError("has a key that is not in DNS")
        header_form, body_form = read_forms(tags.get("c"))
        names = read_names(_require(tags, "h").value)
        if b"from" not in names:
            raise ArcSyntaxError("does not sign the From field")
        if b"arc-seal" in names:
            raise ArcSyntaxError("signs seals, which it must not (RFC 8617 §4.1.2)")
        return MessageSignature(
            signed=_read_signed(tags),
            header_form=header_form,
            body_form=body_form,
            names=names,
            body_hash=read_base64(_require(tags, "bh").value),
            length=read_number(tags["l"].value) if "l" in tags else None,
            expires=read_number(tags["x"].value) if "x" in tags else None,
        )
    except TagSyntaxError as error:
        raise ArcSyntaxError(str(error)) from None


def split_results(value: bytes) -> tuple[int, bytes]:
    """The instance of an ARC-Authentication-Results field, and what follows its semicolon (RFC 8617 §4.1.1)."""
    text = value.decode("latin-1")  # octet by octet, so that places stay
    at = _skip(text, 0)
    if text[at : at + 1] not in ("i", "I"):
        raise ArcSyntaxError("does not begin with its instance")
    at = _skip(text, at + 1)
    if text[at : at + 1] != "=":
        raise ArcSyntaxError("does not begin with its instance")
    at = _skip(text, at + 1)
    digits = _DIGITS.match(text, at)
    if digits is None:
        raise ArcSyntaxError("has an instance that is no number from 1 to 50")
    at = _skip(text, digits.end())
    if text[at : at + 1] != ";":
        raise ArcSyntaxError("has an instance that is no number from 1 to 50")
    return _check_instance(int(digits[0])), value[at + 1 :]


def read_results(value: bytes) -> AuthenticationResults | None:
    """What follows the instance as results, if it can be read: a chain is whole without (RFC 8617 §5.2)."""
    try:
        return parse_results(value)
    except ResultsSyntaxError:
        return None


def _skip(text: str, at: int) -> int:
    """Past white space and comments."""
    while True:
        space = _SPACE.match(text, at)
        assert space is not None, "the pattern matches nothing as well"
        at = space.end()
        if not text.startswith("(", at):
            return at
        at = find_end_of_comment(text, at)
        if at < 0:
            raise ArcSyntaxError("has a comment without an end")


def _require(tags: dict[str, Tag], name: str) -> Tag:
    if name not in tags:
        raise ArcSyntaxError(f"lacks {name}=")
    return tags[name]


def _read_instance(tags: dict[str, Tag]) -> int:
    value = _require(tags, "i").value
    if not _INSTANCE.fullmatch(value):
        raise ArcSyntaxError("has an instance that is no number from 1 to 50")
    return _check_instance(int(value))


def _check_instance(instance: int) -> int:
    if not 1 <= instance <= SETS_LIMIT:
        raise ArcSyntaxError("has an instance that is no number from 1 to 50")
    return instance


def _read_signed(tags: dict[str, Tag]) -> Signed:
    algorithm = find_algorithm(_require(tags, "a").value)
    if algorithm is None or not algorithm.is_accepted:
        raise ArcSyntaxError("has an algorithm that is unknown or not accepted")
    domain, selector = read_domain(_require(tags, "d").value), read_selector(_require(tags, "s").value)
    place = _require(tags, "b")
    signature = read_base64(place.value)
    return Signed(domain, selector, format_key_name(selector, domain), algorithm, signature, place)
