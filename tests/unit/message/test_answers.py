"""Replies and forwarded messages: to whom, in which thread, saying what."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop import Address, Message
from samotop.message.answers import make_subject

AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def parse(*fields: str, body: str = "Hello\r\n\r\n> older\r\n") -> Message:
    return Message.parse(("".join(f"{field}\r\n" for field in fields) + "\r\n" + body).encode())


def reply(message: Message, **arguments: object) -> Message:
    given_arguments = {"author": "Me <me@example.net>", "text": "Yes", "date": AT, "message_id": "9@example.net"}
    return message.reply(**(given_arguments | arguments))  # type: ignore[arg-type]  # the table of a case


def recipients(message: Message) -> list[str]:
    return [str(one.address) for one in message.envelope.recipients]


ORIGINAL = (
    "From: Bob <bob@example.org>",
    "To: me@example.net, Carol <carol@example.com>",
    "Cc: dave@example.com, BOB@example.org, other@example.net",
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
    "Date: Mon, 06 May 2024 07:08:09 +0200",
    "Message-ID: <3@example.org>",
    "References: <1@example.org> <2@example.org>",
)


def test_a_reply_goes_to_the_author_in_the_same_thread() -> None:
    """RFC 5322 §3.6.2, §3.6.4."""
    answer = reply(parse(*ORIGINAL))
    assert recipients(answer) == ["bob@example.org"]
    assert answer.subject == "Re: Grüße"
    assert answer.in_reply_to == ("<3@example.org>",)
    assert answer.references == ("<1@example.org>", "<2@example.org>", "<3@example.org>")
    assert answer.text == "Yes\n\nOn Mon, 06 May 2024 07:08:09 +0200, Bob wrote:\n> Hello\n>\n>> older\n"


def test_a_reply_goes_where_it_is_asked_to() -> None:
    assert recipients(reply(parse(*ORIGINAL, "Reply-To: list@example.org"))) == ["list@example.org"]


def test_a_reply_to_all_leaves_out_oneself() -> None:
    """Whatever the case of the addresses, and each once."""
    answer = reply(parse(*ORIGINAL), to_all=True, own="other@EXAMPLE.net")
    assert [str(one.address) for one in answer.to] == ["bob@example.org"]
    assert [str(one.address) for one in answer.cc] == ["carol@example.com", "dave@example.com"]


def test_a_reply_to_what_one_wrote_goes_on_to_the_others() -> None:
    answer = reply(parse("From: me@example.net", "To: bob@example.org", "Cc: c@example.com"), to_all=True)
    assert [str(one.address) for one in answer.to] == ["bob@example.org"]
    assert [str(one.address) for one in answer.cc] == ["c@example.com"]


def test_a_reply_to_all_goes_where_followups_are_asked_to() -> None:
    message = parse(*ORIGINAL, "Mail-Followup-To: list@example.org")
    assert recipients(reply(message, to_all=True)) == ["list@example.org"]
    assert recipients(reply(message)) == ["bob@example.org"]


def test_a_reply_to_the_list_goes_there_alone() -> None:
    """RFC 2369 §3.4."""
    message = parse(*ORIGINAL, "List-Post: <mailto:friends%2Bmail@example.org?subject=x>")
    assert recipients(reply(message, to_list=True)) == ["friends+mail@example.org"]
    for without in ((), ("List-Post: NO",)):
        with pytest.raises(ValueError, match="no list"):
            reply(parse(*ORIGINAL, *without), to_list=True)


@pytest.mark.parametrize("author", ["", "From: nobody", "From: <>", "From: a@-b", "From: x:;"])
def test_nobody_cannot_be_answered(author: str) -> None:
    with pytest.raises(ValueError, match="nobody to answer"):
        reply(parse(*([author] if author else []), "Subject: x"))


def test_a_thread_without_references() -> None:
    """RFC 5322 §3.6.4: In-Reply-To stands in for them if it has exactly one identifier."""
    assert reply(parse(*ORIGINAL[:6], "In-Reply-To: <2@x>")).references == ("<2@x>", "<3@example.org>")
    assert reply(parse(*ORIGINAL[:6], "In-Reply-To: <1@x> <2@x>")).references == ("<3@example.org>",)
    assert reply(parse(*ORIGINAL[:5])).references == ()
    assert reply(parse(*ORIGINAL[:5], "Message-ID: <not one>", "References: <a b> <c@d> <e>")).references == ("<c@d>",)


def test_a_long_thread_keeps_its_beginning_and_its_end() -> None:
    answer = reply(parse(*ORIGINAL[:6], "References:" + "".join(f"\r\n <{number}@x>" for number in range(300))))
    assert len(answer.references) == 50
    assert answer.references[0] == "<0@x>"
    assert answer.references[-2:] == ("<299@x>", "<3@example.org>")


@pytest.mark.parametrize(
    ("subject", "wanted"),
    [
        ("x", "Re: x"),
        ("Re: x", "Re: x"),
        ("RE: re:AW: Re[2]: x", "Re: x"),
        ("Regarding: x", "Re: Regarding: x"),
        ("", "Re:"),
        ("Re:", "Re:"),
        ("Fwd: x", "Re: Fwd: x"),
    ],
)
def test_re_stands_there_once(subject: str, wanted: str) -> None:
    assert reply(parse(*ORIGINAL[:1], f"Subject: {subject}")).subject == wanted


def test_fwd_stands_there_once() -> None:
    assert make_subject("Fwd", "Fw: WG: x") == "Fwd: x"
    assert make_subject("Fwd", "Re: x") == "Fwd: Re: x"


def test_nothing_is_quoted_that_is_not_wanted() -> None:
    assert reply(parse(*ORIGINAL), quotes=False).text == "Yes\n"
    html = parse(*ORIGINAL, "Content-Type: text/html")
    assert reply(html).text == "Yes\n"
    assert reply(html, text=None, html="<p>Yes").html == "<p>Yes\n"


def test_a_message_is_forwarded_whole() -> None:
    message = parse(*ORIGINAL)
    passed_on = message.forward(author="me@example.net", to="x@example.com", text="Look")
    assert passed_on.subject == "Fwd: Grüße"
    assert passed_on.text == "Look\n"
    (part,) = passed_on.attachments
    assert (part.media_type, part.name) == ("message/rfc822", "forwarded.eml")
    assert part.message is not None and part.message.to_bytes() == message.to_bytes()


def test_a_message_is_forwarded_in_the_text() -> None:
    message = Message.build(
        author="bob@example.org", to="me@example.net", subject="x", text="Hello", attachments=[], date=AT
    )
    passed_on = message.forward(author="me@example.net", to="x@example.com", text="Look", as_attachment=False)
    assert passed_on.text == (
        "Look\n\n---------- Forwarded message ----------\nFrom: bob@example.org\n"
        "Date: Mon, 06 May 2024 07:08:09 +0000\nSubject: x\nTo: me@example.net\n\nHello\n"
    )


def test_files_are_forwarded_with_the_text() -> None:
    octets = (
        b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n"
        b'--b\r\nContent-Type: a%b/c\'d; name="=?utf-8?q?=C3=A9?="\r\n\r\ny\r\n--b--'
    )
    passed_on = Message.parse(octets).forward(author="a@b.test", to="c@d.test", as_attachment=False)
    page, file = passed_on.attachments
    assert (page.name, page.decoded_text()) == ("message.html", "<p>x")
    assert (file.name, file.media_type, file.decoded()) == ("é", "application/octet-stream", b"y")


def test_what_cannot_travel_as_a_message_travels_as_a_file() -> None:
    """Lines that are too long, NUL: nothing is lost and nothing is refused."""
    octets = b"Subject: x\r\n\r\n" + b"y" * 5000 + b"\0"
    passed_on = Message.parse(octets).forward(author="a@b.test", to="c@d.test")
    (part,) = passed_on.attachments
    assert (part.media_type, part.decoded()) == ("application/octet-stream", octets)


lines = st.sampled_from(
    [*(f"{field}\r\n" for field in ORIGINAL), "From: <a@b", "Reply-To: x@y.test\r\n", "Subject: =?utf-8?q?=00=0D?=\r\n"]
) | st.text(max_size=30)


@given(st.lists(lines, max_size=12).map("".join))
def test_whatever_was_sent_can_be_answered_and_forwarded(text: str) -> None:
    """Or there is nobody to answer; nothing else can go wrong."""
    message = Message.parse(text.encode("utf-8", "replace"))
    for as_attachment in (True, False):
        passed_on = message.forward(author="a@b.test", to="c@d.test", as_attachment=as_attachment)
        assert Message.parse(passed_on.to_bytes()).attachments or not as_attachment
    try:
        answer = reply(message, to_all=True)
    except ValueError as error:
        assert "nobody to answer" in str(error)
        return
    assert Address("me", "example.net") not in [one.address for one in answer.to]
