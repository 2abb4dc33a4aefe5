"""Outside suites: chasquid's dialogs and isemail's addresses.

Theirs is another server's text and another RFC's grammar, so codes are
compared and not words, and each difference stands here with its reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from samotop.smtp.paths import BadPath, parse_mailbox
from tests.dialogs.player import CREDENTIALS, Session
from tests.dialogs.script import Dialog

CHASQUID = [
    "auth_multi_dialog",
    "auth_not_tls",
    "auth_too_many_failures",
    "bad_data",
    "bad_data_dot",
    "bad_data_dot_2",
    "bad_data_dot_on_message_too_big",
    "bad_mail_from",
    "bad_rcpt_to",
    "data_dot_stuffing",
    "empty_helo",
    "helo",
    "line_too_long",
    "message_too_big",
    "sendmail",
    "unknown_command",
    "wrong_proto",
]

RULES = (("size", 1024 * 1024), ("local_part", 64))

# (their dialog, what was said last) -> (their code, ours, the reason)
DIFFERENCES: dict[tuple[str, str], tuple[str, str, str]] = {
    ("auth_multi_dialog", "AUTH SOMETHINGELSE"): ("534", "504", "RFC 4954 §4: 504 for an unknown mechanism"),
    ("auth_not_tls", "AUTH PLAIN"): ("503", "538", "RFC 4954 §6: 538 says that encryption is what is missing"),
    ("bad_data", "."): ("554", "250", "a header that cannot be read is for policy to judge, not for the protocol"),
    ("bad_data_dot", "xxx\r\n.\r\n"): ("521", "554", "RFC 7504 §2: 521 says that no mail is taken here at all"),
    ("bad_data_dot_2", "\r\n.\r\n"): ("521", "554", "RFC 7504 §2: 521 says that no mail is taken here at all"),
    ("bad_data_dot_on_message_too_big", "."): ("521", "554", "RFC 7504 §2: 521 says that no mail is taken here at all"),
    ("bad_mail_from", "MAIL LALA: <>"): ("500", "501", "RFC 5321 §4.2.4: MAIL is known, its argument is wrong"),
    ("bad_mail_from", "MAIL FROM:"): ("500", "501", "RFC 5321 §4.2.4: MAIL is known, its argument is wrong"),
    ("bad_rcpt_to", "RCPT LALA: <>"): ("500", "501", "RFC 5321 §4.2.4: RCPT is known, its argument is wrong"),
    ("bad_rcpt_to", "RCPT TO:"): ("500", "501", "RFC 5321 §4.2.4: RCPT is known, its argument is wrong"),
    ("bad_rcpt_to", "RCPT TO:<henryⅣ@testserver>"): (
        "550",
        "553",
        "RFC 6531 §3.5: 553 where SMTPUTF8 was not asked for",
    ),
    ("line_too_long", "HELO aaaa"): (
        "554",
        "501",
        "the line fits into our 2048 octets, but no name is longer than 255",
    ),
    ("wrong_proto", "GET /evil HTTP/1.1"): ("502", "421", "the session ends, and 421 is how SMTP says so"),
    ("wrong_proto", "POST /evil HTTP/1.1"): ("502", "421", "the session ends, and 421 is how SMTP says so"),
    ("wrong_proto", "CONNECT www.evil.com:80 HTTP/1.1"): (
        "502",
        "421",
        "the session ends, and 421 is how SMTP says so",
    ),
}
BRACKETS = re.compile(r"(RCPT TO:) ?([^<>]+)")
"""RCPT without brackets: they take it, we do not (RFC 5321 §4.1.2); the dialogs are about something else."""


def new_session(*, is_encrypted: bool) -> Session:
    session = Session(Dialog(tls="implicit" if is_encrypted else "starttls", mechanisms=("PLAIN",), rules=RULES))
    session.engine.data_to_send()
    return session


def said_differently(name: str, said: str) -> tuple[str, str] | None:
    key = next(
        (key for key in DIFFERENCES if key[0] == name and said.startswith(key[1]) and len(said) > 100), (name, said)
    )
    found = DIFFERENCES.get(key)
    return found[:2] if found else None


def replies_in(heard: bytes) -> list[str]:
    """The code of each reply, lines of one put together."""
    return [line[:3].decode() for line in heard.split(b"\r\n") if line and line[3:4] != b"-"]


def play_chasquid(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (what was said last, their code, our code) for each reply expected."""
    session, heard, said = new_session(is_encrypted=False), ["220"], ""
    for line in path.read_text(encoding="utf-8").splitlines():
        what, _, text = line.removeprefix("c ").partition(" ")
        if line.startswith("#") or not line.strip() or what == "close":
            continue
        if what in ("tcp_connect", "tls_connect"):
            session, heard, said = new_session(is_encrypted=what == "tls_connect"), ["220"], ""
        elif what == "->":
            said = text
            text = BRACKETS.sub(r"\1<\2>", translate(text))
            heard += replies_in(session.feed(text.encode() + b"\r\n"))
        elif what == "~>":
            said = evaluate(text)
            heard += replies_in(session.feed(said.encode()))
        else:
            assert what in ("<-", "<~", "<..."), line
            yield said, text[:3], heard.pop(0) if heard else "nothing"
    assert not heard


