"""What is told of a dialogue, and above all what is not, however the octets are cut."""

from __future__ import annotations

import base64

import pytest

from samotop.smtp.client.transcript import BLOT, LINE_LIMIT, ClientTranscript

SECRET = base64.b64encode(b"\0alice\0correct horse")

# Who speaks, and what: C for us, S for the server.
DIALOGUE: list[tuple[str, bytes]] = [
    ("S", b"220 mx.example.org\r\n"),
    ("C", b"EHLO [127.0.0.1]\r\n"),
    ("S", b"250-mx.example.org\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n"),
    ("C", b"AUTH PLAIN " + SECRET + b"\r\n"),
    ("S", b"235 2.7.0 welcome\r\n"),
    ("C", b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n"),
    ("S", b"250 ok\r\n250 ok\r\n354 go on\r\n"),
    ("C", b"Subject: private\r\n\r\nAUTH is no command here\r\n..\r\n.\r\n"),
    ("S", b"250 2.0.0 queued as X1\r\n"),
    ("C", b"BDAT 14 LAST\r\nQUIT\r\nprivate\nQUIT\r\n"),
    ("S", b"250 ok\r\n221 bye\r\n"),
]

TOLD = [
    "S: 220 mx.example.org",
    "C: EHLO [127.0.0.1]",
    "S: 250-mx.example.org",
    "S: 250-PIPELINING",
    "S: 250 AUTH PLAIN LOGIN",
    f"C: AUTH PLAIN {BLOT}",
    "S: 235 2.7.0 welcome",
    "C: MAIL FROM:<a@example.org>",
    "C: RCPT TO:<b@example.net>",
    "C: DATA",
    "S: 250 ok",
    "S: 250 ok",
    "S: 354 go on",
    "C: (49 octets of content)",
    "C: .",
    "S: 250 2.0.0 queued as X1",
    "C: BDAT 14 LAST",
    "C: (14 octets of content)",
    "C: QUIT",
    "S: 250 ok",
    "S: 221 bye",
]


def hear(dialogue: list[tuple[str, bytes]], size: int) -> list[str]:
    """What is told when each turn comes in pieces of ``size`` octets."""
    told: list[str] = []
    transcript = ClientTranscript(told.append)
    for who, octets in dialogue:
        for at in range(0, len(octets), size):
            (transcript.sent if who == "C" else transcript.received)(octets[at : at + size])
    return told


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_a_dialogue_is_told_without_secrets_and_content(size: int) -> None:
    assert hear(DIALOGUE, size) == TOLD


@pytest.mark.parametrize("size", [1, 10_000])
def test_a_login_in_several_turns_is_blotted_out_both_ways(size: int) -> None:
    """A challenge of SCRAM helps whoever guesses passwords; a refused login ends the exchange."""
    dialogue = [
        ("C", b"AUTH LOGIN\r\n"),
        ("S", b"334 VXNlcm5hbWU6\r\n"),
        ("C", b"YWxpY2U=\r\n"),
        ("S", b"334 UGFzc3dvcmQ6\r\n"),
        ("C", b"Y29ycmVjdCBob3JzZQ==\r\n"),
        ("S", b"535 5.7.8 no\r\n"),
        ("C", b"NOOP\r\n"),
    ]
    blotted = [f"S: 334 {BLOT}", f"C: {BLOT}"]
    assert hear(dialogue, size) == ["C: AUTH LOGIN", *blotted, *blotted, "S: 535 5.7.8 no", "C: NOOP"]


@pytest.mark.parametrize("behind", [b"250 ok\r\n", b"235 welcome\r\n", b"334 again\r\n354 go on\r\n.\r\n"])
def test_a_server_that_says_more_than_it_should_does_not_make_a_secret_public(behind: bytes) -> None:
    """What it says behind its challenge is heard before our answer is said."""
    dialogue = [("C", b"AUTH LOGIN\r\n"), ("S", b"334 x\r\n" + behind), ("C", b"c2VjcmV0\r\n")]
    assert "c2VjcmV0" not in "\n".join(hear(dialogue, 10_000))


def test_an_empty_content_is_content() -> None:
    assert hear([("S", b"354 go on\r\n"), ("C", b".\r\nQUIT\r\n")], 3) == [
        "S: 354 go on",
        "C: (0 octets of content)",
        "C: .",
        "C: QUIT",
    ]


def test_nobody_steers_a_terminal_or_fills_a_screen() -> None:
    (line,) = hear([("S", b"250 \x1b[2J\xff" + b"x" * 100_000 + b"\r\n")], 4096)
    assert line.isprintable() and line.startswith("S: 250 \\x1b[2J")
    assert len(line) <= LINE_LIMIT + len("S: \\x1b")
