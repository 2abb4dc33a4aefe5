from __future__ import annotations

import pytest

from samotop.address import NULL_PATH, Address
from samotop.envelope import Body, MailParameters, Notify, Recipient, Ret
from samotop.reply import REPLY_LINES_LIMIT, Reply
from samotop.smtp.client import REPLY_LINE_LIMIT, BadReply, format_mail, format_rcpt, take_reply
from samotop.smtp.paths import BadPath

ALL = frozenset(("SIZE", "8BITMIME", "BINARYMIME", "SMTPUTF8", "DSN", "REQUIRETLS", "AUTH"))
ALICE = Address("alice", "example.org")


@pytest.mark.parametrize(
    ("octets", "reply"),
    [
        (b"250 2.1.0 Ok\r\n", Reply.of(250, "2.1.0", "Ok")),
        (b"220 mx.example.org ESMTP\r\n", Reply.of(220, None, "mx.example.org ESMTP")),
        (b"250\r\n", Reply.of(250, None, "")),
        (b"354 \r\n", Reply.of(354, None, "")),
        (b"250-mx.example.org\r\n250-SIZE 10\r\n250 DSN\r\n", Reply.of(250, None, "mx.example.org", "SIZE 10", "DSN")),
        (b"550-5.1.1 No\r\n550 5.1.1 mailbox\r\n", Reply.of(550, "5.1.1", "No", "mailbox")),
        (b"550-5.1.10 No\r\n550 5.1.1 mailbox\r\n", Reply.of(550, "5.1.1", "5.1.10 No", "mailbox")),
        (b"550 5.1.1\r\n", Reply.of(550, "5.1.1", "")),
        (b"550 4.1.1 contradicts\r\n", Reply.of(550, None, "4.1.1 contradicts")),
        (b"250 Ok\n", Reply.of(250, None, "Ok")),
        (b"250 caf\xc3\xa9 \xff\r\n", Reply.of(250, None, "café \ufffd")),
    ],
)
def test_replies_of_many_servers(octets: bytes, reply: Reply) -> None:
    """A text may be anything; a missing status and a bare LF harm nobody here."""
    buffer = bytearray(octets + b"221")
    assert take_reply(buffer) == reply
    assert buffer == b"221"


@pytest.mark.parametrize("octets", [b"", b"2", b"250", b"250 Ok", b"250 Ok\r", b"250-one\r\n", b"250-one\r\n250"])
def test_an_incomplete_reply_stays(octets: bytes) -> None:
    buffer = bytearray(octets)
    assert take_reply(buffer) is None
    assert buffer == octets


@pytest.mark.parametrize(
    "octets",
    [
        b"\r\n",
        b"hello\r\n",
        b"99 x\r\n",
        b"150 x\r\n",
        b"650 x\r\n",
        b"250x\r\n",
        b"250-one\r\n251 two\r\n",
        b"250 a\rb\r\n",
        b"250" + b"x" * REPLY_LINE_LIMIT,
        b"250 " + b"x" * REPLY_LINE_LIMIT + b"\r\n",
        b"250-x\r\n" * (REPLY_LINES_LIMIT + 1),
    ],
    ids=lambda octets: repr(octets)[:20],
)
def test_what_is_no_reply_is_not_believed(octets: bytes) -> None:
    """Nothing after it can be trusted either, and an endless reply must not fill our memory."""
    with pytest.raises(BadReply):
        take_reply(bytearray(octets))


def test_mail_says_what_the_server_knows() -> None:
    parameters = MailParameters(
        size=10,
        body=Body.EIGHT_BIT,
        is_utf8=True,
        ret=Ret.HEADERS,
        envelope_id="a+b=c",
        requires_tls=True,
        submitter="e=mc2@example.com",
    )
    assert format_mail(ALICE, parameters, frozenset()) == b"MAIL FROM:<alice@example.org>\r\n"
    assert format_mail(ALICE, parameters, ALL) == (
        b"MAIL FROM:<alice@example.org> SIZE=10 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb+3Dc REQUIRETLS"
        b" AUTH=e+3Dmc2@example.com\r\n"
    )
    assert format_mail(NULL_PATH, MailParameters(), ALL) == b"MAIL FROM:<>\r\n"


def test_binary_is_promised_only_to_who_knows_it() -> None:
    """8BITMIME alone does not make BODY=BINARYMIME a word (RFC 3030 §3)."""
    parameters = MailParameters(body=Body.BINARY)
    assert b"BODY" not in format_mail(ALICE, parameters, frozenset(("8BITMIME",)))
    assert b"BODY=BINARYMIME" in format_mail(ALICE, parameters, ALL)


def test_rcpt_says_what_the_server_knows() -> None:
    recipient = Recipient(ALICE, Notify.SUCCESS | Notify.DELAY, "rfc822;a+b@example.org")
    assert format_rcpt(recipient, frozenset()) == b"RCPT TO:<alice@example.org>\r\n"
    assert format_rcpt(recipient, ALL) == (
        b"RCPT TO:<alice@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@example.org\r\n"
    )
    assert format_rcpt(Recipient(ALICE, Notify.NEVER), ALL) == b"RCPT TO:<alice@example.org> NOTIFY=NEVER\r\n"


@pytest.mark.parametrize(
    "address",
    [
        Address("a\r\nRCPT TO:<evil", "example.org"),
        Address("a", "example.org>\r\nDATA\r\n"),
        Address("a", "example.org> BODY=8BITMIME <"),
        Address("a\0", "example.org"),
        Address("a", ""),
        Address("a", "exa mple.org"),
        Address("\udc80", "example.org"),
    ],
    ids=repr,
)
def test_an_address_made_by_hand_cannot_end_the_command(address: Address) -> None:
    """A program that builds addresses from its users' input must not be made to say other commands."""
    with pytest.raises(BadPath):
        format_rcpt(Recipient(address), ALL)
    with pytest.raises(BadPath):
        format_mail(address, MailParameters(), ALL)


def test_postmaster_needs_no_domain() -> None:
    assert format_rcpt(Recipient(Address("postmaster", "")), ALL) == b"RCPT TO:<postmaster>\r\n"