def evaluate(text: str) -> str:
    """Their octets are Python: literals, sums, products."""
    node = ast.parse(text.strip(), mode="eval").body
    return reckon(node)


def reckon(node: ast.expr) -> str:
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Add):
            return reckon(node.left) + reckon(node.right)
        assert isinstance(node.right, ast.Constant)
        return reckon(node.left) * int(str(node.right.value))
    assert isinstance(node, ast.Constant)
    return str(node.value)


def translate(said: str) -> str:
    """Their user's right password is ours."""
    right = "dXNlckB0ZXN0c2VydmVyAHVzZXJAdGVzdHNlcnZlcgBzZWNyZXRwYXNzd29yZA=="
    assert CREDENTIALS == (b"alice", b"secret")
    return "AGFsaWNlAHNlY3JldA==" if said == right else said


@pytest.mark.parametrize("name", CHASQUID)
def test_chasquids_dialogs_get_the_same_codes(suites: Path, name: str) -> None:
    """Or others, for the reason that stands above."""
    path = suites / "smtp-chasquid" / f"{name}.cmy"
    if not path.is_file():
        pytest.skip("suite absent")
    count = 0
    for said, theirs, ours in play_chasquid(path):
        count += 1
        different = said_differently(name, said)
        expected = different[1] if different and different[0] == theirs else theirs
        assert ours == expected, f"after {said[:60]!r}"
    assert count


def test_all_of_chasquids_dialogs_are_played(suites: Path) -> None:
    folder = suites / "smtp-chasquid"
    if not folder.is_dir():
        pytest.skip("suite absent")
    assert {path.stem for path in folder.glob("*.cmy")} == set(CHASQUID)


# isemail's categories. Valid for us is what RFC 5321 lets stand in MAIL and RCPT: comments, folding white space and
# obsolete forms are of RFC 5322 and belong into header fields.
VALID = {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN", "ISEMAIL_RFC5321"}
INVALID = {"ISEMAIL_ERR", "ISEMAIL_CFWS", "ISEMAIL_DEPREC", "ISEMAIL_RFC5322"}

# Diagnoses that we take although their category is invalid, and why.
TAKEN = {
    "ISEMAIL_RFC5322_LOCAL_TOOLONG": "local parts of up to 254 octets: VERP outgrows the 64 of RFC 5321 §4.5.3.1.1",
    "ISEMAIL_RFC5322_TOOLONG": "paths of up to 512 octets, as the sum of such a local part and a domain",
    "ISEMAIL_RFC5321_IPV6DEPRECATED": "'::' for a single group means one address and no other (RFC 5952 §4.2.2)",
}


def isemail_cases(suites: Path) -> Iterator[tuple[str, str, str]]:
    """(address, category, diagnosis) of both files."""
    for name in ("tests.xml", "tests-original.xml"):
        path = suites / "addr-isemail" / name
        if not path.is_file():
            pytest.skip("suite absent")
        for test in ET.parse(path).getroot().iter("test"):
            address = test.findtext("address") or ""
            yield (
                re.sub("[\u2400-\u2421]", lambda match: chr(ord(match[0]) - 0x2400), address),
                test.findtext("category") or "",
                test.findtext("diagnosis") or "",
            )


def is_valid(address: str) -> bool:
    try:
        parse_mailbox(address.encode(), allows_utf8=False)
    except BadPath:
        return False
    return True


def test_isemails_addresses_are_taken_or_refused_as_rfc_5321_says(suites: Path) -> None:
    """Two lists of addresses that people have fallen over since 2009, each with its reason."""
    wrong, count = [], 0
    for address, category, diagnosis in isemail_cases(suites):
        count += 1
        assert category in VALID | INVALID
        if is_valid(address) is not (category in VALID or diagnosis in TAKEN):
            wrong.append((address, category, diagnosis))
    assert not wrong
    assert count > 400


@pytest.mark.parametrize("diagnosis", TAKEN)
def test_a_difference_from_isemail_is_one(suites: Path, diagnosis: str) -> None:
    """A reason that no case needs is out of date."""
    assert any(
        found == diagnosis and category in INVALID and is_valid(address)
        for address, category, found in isemail_cases(suites)
    )
