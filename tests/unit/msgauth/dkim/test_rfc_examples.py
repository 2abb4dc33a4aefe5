"""The signed messages that the RFCs print: RFC 6376 appendix A.2 and RFC 8463 appendix A.3."""

from __future__ import annotations

import pytest

from samotop.msgauth import dkim
from samotop.msgauth.results import Result
from samotop.testing import ZoneResolver

# fmt: off
RFC6376 = "\r\n".join((
    "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;",
    "      c=simple/simple; q=dns/txt; i=joe@football.example.com;",
    "      h=Received : From : To : Subject : Date : Message-ID;",
    "      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;",
    "      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB",
    "      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut",
    "      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV",
    "      4bmp/YzhwvcubU4=;",
    "Received: from client1.football.example.com  [192.0.2.1]",
    "      by submitserver.example.com with SUBMISSION;",
    "      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)",
    "From: Joe SixPack <joe@football.example.com>",
    "To: Suzie Q <suzie@shopping.example.net>",
    "Subject: Is dinner ready?",
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)",
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>",
    "",
    "Hi.",
    "",
    "We lost the game. Are you hungry yet?",
    "",
    "Joe.",
    "",
)).encode()

RFC8463 = "\r\n".join((
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;",
    " d=football.example.com; i=@football.example.com;",
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :",
    " subject : date : message-id : from : subject : date;",
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;",
    " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus",
    " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==",
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;",
    " d=football.example.com; i=@football.example.com;",
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :",
    " date : message-id : from : subject : date;",
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;",
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3",
    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz",
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=",
    "From: Joe SixPack <joe@football.example.com>",
    "To: Suzie Q <suzie@shopping.example.net>",
    "Subject: Is dinner ready?",
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)",
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>",
    "",
    "Hi.",
    "",
    "We lost the game.  Are you hungry yet?",
    "",
    "Joe.",
    "",
)).encode()
# fmt: on

RESOLVER = ZoneResolver(
    {
        "brisbane._domainkey.example.com": {
            "TXT": [
                '"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"'
                '"IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi"'
                '"tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"'
            ]
        },
        "brisbane._domainkey.football.example.com": {
            "TXT": ['"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="']
        },
        "test._domainkey.football.example.com": {
            "TXT": [
                '"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdO"'
                '"Kb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9Pzo"'
                '"xZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"'
            ]
        },
    },
    secure=True,
)


async def test_the_example_of_rfc_6376_verifies() -> None:
    """Simple canonical forms: every octet of the printed message must be where it is."""
    (result,) = await dkim.verify(RFC6376, RESOLVER, now=1058000000)
    assert result.result is Result.PASS, result.reason
    assert result == dkim.DkimResult(
        result=Result.PASS,
        domain="example.com",
        selector="brisbane",
        reason="it verifies",
        identity="joe@football.example.com",
        algorithm="rsa-sha256",
        canonicalization="simple/simple",
        signed_fields=("received", "from", "to", "subject", "date", "message-id"),
        key_bits=1024,
        is_secure=True,
        signature_start="AuUoFEfD",
        key_digest="dba3f0cb69f06d70e41abc6ac5812bc3d2639a24b621ba5d241202ac89cb7b9c",
    )


async def test_both_examples_of_rfc_8463_verify() -> None:
    """Ed25519 and RSA side by side, oversigned."""
    edwards, rsa = await dkim.verify(RFC8463, RESOLVER, now=1528637909)
    assert (edwards.result, rsa.result) == (Result.PASS, Result.PASS)
    assert (edwards.algorithm, rsa.algorithm) == ("ed25519-sha256", "rsa-sha256")
    assert (edwards.key_bits, rsa.key_bits) == (256, 1024)
    assert edwards.signed_fields == ("from", "to", "subject", "date", "message-id", "from", "subject", "date")


@pytest.mark.parametrize("message", [RFC6376, RFC8463])
async def test_an_example_with_one_word_changed_does_not(message: bytes) -> None:
    for old, new in ((b"Joe.", b"Bob."), (b"dinner", b"supper"), (b"Suzie", b"Susie")):
        for result in await dkim.verify(message.replace(old, new), RESOLVER, now=1528637909):
            assert result.result is Result.FAIL


async def test_a_second_subject_breaks_the_oversigned_example() -> None:
    """RFC 8463 lists subject twice with one there: that one is all there may be."""
    for result in await dkim.verify(b"Subject: Win!\r\n" + RFC8463, RESOLVER, now=1528637909):
        assert result.result is Result.FAIL
