"""What is seen of a message: decoded text, links, parts, tricks, letters that look like others."""

from __future__ import annotations

import pytest

from samotop.junk.features import Family, find_families
from samotop.junk.htmltext import find_tricks, show_html
from samotop.junk.links import find_links
from samotop.junk.reading import decode_words, read_view
from samotop.junk.scripts import find_scripts, plain, skeleton

CYRILLIC_PAYPAL = "p\u0430yp\u0430l"


def names(content: bytes) -> set[str]:
    def all_of(family: Family) -> set[str]:
        return {family.name(index) for index in range(len(family.hashes))}

    return set().union(*map(all_of, find_families(content)))


def view_hashes(content: bytes, view: int) -> set[int]:
    return {int(one) for family in find_families(content) if family.view == view for one in family.hashes}


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("7bit", b"Cheap pills for you, dear friend"),
        ("base64", b"Q2hlYXAgcGlsbHMgZm9yIHlvdSwgZGVhciBmcmllbmQ="),
        ("quoted-printable", b"=43heap pills=20for you, =\r\ndear friend"),
    ],
)
def test_an_encoding_hides_nothing(encoding: str, body: bytes) -> None:
    head = f"Subject: x\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    assert {"cheap", "cheap pills", "pills for", "cheap pills for"} <= names(head + body)


def test_a_charset_hides_nothing() -> None:
    """The same words in KOI8-R, Windows-1251 and UTF-8 are the same features."""
    text = "\u0431\u0435\u0441\u043f\u043b\u0430\u0442\u043d\u043e \u0441\u0435\u0439\u0447\u0430\u0441"
    found = []
    for charset in ("koi8-r", "windows-1251", "utf-8"):
        view = read_view(f"Content-Type: text/plain; charset={charset}\n\n".encode() + text.encode(charset))
        found.append(view.leaves[0].octets)
    assert found == [text.encode()] * 3


def test_an_encoded_subject_is_read() -> None:
    assert decode_words(b"=?utf-8?B?Z3LDvMOf?= =?iso-8859-1?Q?_e=FC?=") == "gr\u00fc\u00df e\u00fc".encode()
    assert decode_words(b"=?broken") == b"=?broken"


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_line_ends_say_nothing(end: bytes) -> None:
    """A Maildir and the wire have the same mail."""
    content = b"From: a@b.c\nSubject: hello there\n\nsome text\nand more\n"
    assert view_hashes(content.replace(b"\n", end), 3) == view_hashes(content, 3)


def test_an_mbox_line_says_nothing() -> None:
    content = b"From: a@b.c\nSubject: hello\n\ntext\n"
    assert view_hashes(b"From x@y Mon Jan  1 00:00:00 2024\n" + content, 1) == view_hashes(content, 1)


def test_parts_and_names_of_files_are_features() -> None:
    content = (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nhi\n"
        b'--b\nContent-Type: application/octet-stream; name="Invoice.pdf.exe"\nContent-Transfer-Encoding: base64\n\n'
        b"TVqQAAMAAAA=\n--b--\n"
    )
    assert {
        "file invoice.pdf.exe",
        "file of type exe",
        "file of two types pdf.exe",
        "part application/octet-stream at 1",
    } <= names(content)
    assert any(name.startswith("file starts with MZ") for name in names(content))


def test_domains_of_links_are_features_to_the_last_label() -> None:
    found = set(find_links(b"see http://user@Shop.Example.biz:8080/win/now?id=3 or www.example.org."))
    assert {b"link to shop.example.biz", b"link to example.biz", b"link to biz"} <= found
    assert {b"link with a user", b"link to port 8080", b"link has win", b"link to example.org"} <= found
    assert b"link to a number" in find_links(b"http://192.0.2.1/")


def test_html_is_shown_as_a_reader_sees_it() -> None:
    shown = show_html(b"<style>p{}</style><p>Vi<!-- x -->ag<b>ra</b> &amp; m&#111;re</p><script>evil()</script>")
    assert shown.split() == [b"Viagra", b"&", b"more"]


@pytest.mark.parametrize(
    ("html", "trick"),
    [
        (b"<span style='font-size:1px'>", b"html does: tiny text"),
        (b'<p style="display: none">', b"html does: no display"),
        (b"<font color=#FFFFFF>", b"html does: white"),
        (b"V<!-- -->i", b"html does: split word"),
        (b"&#86;&#105;&#97;", b"html does: numbered letters"),
    ],
)
def test_tricks_are_seen(html: bytes, trick: bytes) -> None:
    assert trick in find_tricks(html)
    assert trick not in find_tricks(b"<p>An honest <b>text</b></p>")


def test_letters_that_look_alike_are_told() -> None:
    octets = CYRILLIC_PAYPAL.encode()
    found = find_scripts(b"author", octets)
    assert b"author mixes scripts in a word" in found
    assert skeleton(octets) == b"paypal"
    assert b"author mixes scripts in a word" not in find_scripts(
        b"author", "\u041f\u0440\u0438\u0432\u0435\u0442, Bob".encode()
    )


def test_letters_in_disguise_are_undone() -> None:
    """Full width and mathematical letters, and letters with nothing between."""
    assert plain("\uff26\uff52\uff45\uff45".encode()) == b"Free"
    assert plain("\U0001d405ree p\u200bills".encode()) == b"Free pills"
    assert b"text has letters in disguise" in find_scripts(b"text", "\uff26\uff52\uff45\uff45".encode())


def test_an_author_that_looks_like_the_recipient_is_told() -> None:
    found = names(b"From: it@examp1e.org\nTo: alice@example.org\nSubject: x\n\ny")
    assert "author's domain looks like the recipient's" in found
    assert "author's domain looks like the recipient's" not in names(b"From: it@example.org\nTo: a@example.org\n\ny")


def test_an_address_as_a_name_is_told() -> None:
    assert "author's name is another address" in names(b'From: "ceo@bank.example" <x@evil.example>\n\ny')


def test_signatures_are_no_features() -> None:
    """A header of today is mostly base64 that no two messages share."""
    seal = "ARC-Seal: i=1; a=rsa-sha256; b=" + "aB3/" * 60 + "==\n"
    content = b"From: a@b.c\nSubject: hello\n\ntext\n"
    found = names(seal.encode() + content)
    assert "aB3/" not in found
    assert not any("aB3" in name for name in found)
    assert "rsa-" in found


def test_a_long_header_leaves_room_for_the_body() -> None:
    header = b"".join(b"X-Word-%d: some words of field %d\n" % (number, number) for number in range(300))
    assert "zyxw" in names(header + b"\nzyxw")


def test_a_style_sheet_is_not_all_that_is_seen() -> None:
    """HTML of today has more style than text, and the style first."""
    style = b"<style>" + b".a { color: red }\n" * 1000 + b"</style>"
    found = names(b"Content-Type: text/html\n\n<html>" + style + b"<p>Come to dinner</p></html>")
    assert "dinner" in found
    assert "color" not in found
