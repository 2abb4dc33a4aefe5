"""The printed dialogue: everything but secrets."""

from __future__ import annotations

import io
from threading import Event
from typing import Any

from samotop.reception.listener import Listener
from samotop.reception.transcript import BLOT, WAITING_LIMIT, Transcript
from samotop.testing import MemoryAccounts
from tests.fakes.wire import Wire


class Printed:
    """What a transcript has printed, once it is closed."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.transcript = Transcript(self.stream)

    def getvalue(self) -> str:
        self.transcript.close()
        return self.stream.getvalue()


def printed_wire(**settings: Any) -> tuple[Wire, Printed]:
    printed = Printed()
    return Wire(transcript=printed.transcript, **settings), printed


class Stuck(io.StringIO):
    """A terminal whose reader has gone to lunch."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Event()

    def write(self, text: str) -> int:
        self.gate.wait()
        return super().write(text)


def test_a_stream_that_nobody_reads_stops_no_session() -> None:
    """Lines beyond those that may wait are dropped; a blocked write would end this test by its time-out."""
    stuck = Stuck()
    transcript = Transcript(stuck)
    page = transcript.open()
    for _ in range(WAITING_LIMIT * 2):
        page.sent(b"250 2.0.0 Ok\r\n")
    stuck.gate.set()
    transcript.close()
    assert 0 < stuck.getvalue().count("250 2.0.0 Ok") <= WAITING_LIMIT + 1


async def test_a_session_is_printed_line_by_line() -> None:
    wire, stream = printed_wire()
    wire.say("EHLO x", "MAIL FROM:<a@example.net>")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "[1] S: 220 mx.example.org ESMTP"
    assert "[1] C: EHLO x" in lines
    assert "[1] C: MAIL FROM:<a@example.net>" in lines
    assert lines[-1] == "[1] S: 250 2.1.0 Ok"


async def test_no_credential_is_printed() -> None:
    """Neither in the command, nor in the exchange, nor pipelined behind it."""
    accounts = MemoryAccounts({"alice": "secret"})
    listener = Listener(tls="none", allows_plaintext_login=True)
    wire, stream = printed_wire(listener=listener, logins=accounts.logins())
    wire.say("EHLO x")
    wire.say("AUTH PLAIN AGFsaWNlAHdyb25n")
    await wire.settled()
    wire.say("AUTH LOGIN")
    await wire.settled()
    wire.say("YWxpY2U=")
    await wire.settled()
    wire.say("c2VjcmV0")
    await wire.settled()
    text = stream.getvalue()
    for secret in ("AGFsaWNlAHdyb25n", "YWxpY2U=", "c2VjcmV0", "334 V", "334 U"):
        assert secret not in text
    assert text.count(BLOT) >= 4
    assert "[1] S: 235 2.7.0" in text


async def test_a_pipelined_secret_is_not_printed() -> None:
    wire, stream = printed_wire()
    wire.say("EHLO x")
    wire.say("AUTH PLAIN", "AGFsaWNlAHNlY3JldA==")
    assert "AGFsaWNl" not in stream.getvalue()


async def test_a_secret_cut_into_reads_is_not_printed() -> None:
    wire, stream = printed_wire()
    wire.say("EHLO x")
    for piece in (b"AU", b"TH PLA", b"IN AGFs", b"aWNlAHNlY3JldA==", b"\r", b"\n"):
        wire.session.data_received(piece)
    text = stream.getvalue()
    assert "AGFs" not in text
    assert "aWNl" not in text
    assert "[1] C: AUTH PLAIN [blotted out]" in text


async def test_a_message_cannot_steer_the_terminal() -> None:
    wire, stream = printed_wire()
    wire.say("EHLO \x1b[2Jx")
    assert "\x1b" not in stream.getvalue()
