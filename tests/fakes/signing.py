"""Signatures with any tags whatever, right or wrong, that are mathematically sound: what no honest signer makes.

``KEYS`` are the ones of RFC 8463 appendix A.2, so that runs repeat exactly.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from samotop.msgauth.dkim import SigningKey, format_key_record, parse_private_key
from samotop.msgauth.signature import Canonicalization, SignedHeader, canonicalize_body, sign_digest
from samotop.msgauth.signature.algorithms import PrivateKey
from samotop.testing import ZoneResolver

RSA = parse_private_key(b"""-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi
Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM
KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm
6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe
zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy
6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc
uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy
WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd
WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a
licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst
o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe
uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL
-----END RSA PRIVATE KEY-----
""")
EDWARDS = Ed25519PrivateKey.from_private_bytes(base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="))
KEYS = (SigningKey("r", RSA), SigningKey("e", EDWARDS))

NOW = 1_700_000_000
MESSAGE = (
    b"From: Alice <alice@example.org>\r\n"
    b"To: bob@example.net\r\n"
    b"Subject: Lunch\r\n"
    b"\tat  twelve\r\n"
    b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"\r\n"
    b"Are you \t coming? \r\n"
    b"\r\n"
    b"Alice\r\n"
    b"\r\n"
)
TAGS = "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=e; h=from:to:subject:date; bh={bh}"


def quote(text: str) -> list[str]:
    return [f'"{text}"']


def publish(**more: str) -> ZoneResolver:
    """The keys of ``KEYS`` at example.org, and ``more`` records by selector."""
    records = {key.selector: format_key_record(key.private) for key in KEYS} | more
    return ZoneResolver({f"{name}._domainkey.example.org": {"TXT": quote(text)} for name, text in records.items()})


def sign_raw(message: bytes = MESSAGE, tags: str = TAGS, key: PrivateKey = EDWARDS) -> bytes:
    """``message`` with a signature of these tags before it; ``{bh}`` stands for the right body hash.

    Where the tags cannot be read, the signature is over nothing in particular.
    """
    section, _, body = message.partition(b"\r\n\r\n")
    given = {word.partition("=")[0].strip(): word.partition("=")[2].strip() for word in tags.split(";")}
    header_form, _, body_form = given.get("c", "simple/simple").partition("/")
    form = canonicalize_body(body, _form(body_form))
    signed = form[: int(given["l"])] if given.get("l", "").isdecimal() else form
    field = b"DKIM-Signature: " + tags.format(bh=base64.b64encode(hashlib.sha256(signed).digest()).decode()).encode()
    if "b" not in given:
        field += b"; b="
    header = SignedHeader(section + b"\r\n")
    names = [word.strip().lower().encode() for word in given.get("h", "").split(":")]
    digest = header.digest(header.select(names), _form(header_form), field)
    return field + base64.b64encode(sign_digest(key, digest)) + b"\r\n" + message


def _form(word: str) -> Canonicalization:
    return Canonicalization.RELAXED if word == "relaxed" else Canonicalization.SIMPLE
