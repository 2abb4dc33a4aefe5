"""Round trips of encoded words with Perl's Encode, which shares no line with Python's ``email`` nor with us (RFC 2047).

Broken or doubled white space is what mail libraries get wrong most often, so
that one other reader is not enough: what both of them read alike is right.
"""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable, Iterator

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from samotop.message import Message

pytestmark = pytest.mark.slow  # side by side with another implementation

PROGRAM = r"""
use strict; use Encode; use MIME::Base64; $| = 1;
while (my $line = <STDIN>) {
    my ($what, $octets) = split / /, $line;
    my $given = decode_base64($octets // "");
    my $found = $what eq "read" ? Encode::encode("UTF-8", Encode::decode("MIME-Header", $given))
                                : Encode::encode("MIME-Header", Encode::decode("UTF-8", $given));
    print encode_base64($found, ""), "\n";
}
"""

# Characters that a field may have, those that matter most often.
letters = st.sampled_from("aZ0 .,:;=?_\"\\<>@()[]'éßж漢😀\u00a0") | st.characters(
    exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cn", "Co"]
)
texts = st.text(letters, max_size=200).filter(lambda text: text == " ".join(text.split(" ")).strip())

Perl = Callable[[str, bytes], bytes]


@pytest.fixture(scope="module")
def perl(needs: Callable[..., str]) -> Iterator[Perl]:
    """``perl("read", octets)`` decodes a field's value, ``perl("write", text)`` encodes one."""
    with subprocess.Popen([needs("perl"), "-e", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None

        def ask(what: str, octets: bytes) -> bytes:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(b"%b %b\n" % (what.encode(), base64.b64encode(octets)))
            process.stdin.flush()
            return base64.b64decode(process.stdout.readline())

        yield ask
        process.stdin.close()


def value_of(octets: bytes) -> bytes:
    """The Subject as it lies in a message, its folding undone by the letter of RFC 5322 §2.2.3."""
    value = Message.parse(octets).header.get_raw("subject")
    assert value is not None
    return value.removeprefix(b" ").replace(b"\r\n", b"")


@given(texts)
@example("é é")
@example("a  é  b")
@example("é" * 500 + " x " + "é" * 500)
@example("=?utf-8?q?x?=")
@example("x" * 2000)
def test_perl_reads_our_subject(perl: Perl, text: str) -> None:
    """Each character and each space, whatever was encoded and folded."""
    message = Message.build(author="a@example.org", to="b@example.net", subject=text)
    assert perl("read", value_of(message.to_bytes())).decode() == text


@given(texts)
@example("é é")
@example("漢字" * 200)
def test_we_read_perls_subject(perl: Perl, text: str) -> None:
    written = perl("write", text.encode()).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assume(perl("read", written.replace(b"\r\n", b"")).decode() == text)  # where Perl reads it itself
    assert (Message.parse(b"Subject: " + written + b"\r\n\r\n").subject or "") == text
