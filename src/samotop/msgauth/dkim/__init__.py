"""DKIM: domains that take responsibility for a message (RFC 6376, RFC 8301, RFC 8463, RFC 8616).

    results = await dkim.verify(content, resolver)
    header = dkim.sign(content, Signer("example.org", (SigningKey("2024a", generate_key("ed25519")),)))

``Verifier`` and ``SigningPass`` do the same for a message that is still
arriving: sans-IO, in one pass, with flat memory.
"""

from __future__ import annotations

from samotop.msgauth.dkim.private import (
    format_key_record,
    format_private_key,
    generate_key,
    parse_private_key,
    split_strings,
)
from samotop.msgauth.dkim.result import WHOLE_BODY, DkimResult, DkimRules
from samotop.msgauth.dkim.signer import Signer, SigningKey, SigningPass, UnsignableContent
from samotop.msgauth.dkim.verifier import Verifier
from samotop.msgauth.dkim.whole import sign, verify
from samotop.msgauth.signature.algorithms import PrivateKey

__all__ = [
    "WHOLE_BODY",
    "DkimResult",
    "DkimRules",
    "PrivateKey",
    "Signer",
    "SigningKey",
    "SigningPass",
    "UnsignableContent",
    "Verifier",
    "format_key_record",
    "format_private_key",
    "generate_key",
    "parse_private_key",
    "sign",
    "split_strings",
    "verify",
]
