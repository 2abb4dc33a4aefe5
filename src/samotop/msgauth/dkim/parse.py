"""Read a DKIM-Signature field into a value, by every rule that needs no key (RFC 6376 §3.5, §6.1.1).

Raises ``SignatureError``, which says what the signature's result is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from samotop.msgauth.results import Result
from samotop.msgauth.signature.algorithms import Algorithm, find_algorithm
from samotop.msgauth.signature.canonical import Canonicalization
from samotop.msgauth.signature.domains import format_key_name, read_domain, read_identity, read_selector
from samotop.msgauth.signature.scope import read_forms, read_names
from samotop.msgauth.signature.tags import Tag, TagSyntaxError, parse_tags, read_base64, read_number, split_list

START_LENGTH: Final = 8
"""Characters of ``b=`` that tell signatures apart (RFC 6008 §4)."""

_REQUIRED: Final = ("v", "a", "b", "bh", "d", "h", "s")


class SignatureError(ValueError):
    """A signature that need not be verified; ``domain`` and ``selector`` where they could be read."""

    def __init__(self, result: Result, reason: str) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason
        self.domain = ""
        self.selector = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM-Signature field. Times are in seconds since 1970."""

    domain: str
    selector: str
    key_name: str
    """The name to ask for the key."""
    algorithm: Algorithm
    header_form: Canonicalization
    body_form: Canonicalization
    names: tuple[bytes, ...]
    """``h=``, in lower case."""
    body_hash: bytes
    signature: bytes
    place: Tag
    """``b=`` within the field's value."""
    start: str
    """The first characters of ``b=``."""
    local_part: str = ""
    identity_domain: str = ""
    length: int | None = None
    timestamp: int | None = None
    expires: int | None = None

    @property
    def identity(self) -> str:
        return f"{self.local_part}@{self.identity_domain}"


def parse_signature(value: bytes) -> Signature:
    """Read the value of a DKIM-Signature field, raw as it was in the message. Raises ``SignatureError``."""
    domain = selector = ""
    try:
        tags = parse_tags(value)
        if "d" in tags:
            domain = read_domain(tags["d"].value)
        if "s" in tags:
            selector = read_selector(tags["s"].value)
        _check_tags(tags)
        return _read(tags, domain, selector)
    except TagSyntaxError as error:
        refusal = SignatureError(Result.NEUTRAL, f"the signature {error}")
    except SignatureError as error:
        refusal = error
    refusal.domain, refusal.selector = domain, selector
    raise refusal from None


def _check_tags(tags: dict[str, Tag]) -> None:
    """Version, the required tags, and what they may not be (RFC 6376 §6.1.1)."""
    if "v" in tags and tags["v"].value != b"1":
        raise SignatureError(Result.NEUTRAL, "the signature is of another version")
    for name in _REQUIRED:
        if name not in tags:
            raise SignatureError(Result.PERMERROR, f"the signature lacks {name}=")
    if "q" in tags and b"dns/txt" not in (way.lower() for way in split_list(tags["q"].value)):
        raise SignatureError(Result.NEUTRAL, "the signature's key is not in DNS")


def _read(tags: dict[str, Tag], domain: str, selector: str) -> Signature:
    algorithm = find_algorithm(tags["a"].value)
    if algorithm is None:
        raise SignatureError(Result.NEUTRAL, "the signature's algorithm is not known")
    header_form, body_form = read_forms(tags.get("c"))
    local_part, identity_domain = read_identity(tags["i"].value) if "i" in tags else ("", domain)
    if identity_domain != domain and not identity_domain.endswith(f".{domain}"):
        raise SignatureError(Result.PERMERROR, "the identity is not of the signing domain")
    names = read_names(tags["h"].value)
    if b"from" not in names:
        raise SignatureError(Result.PERMERROR, "the From field is not signed")
    timestamp, expires = _read_optional(tags, "t"), _read_optional(tags, "x")
    if timestamp is not None and expires is not None and expires <= timestamp:
        raise SignatureError(Result.PERMERROR, "the signature expires before it was made")
    body_hash, signature = read_base64(tags["bh"].value), read_base64(tags["b"].value)
    if not signature:
        raise SignatureError(Result.NEUTRAL, "the signature is empty")
    return Signature(
        domain=domain,
        selector=selector,
        key_name=format_key_name(selector, domain),
        algorithm=algorithm,
        header_form=header_form,
        body_form=body_form,
        names=names,
        body_hash=body_hash,
        signature=signature,
        place=tags["b"],
        start=b"".join(tags["b"].value.split())[:START_LENGTH].decode("ascii"),
        local_part=local_part,
        identity_domain=identity_domain,
        length=_read_optional(tags, "l"),
        timestamp=timestamp,
        expires=expires,
    )


def _read_optional(tags: dict[str, Tag], name: str) -> int | None:
    return read_number(tags[name].value) if name in tags else None
