"""A message that was built, signed with DKIM by ourselves, holds for somebody else's verifier (RFC 6376)."""

from __future__ import annotations

from datetime import UTC, datetime

import dkim as dkimpy
import pytest

from samotop import Attachment, Message
from samotop.msgauth import dkim
from samotop.msgauth.dkim import Signer, SigningKey, generate_key
from samotop.msgauth.dkim.private import format_key_record

KEY = generate_key("rsa")  # dkimpy knows no other without PyNaCl
SIGNER = Signer(domain="example.org", keys=[SigningKey("s", KEY)])
AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def verify(octets: bytes) -> bool:
    record = format_key_record(KEY).encode()
    return bool(dkimpy.verify(octets, dnsfunc=lambda name, timeout=5: record))


@pytest.mark.parametrize("allow_8bit", [False, True])
def test_a_signature_holds(allow_8bit: bool) -> None:
    """Folded fields, encoded words, several parts, text in 8bit."""
    message = Message.build(
        author="Jörg Müller <joerg@example.org>",
        to=[f"Recipient Number {number} <r{number}@example.net>" for number in range(20)],
        subject="Größe  " * 20,
        text="größer\n\n\n",
        html="<p>größer \t\n",
        attachments=[Attachment(bytes(range(256)) * 100, "Größen.bin")],
        allow_8bit=allow_8bit,
        date=AT,
        message_id="1@example.org",
    )
    signed = message.signed(lambda content: dkim.sign(content, SIGNER, now=AT))
    octets = signed.to_bytes()
    assert octets.startswith(b"DKIM-Signature: ") and octets.endswith(message.to_bytes())
    assert verify(octets)
    assert not verify(octets.replace(b"Number 7", b"Number 8"))
    assert signed.envelope.recipients == message.envelope.recipients
