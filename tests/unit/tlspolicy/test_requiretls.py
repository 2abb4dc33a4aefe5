"""What the sender says of TLS, in the envelope and in the header (RFC 8689)."""

from __future__ import annotations

import pytest

from samotop.tlspolicy.requiretls import Wish, parse_wish


@pytest.mark.parametrize("field", [b"TLS-Required: No", b"tls-required:no", b"TLS-REQUIRED:\r\n NO "])
def test_no_means_no(field: bytes) -> None:
    assert parse_wish(b"From: a@b\r\n" + field + b"\r\n\r\n", requires_tls=False) is Wish.WAIVES


@pytest.mark.parametrize(
    "field",
    [b"", b"TLS-Required: Yes\r\n", b"TLS-Required:\r\n", b"TLS-Required: No, really\r\n", b"X-TLS-Required: No\r\n",
     b"TLS-Required: No\r\nTLS-Required: No\r\n", b"\r\nTLS-Required: No\r\n"],
)  # fmt: skip
def test_anything_else_means_nothing(field: bytes) -> None:
    assert parse_wish(field + b"Subject: x\r\n\r\n", requires_tls=False) is Wish.NOTHING


def test_the_envelope_wins() -> None:
    """Who asks for both has been careful once (RFC 8689 §4.1)."""
    assert parse_wish(b"TLS-Required: No\r\n\r\n", requires_tls=True) is Wish.REQUIRES
    assert parse_wish(b"", requires_tls=True) is Wish.REQUIRES
