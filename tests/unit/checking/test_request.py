"""A request with a message: what is read, and what is answered by its status."""

from __future__ import annotations

import pytest

from samotop.checking.check import Found, merge
from samotop.checking.http import describe
from samotop.checking.milter import format_refusal, format_verdict
from samotop.checking.request import BadRequest, take_request
from samotop.milter.responses import ReplyCode
from samotop.verdict import ABSTAIN, Action, Verdict

REQUEST = b"POST /checkv2?x=1 HTTP/1.1\r\nHost: a\r\nRcpt: <a@b>\r\nrcpt:  c@d \r\nContent-Length: 5\r\n\r\n"
REJECT, DEFER, HOLD = (
    Verdict.reject("a", "no"),
    Verdict.defer("b", "later"),
    Verdict.hold("c", "look", folder="Requests"),
)


def test_what_is_asked_is_read_and_the_body_is_left() -> None:
    buffer = bytearray(REQUEST + b"12345")
    found = take_request(buffer)
    assert found is not None
    assert (found.method, found.path, found.length, bytes(buffer)) == ("POST", "/checkv2", 5, b"12345")
    assert found.find_all("rcpt") == ["<a@b>", "c@d"] and found.find("helo") == ""


@pytest.mark.parametrize("cut", range(len(REQUEST)))
def test_what_has_not_come_is_waited_for(cut: int) -> None:
    assert take_request(bytearray(REQUEST[:cut])) is None


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST checkv2 HTTP/1.1", 400),
        (b"POST /checkv2 HTTP/2.0", 400),
        (b"POST /checkv2 HTTP/1.1\r\n folded: x", 400),
        (b"POST /checkv2 HTTP/1.1\r\nA: b\nC: d", 400),
        (b"POST /checkv2 HTTP/1.1\r\nContent-Length: +5", 400),
        (b"POST /checkv2 HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5", 400),
        (b"POST /checkv2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5", 411),
        (b"POST /checkv2 HTTP/1.1\r\nCompression: zstd", 415),
        (b"POST /checkv2 HTTP/1.1" + b"\r\nA: b" * 1300, 400),
    ],
)
def test_what_two_servers_could_read_differently_is_refused(head: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as caught:
        take_request(bytearray(head + b"\r\n\r\n"))
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("verdicts", "action"),
    [
        ([], Action.ABSTAIN),
        ([ABSTAIN, HOLD], Action.HOLD),
        ([REJECT, DEFER], Action.DEFER),
        ([REJECT, REJECT], Action.REJECT),
        ([REJECT, ABSTAIN], Action.HOLD),
    ],
)
def test_recipients_have_one_answer(verdicts: list[Verdict], action: Action) -> None:
    """As reception has it: nobody is told "never" for another's sake."""
    assert merge(verdicts).action is action


@pytest.mark.parametrize(
    ("verdict", "action", "message"),
    [
        (ABSTAIN, "no action", None),
        (HOLD, "add header", None),
        (DEFER, "soft reject", "4.7.1 later"),
        (REJECT, "reject", "5.7.1 no"),
    ],
)
def test_a_verdict_has_rspamds_words(verdict: Verdict, action: str, message: str | None) -> None:
    found = describe(Found(verdict))
    assert (found["action"], found["messages"].get("smtp_message")) == (action, message)


def test_a_verdict_is_one_line_and_tells_its_reason_to_one_reader() -> None:
    assert format_verdict(HOLD, tells_reason=False) == b"hold; folder=Requests"
    assert format_verdict(HOLD, tells_reason=True) == b"hold; folder=Requests; look"
    assert format_verdict(ABSTAIN, tells_reason=True) == b"accept"
    assert format_verdict(Verdict.hold("c", "a\r\nX: b\0é"), tells_reason=True) == b"hold; a  X: b  "
    assert format_refusal(REJECT) == ReplyCode(550, (b"5.7.1 no",))
