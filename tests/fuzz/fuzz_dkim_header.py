"""Fuzz target: the DKIM-Signature field, the key record, the message with signatures, and the canonical forms.

Invariant. For any octets:

* as a signature or a key record they are a value or the documented error, whose
  words quote nothing; a domain, selector or identity that was read has no
  control character, and its labels are fit for a question;
* as a message they verify to results without an exception, the same however cut;
  without the right key none passes; a result's texts have no control character;
* with a signature of ours before them, if they can be signed at all, they pass,
  and no longer do with an octet appended that matters;
* canonical forms are the same however cut, and their own canonical form.

    python tests/fuzz/fuzz_dkim_header.py -max_total_time=60
"""

from __future__ import annotations

import sys

from samotop.dns import Answer, Status
from samotop.msgauth import dkim
from samotop.msgauth.dkim.parse import SignatureError, parse_signature
from samotop.msgauth.results import Result
from samotop.msgauth.signature import (
    Canonicalization,
    KeyRecordError,
    canonicalize_body,
    find_algorithm,
    find_keys,
    parse_key_record,
)
from samotop.msgauth.signature.canonical import open_body_form
from tests.fakes.signing import KEYS, NOW

NAME = "e._domainkey.example.org"
SIGNER = dkim.Signer("example.org", KEYS[1:])
ANSWER = Answer(NAME, "TXT", Status.OK, (dkim.format_key_record(KEYS[1].private).encode(),))
WRONG = Answer(NAME, "TXT", Status.OK, (b"k=ed25519; p=yi50DjK5O9pqbFpNHklsv9lqaS0ArSYu02qp1S0DW1Y=",))
ALGORITHMS = [found for found in map(find_algorithm, (b"rsa-sha256", b"ed25519-sha256")) if found is not None]


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    check_signature(octets)
    check_key_record(octets)
    check_message(octets)
    check_signed(octets)
    check_forms(octets)


def is_plain(text: str) -> bool:
    return all(c >= " " and c != "\x7f" for c in text)


def check_signature(octets: bytes) -> None:
    for value in (octets, b"v=1; a=rsa-sha256; b=AAAA; bh=AAAA; d=example.org; s=a; h=from; " + octets):
        try:
            read = parse_signature(value)
        except SignatureError as error:
            assert error.result in (Result.NEUTRAL, Result.PERMERROR)
            assert is_plain(error.reason) and len(error.reason) < 80
            continue
        assert read.key_name == f"{read.selector}._domainkey.{read.domain}"
        assert read.key_name.isascii() and is_plain(read.key_name) and len(read.key_name) <= 253
        assert is_plain(read.identity) and b"from" in read.names
        assert f".{read.identity_domain}".endswith(f".{read.domain}")


def check_key_record(octets: bytes) -> None:
    for text in (octets, b"p=" + octets, b"k=ed25519; p=" + octets):
        try:
            record = parse_key_record(text)
        except KeyRecordError as error:
            assert is_plain(str(error)) and len(str(error)) < 80
            record = None
        for algorithm in ALGORITHMS:
            search = find_keys(Answer("x", "TXT", Status.OK, (text,)), algorithm)
            assert (search.result is Result.PASS) == bool(search.keys)
            assert record is not None or not search.keys


def check_message(octets: bytes) -> None:
    for message in (octets, b"DKIM-Signature: " + octets, b"DKIM-Signature: v=1; " + octets + b"\r\nFrom: x\r\n\r\n"):
        whole = run(message, len(message) or 1, WRONG)
        assert run(message, 1 + len(message) % 7, WRONG) == whole
        for one in whole:
            assert one.result is not Result.PASS
            assert is_plain(one.domain + one.selector + one.reason + one.identity + one.signature_start)
            assert is_plain("".join(one.signed_fields))


def run(message: bytes, step: int, answer: Answer = ANSWER) -> list[dkim.DkimResult]:
    verifier = dkim.Verifier()
    for at in range(0, len(message), step):
        verifier.feed(message[at : at + step])
    verifier.end()
    return verifier.finish(dict.fromkeys(verifier.queries, answer), NOW)


def check_signed(octets: bytes) -> None:
    for message in (octets, b"From: x\r\n" + octets, b"From: x\r\n\r\n" + octets):
        try:
            signed = dkim.sign(message, SIGNER, now=NOW) + message
        except dkim.UnsignableContent:
            continue
        assert run(signed, len(signed))[0].result is Result.PASS
        if b"\r\n\r\n" in message:
            assert run(signed + b"x", len(signed))[0].result is Result.FAIL


def check_forms(octets: bytes) -> None:
    for word in Canonicalization:
        whole = canonicalize_body(octets, word)
        pieces: list[bytes] = []
        stream = open_body_form(word, pieces.append)
        step = 1 + len(octets) % 5
        for at in range(0, len(octets), step):
            stream.feed(octets[at : at + step])
        stream.finish()
        assert b"".join(pieces) == whole
        assert canonicalize_body(whole, word) == whole


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
