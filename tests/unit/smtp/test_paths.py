"""Domains beyond ASCII, and the limits of paths; addresses of every kind are in tests/dialogs/addresses.txt."""

from __future__ import annotations

import pytest

from samotop.address import Address
from samotop.smtp.paths import BadPath, NeedsUtf8, parse_domain, parse_mailbox, take_path


@pytest.mark.parametrize(
    "domain",
    [
        "münchen.example",
        "MÜNCHEN.example",
        "हिन्दी.भारत",
        "தமிழ்.இந்தியா",
        "ไทย.example",
        "日本語.example",
        "パ・リ.example",
        "נָכוֹן.example",
        "l·l.example",
        "نامه\u200cای.example",
        "٣.example",
        "é" * 63 + ".example",
    ],
)
def test_labels_of_any_script(domain: str) -> None:
    """Vowel signs are marks, not letters, and belong to the words of half the world."""
    assert parse_domain(domain.encode(), allows_utf8=True) == domain
    with pytest.raises(NeedsUtf8):
        parse_domain(domain.encode())


@pytest.mark.parametrize(
    "domain",
    [
        "ｅxample.org",
        "example。org",
        "ﬁ.example",
        "Ⅳ.example",
        "½.example",
        "e\u0301.example",  # not composed
        "\u0301e.example",
        "-é.example",
        "é-.example",
        "é_.example",
        "é .example",
        "é..example",
        ".é",
        "é.",
        "xn--é.example",
        "a\u00ad-é.example",
        "\u202eé.example",
        "é\u2028.example",
        "☃.example",
        "é" * 64 + ".example",
        "é.-x",
        "é." * 127 + "é",
    ],
)
def test_labels_that_two_programs_would_read_differently(domain: str) -> None:
    """Look-alikes, separators, controls and what is not composed: refused, not repaired."""
    with pytest.raises(BadPath):
        parse_domain(domain.encode(), allows_utf8=True)


def test_the_local_part_is_bounded_after_its_quotes_are_undone() -> None:
    assert parse_mailbox(b'"' + b"\\a" * 10 + b'"@b', local_limit=10) == Address("a" * 10, "b")
    for local in (b'"' + b"a" * 11 + b'"', b"a" * 11, "é".encode() * 6):
        with pytest.raises(BadPath, match="longer than 10"):
            parse_mailbox(local + b"@b", local_limit=10)


@pytest.mark.parametrize("octets", [b"<>", b"", b"a", b"postmaster", b"@b:c@d", b"a@b>", b"a@b> c@d", b"<a@b>"])
def test_one_mailbox_and_nothing_else(octets: bytes) -> None:
    """For lists of addresses in configuration and on command lines: no nobody, no route, no second address."""
    with pytest.raises(BadPath):
        parse_mailbox(octets)


def test_what_follows_the_path_is_untouched() -> None:
    path, rest = take_path(b"<a@b> SIZE=1\xff", allows_utf8=False, local_limit=64)
    assert (path, rest) == (Address("a", "b"), b" SIZE=1\xff")
