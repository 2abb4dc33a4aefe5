"""What DKIM and ARC share: tag lists, canonical forms, hashes of header and body, key records, algorithms.

Nothing here knows which field a signature came from, nor awaits anything. A
message is read once: ``HeaderTaker`` cuts the header section off the stream,
``SignedHeader`` indexes its fields, ``BodyHashes`` hashes the rest in every
form that the signatures ask for, and ``find_keys`` with ``verify_digest`` end it.

Syntax is refused by ``TagSyntaxError`` and ``KeyRecordError``; nothing else is raised but for bugs.
"""

from __future__ import annotations

from samotop.msgauth.signature.algorithms import Algorithm, PublicKey, find_algorithm, sign_digest, verify_digest
from samotop.msgauth.signature.body import BodyDigest, BodyHashes, BodyWish
from samotop.msgauth.signature.canonical import Canonicalization, canonicalize_body, canonicalize_field
from samotop.msgauth.signature.fields import HeaderTaker, SignedHeader, remove_signature
from samotop.msgauth.signature.keys import KeyRecord, KeyRecordError, KeySearch, UsableKey, find_keys, parse_key_record
from samotop.msgauth.signature.tags import Tag, TagSyntaxError, parse_tags, read_base64, read_number, split_list

__all__ = [
    "Algorithm",
    "BodyDigest",
    "BodyHashes",
    "BodyWish",
    "Canonicalization",
    "HeaderTaker",
    "KeyRecord",
    "KeyRecordError",
    "KeySearch",
    "PublicKey",
    "SignedHeader",
    "Tag",
    "TagSyntaxError",
    "UsableKey",
    "canonicalize_body",
    "canonicalize_field",
    "find_algorithm",
    "find_keys",
    "parse_key_record",
    "parse_tags",
    "read_base64",
    "read_number",
    "remove_signature",
    "sign_digest",
    "split_list",
    "verify_digest",
]
