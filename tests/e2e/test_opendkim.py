"""Cross-check with OpenDKIM in its test mode: each verifies what the other signs, RSA and Ed25519.

Two things are its own: fields reach it without what stands between colon and
value, so that the messages here have the one space that it assumes; and its
Ed25519 signatures over the simple header form do not verify with itself either
(2.11.0), so that those are not asked for.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from samotop.msgauth import dkim
from samotop.msgauth.signature import Canonicalization
from tests.fakes.signing import EDWARDS, KEYS, MESSAGE, RSA, publish

pytestmark = pytest.mark.slow

FORMS = [(header, body) for header in Canonicalization for body in Canonicalization]
MESSAGES = {
    "ordinary": MESSAGE,
    "empty": b"From: a@example.org\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\n",
    "blanks": b"From: a@example.org\r\nTo: a,\r\n\t b \r\n\r\n\r\n \r\nx\t \ty\r\n \t\r\n\r\n",
    "long": MESSAGE + b"A line of text, and then some. \t \r\n" * 3000 + b"\r\n" * 50,
}


@pytest.fixture
def opendkim(needs: Callable[..., str], tmp_path: Path) -> Callable[[str, bytes], str]:
    """Run OpenDKIM on one message; what it would add to it."""
    program = needs("opendkim")

    def run(configuration: str, message: bytes) -> str:
        settings, file = tmp_path / "opendkim.conf", tmp_path / "message"
        settings.write_text(configuration)
        file.write_bytes(message)
        done = subprocess.run([program, "-x", settings, "-t", file, "-vv"], capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    return run


@pytest.fixture
def verifying(tmp_path: Path) -> str:
    keys = tmp_path / "keys"
    keys.write_text(
        "".join(f"{key.selector}._domainkey.example.org {dkim.format_key_record(key.private)}\n" for key in KEYS)
    )
    return f"Mode v\nTestPublicKeys {keys}\n"


@pytest.mark.parametrize("name", list(MESSAGES))
@pytest.mark.parametrize("forms", FORMS)
def test_opendkim_verifies_what_we_sign(
    opendkim: Callable[[str, bytes], str],
    verifying: str,
    forms: tuple[Canonicalization, Canonicalization],
    name: str,
) -> None:
    signer = dkim.Signer("example.org", KEYS, header_form=forms[0], body_form=forms[1])
    signed = dkim.sign(MESSAGES[name], signer) + MESSAGES[name]
    said = opendkim(verifying, signed)
    assert len(re.findall(r"\bdkim=pass\b", said)) == 2, said
    said = opendkim(verifying, b"Subject: added\r\n" + signed)
    assert len(re.findall(r"\bdkim=fail\b", said)) == 2, said


@pytest.mark.parametrize("name", list(MESSAGES))
@pytest.mark.parametrize(
    ("forms", "selector", "algorithm"),
    [(forms, "r", "rsa-sha256") for forms in FORMS] + [(forms, "e", "ed25519-sha256") for forms in FORMS[2:]],
)
async def test_we_verify_what_opendkim_signs(
    opendkim: Callable[[str, bytes], str],
    tmp_path: Path,
    forms: tuple[Canonicalization, Canonicalization],
    name: str,
    selector: str,
    algorithm: str,
) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(dkim.format_private_key(RSA if selector == "r" else EDWARDS))
    said = opendkim(
        f"Mode s\nDomain example.org\nSelector {selector}\nKeyFile {key}\nRequireSafeKeys no\nOversignHeaders From\n"
        f"InternalHosts 0.0.0.0/0\nCanonicalization {forms[0]}/{forms[1]}\nSignatureAlgorithm {algorithm}\n",
        MESSAGES[name],
    )
    found = re.search(r"hname='DKIM-Signature' hvalue='([^']*)'", said)
    assert found is not None, said
    field = b"DKIM-Signature: " + found[1].replace("\n", "\r\n").encode() + b"\r\n"
    (result,) = await dkim.verify(field + MESSAGES[name], publish())
    assert (result.result, result.reason, result.algorithm) == ("pass", "it verifies", algorithm)
    (result,) = await dkim.verify(field + MESSAGES[name] + b"x\r\n", publish())
    assert result.result == "fail"
