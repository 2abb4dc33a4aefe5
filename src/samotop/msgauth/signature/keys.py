"""Key records: what a domain publishes at ``selector._domainkey`` (RFC 6376 §3.6.1, RFC 8463 §4).

``find_keys`` turns the answer to the question for one into usable keys, or into
a result and a reason why there is none. A name with several records is
undefined by the RFC (§3.6.2.2); a few of them are tried.

Raises ``KeyRecordError`` from ``parse_key_record``, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import Final

from samotop.dns.answer import Answer, Status
from samotop.msgauth.results import Result
from samotop.msgauth.signature.algorithms import (
    CACHED_KEYS,
    RSA_BITS_LEAST,
    RSA_BITS_MOST,
    Algorithm,
    PublicKey,
    load_public_key,
)
from samotop.msgauth.signature.tags import Tag, TagSyntaxError, parse_tags, read_base64, split_list

RECORDS_LIMIT: Final = 4
"""Records of one name that are tried: there should be one, and each costs a verification."""
RECORD_LIMIT: Final = 4 * 1024
"""Octets of one record: a key of 4096 bits has 800."""


class KeyRecordError(ValueError):
    """No key record; says why in a sentence's end, and quotes nothing."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One key record as it was written. ``None`` for ``hashes`` means any."""

    type: str
    """``rsa`` or ``ed25519``, or a word that nobody here knows."""
    public: bytes
    """The decoded ``p=``; empty for a key that was revoked."""
    hashes: frozenset[str] | None = None
    services: frozenset[str] = frozenset(("*",))
    is_testing: bool = False
    """``t=y``: the domain tries its signatures out; failing is not to be held against it."""
    is_strict: bool = False
    """``t=s``: the identity's domain is ``d=`` itself, none below."""

    @property
    def is_revoked(self) -> bool:
        return not self.public

    @property
    def is_for_mail(self) -> bool:
        return "*" in self.services or "email" in self.services


@dataclass(frozen=True, slots=True)
class UsableKey:
    """A key that may have made the signature, with its record's flags. ``public`` is ``p=``, decoded."""

    key: PublicKey
    is_testing: bool
    is_strict: bool
    public: bytes = b""

    @property
    def digest(self) -> str:
        """SHA-256 of the public key, in hexadecimal: by what a key is known again."""
        return sha256(self.public).hexdigest()


@dataclass(frozen=True, slots=True)
class KeySearch:
    """What an answer came to: ``keys``, or if there are none a ``result`` and its ``reason``.

    ``is_testing`` and ``key_bits`` are of the first record that could be read,
    usable or not. ``is_secure``: the answer is proven by DNSSEC.
    """

    result: Result
    reason: str
    keys: tuple[UsableKey, ...] = ()
    key_bits: int = 0
    is_testing: bool = False
    is_secure: bool = False


@lru_cache(maxsize=CACHED_KEYS)
def parse_key_record(octets: bytes) -> KeyRecord:
    """Read a key record, the strings of its TXT record joined (RFC 6376 §3.6.1). Raises ``KeyRecordError``."""
    try:
        tags = parse_tags(octets, RECORD_LIMIT)
        if "v" in tags and (next(iter(tags)) != "v" or tags["v"].value != b"DKIM1"):
            raise KeyRecordError("is of another version")
        if "p" not in tags:
            raise KeyRecordError("has no key in it")
        public = read_base64(tags["p"].value)
    except TagSyntaxError as error:
        raise KeyRecordError(str(error)) from None
    flags = _words(tags["t"]) if "t" in tags else frozenset()
    return KeyRecord(
        type=tags["k"].value.decode("latin-1").lower() if "k" in tags else "rsa",
        public=public,
        hashes=_words(tags["h"]) if "h" in tags else None,
        services=_words(tags["s"]) if "s" in tags else frozenset(("*",)),
        is_testing="y" in flags,
        is_strict="s" in flags,
    )


def _words(tag: Tag) -> frozenset[str]:
    """The words of a colon-separated list, in lower case: all of them are ABNF literals."""
    return frozenset(part.decode("latin-1").lower() for part in split_list(tag.value))


def find_keys(answer: Answer | None, algorithm: Algorithm, *, least_bits: int = RSA_BITS_LEAST) -> KeySearch:
    """The keys among an answer's records that ``algorithm`` can use (RFC 6376 §6.1.2).

    ``answer`` is that to the TXT question; ``None``, nobody asked, counts as no answer in time.
    ``least_bits`` bounds RSA keys from below. Without keys the result is TEMPERROR (asking
    again may help), PERMERROR (it will not), or POLICY (there is one that we do not accept).
    """
    if answer is None or answer.is_temporary:
        bogus = answer is not None and answer.is_bogus
        return KeySearch(Result.TEMPERROR, "the key's DNSSEC signatures are bogus" if bogus else "DNS did not answer")
    if answer.status is not Status.OK or not answer.texts:
        return KeySearch(Result.PERMERROR, "there is no key at this selector", is_secure=answer.is_secure)
    found: list[UsableKey] = []
    first: KeySearch | None = None
    for text in answer.texts[:RECORDS_LIMIT]:
        one = _examine(text, algorithm, least_bits)
        found.extend(one.keys)
        # The record that got furthest tells most about why there is no key.
        if first is None or (not first.keys and (one.keys or one.key_bits > first.key_bits)):
            first = one
    assert first is not None
    result = Result.PASS if found else first.result
    return KeySearch(result, first.reason, tuple(found), first.key_bits, first.is_testing, answer.is_secure)


def trim_answer(answer: Answer) -> Answer:
    """The answer with no more of it than ``find_keys`` looks at, for those who keep it for a while."""
    texts = answer.texts
    if len(texts) <= RECORDS_LIMIT and all(len(text) <= RECORD_LIMIT for text in texts):
        return answer
    return replace(answer, records=tuple(text[: RECORD_LIMIT + 1] for text in texts[:RECORDS_LIMIT]))


def _examine(text: bytes, algorithm: Algorithm, least_bits: int) -> KeySearch:
    """One record: a key, or what is wrong with it."""
    try:
        record = parse_key_record(text)
    except KeyRecordError as error:
        return KeySearch(Result.PERMERROR, f"the key record {error}")
    fault = _find_fault(record, algorithm)
    if fault:
        return KeySearch(Result.PERMERROR, fault, is_testing=record.is_testing)
    try:
        key = load_public_key(record.type, record.public)
    except ValueError as error:
        return KeySearch(Result.PERMERROR, f"what the key record holds {error}", is_testing=record.is_testing)
    if key.type == "rsa" and not least_bits <= key.bits <= RSA_BITS_MOST:
        measure = "short" if key.bits < least_bits else "long"
        reason = f"the RSA key is too {measure}: {key.bits} bits"
        return KeySearch(Result.POLICY, reason, (), key.bits, record.is_testing)
    usable = UsableKey(key, record.is_testing, record.is_strict, record.public)
    return KeySearch(Result.PASS, "", (usable,), key.bits, record.is_testing)


def _find_fault(record: KeyRecord, algorithm: Algorithm) -> str:
    """Why the record's key cannot have made such a signature (RFC 6376 §6.1.2), or ``""``."""
    if record.is_revoked:
        return "the key was revoked"
    if record.type != algorithm.key_type:
        return "the key is for another algorithm"
    if record.hashes is not None and algorithm.hash not in record.hashes:
        return "the key is not for this hash algorithm"
    if not record.is_for_mail:
        return "the key is not for mail"
    return ""
