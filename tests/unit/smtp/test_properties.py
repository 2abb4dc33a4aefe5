"""What holds for any input: client against server, any cutting, any octets."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.address import NULL_PATH, Address
from samotop.envelope import Body, MailParameters, Notify, Recipient, Ret
from samotop.errors import PeerError
from samotop.reply import Reply
from samotop.smtp import Chunk, ContentEnd, Mail, Pause, Rcpt, Rules, ServerConnection
from samotop.smtp.client import format_mail, format_rcpt, take_reply
from samotop.smtp.framing import format_data
from samotop.smtp.paths import parse_mailbox, take_path
from samotop.smtp.xtext import format_xtext, parse_xtext
from samotop.status import EnhancedStatus
from tests.dialogs.player import Session, play
from tests.dialogs.script import Client, Dialog

EXTENSIONS = frozenset(("SIZE", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8", "DSN", "REQUIRETLS", "AUTH"))
LONG = Rules(command_line=20_000, path=5_000, local_part=2_000, size=1 << 62)

ascii_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
utf8_text = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=20)
labels = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,10}[a-zA-Z0-9])?", fullmatch=True)
domains = st.lists(labels, min_size=1, max_size=4).map(".".join) | st.ip_addresses().map(
    lambda ip: f"[{ip}]" if ip.version == 4 else f"[IPv6:{ip}]"
)
addresses = st.builds(Address, ascii_text, domains)
utf8_addresses = st.builds(Address, utf8_text, domains | st.sampled_from(["münchen.example", "भारत.example"]))
printable = ascii_text.filter(str.isprintable).filter(bool)
parameters = st.builds(
    MailParameters,
    size=st.integers(0, 10**18),
    body=st.sampled_from(Body),
    is_utf8=st.just(True),
    ret=st.none() | st.sampled_from(Ret),
    envelope_id=st.none() | printable,
    requires_tls=st.booleans(),
    submitter=st.none() | printable.filter(lambda text: text != "<>"),
)
recipients = st.builds(
    Recipient,
    utf8_addresses,
    st.none() | st.integers(0, 7).map(Notify),
    st.none()
    | st.builds("{};{}".format, st.sampled_from(["rfc822", "x-other"]), printable)
    | utf8_text.filter(lambda text: text.isprintable()).map("utf-8;{}".format),
)
lines = st.lists(st.binary(max_size=8).map(lambda line: re.sub(rb"[\r\n]", b".", line)), max_size=12)
contents = lines.map(lambda found: b"".join(line + b"\r\n" for line in found))
cuts = st.lists(st.integers(0, 200), max_size=20)
HELLO = b"EHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\n"


def in_transaction() -> ServerConnection:
    engine = ServerConnection("mx", LONG, is_encrypted=True, mechanisms=lambda _: ["PLAIN"])
    engine.send(Reply.of(220, None, "mx"))
    engine.receive_data(b"EHLO x\r\n")
    engine.next_event()
    engine.send(engine.hello_reply())
    return engine


@given(addresses | st.just(NULL_PATH) | utf8_addresses, parameters)
def test_the_server_reads_mail_as_the_client_means_it(path: Address, wishes: MailParameters) -> None:
    engine = in_transaction()
    engine.receive_data(format_mail(path, wishes, EXTENSIONS))
    event = engine.next_event()
    assert isinstance(event, Mail), engine.data_to_send()
    assert event.reverse_path == path
    assert event.parameters == wishes


@given(recipients, st.booleans())
def test_the_server_reads_rcpt_as_the_client_means_it(recipient: Recipient, is_utf8: bool) -> None:
    """Whether the original recipient is written in letters or in ASCII (RFC 6533 §3)."""
    engine = in_transaction()
    engine.receive_data(b"MAIL FROM:<> SMTPUTF8\r\n")
    engine.next_event()
    engine.send(Reply.of(250, "2.1.0", "Ok"))
    engine.receive_data(format_rcpt(recipient, EXTENSIONS, is_utf8=is_utf8))
    event = engine.next_event()
    assert isinstance(event, Rcpt), engine.data_to_send()
    assert event.recipient == recipient


@given(utf8_addresses)
def test_an_address_is_read_as_it_is_written(address: Address) -> None:
    """Quoted where the grammar needs it, and nothing is lost on the way."""
    octets = f"<{address}>".encode()
    assert take_path(octets + b" SIZE=1", allows_utf8=True, local_limit=254) == (address, b" SIZE=1")
    assert parse_mailbox(str(address).encode()) == address


@given(st.binary())
def test_xtext_carries_any_octets(octets: bytes) -> None:
    written = format_xtext(octets)
    assert re.fullmatch(rb"[!-~]*", written)
    assert parse_xtext(written) == octets


@given(
    st.sampled_from([211, 220, 250, 354, 421, 450, 500, 550, 599]),
    st.none() | st.tuples(st.integers(0, 999), st.integers(0, 999)),
    st.lists(ascii_text.map(str.strip), min_size=1, max_size=5),
)
def test_the_client_reads_replies_as_the_server_means_them(
    code: int, detail: tuple[int, int] | None, texts: list[str]
) -> None:
    status = EnhancedStatus(code // 100, *detail) if detail is not None and code // 100 != 3 else None
    reply = Reply(code, status, tuple("text " + text for text in texts))
    buffer = bytearray(reply.wire + b"250 ")
    assert take_reply(buffer) == reply
    assert buffer == b"250 "


@given(st.integers(200, 599), st.lists(st.text(max_size=600), min_size=1, max_size=120))
def test_any_reply_is_one_reply_on_the_wire(code: int, texts: list[str]) -> None:
    """No text can begin another reply, whoever it comes from."""
    reply = Reply(code, None, tuple(texts))
    buffer = bytearray(reply.wire)
    read = take_reply(buffer)
    assert read is not None
    assert read.code == code
    assert not buffer
    assert all(len(line) <= 512 - 2 and line.isascii() for line in reply.wire.split(b"\r\n"))


@given(contents, cuts)
def test_any_content_survives_data_under_any_cutting(content: bytes, places: list[int]) -> None:
    wire = HELLO + b"DATA\r\n" + format_data(content) + b"QUIT\r\n"
    played = play(Dialog(steps=(Client(wire),)), places)
    assert played.contents == (content,)
    assert played.octets.endswith(b"221 2.0.0 Bye\r\n")


@given(contents, st.lists(st.integers(0, 100), max_size=5), cuts)
def test_any_content_survives_bdat_under_any_cutting(content: bytes, ends: list[int], places: list[int]) -> None:
    bounds = [0, *sorted(min(end, len(content)) for end in ends), len(content)]
    chunks = [content[start:end] for start, end in pairwise(bounds)]
    wire = HELLO + b"".join(b"BDAT %d\r\n" % len(chunk) + chunk for chunk in chunks) + b"BDAT 0 LAST\r\n"
    assert play(Dialog(steps=(Client(wire),)), places).contents == (content,)


@given(st.binary(max_size=200), cuts)
def test_any_octets_survive_binary_under_any_cutting(content: bytes, places: list[int]) -> None:
    wire = HELLO.replace(b"net>", b"net> BODY=BINARYMIME") + b"BDAT %d LAST\r\n" % len(content) + content
    assert play(Dialog(steps=(Client(wire),)), places).contents == (content,)


SMALL = (("command_line", 64), ("size", 200), ("header", 100), ("text_line", 80), ("errors", 5), ("auth_line", 100))


@given(st.binary(max_size=600), st.integers(1, 200), st.booleans())
def test_what_waits_in_memory_is_bounded(octets: bytes, length: int, has_data: bool) -> None:
    """The engine keeps no more than a limit and what one read brought, wherever it waits for more."""
    session = Session(Dialog(rules=SMALL, mechanisms=("PLAIN",), allows_plaintext_login=True))
    session.feed(HELLO + (b"DATA\r\n" if has_data else b"RSET\r\nAUTH PLAIN\r\n"))
    for start in range(0, len(octets), length):
        session.feed(octets[start : start + length])
        assert session.engine.buffered <= max(100, 64)


@pytest.mark.parametrize("endless", [b"x", b"AUTH ", b"a: b\r\n", b".", b"\r\n", b"\x00", b"BDAT 9"], ids=repr)
def test_nothing_endless_fills_the_memory(endless: bytes) -> None:
    """Lines, headers, dots and empty lines without end, in every phase that reads them."""
    for before in (b"", b"EHLO x\r\nAUTH PLAIN\r\n", HELLO + b"DATA\r\n", HELLO + b"BDAT 99999999\r\n"):
        session = Session(
            Dialog(mechanisms=("PLAIN",), allows_plaintext_login=True, rules=(("size", 300_000), ("header", 100_000)))
        )
        session.feed(before)
        events = len(session.events)
        for _ in range(100):
            session.feed(endless * 8192)
            assert session.engine.buffered <= session.engine.rules.auth_line
        assert len(session.events) <= events + 8


@given(st.binary(max_size=100))
def test_parsers_raise_nothing_but_peer_errors(octets: bytes) -> None:
    for parse in (
        lambda: take_path(octets, allows_utf8=True, local_limit=64),
        lambda: parse_mailbox(octets),
        lambda: parse_xtext(octets, allows_utf8=True),
        lambda: take_reply(bytearray(octets)),
    ):
        with suppress(PeerError):
            parse()


@given(
    st.lists(
        st.sampled_from(
            [
                b"EHLO x\r\n",
                b"MAIL FROM:<>\r\n",
                b"RCPT TO:<b@c>\r\n",
                b"DATA\r\n",
                b"x\r\n.\r\n",
                b"BDAT 3\r\nabc",
                b"BDAT 0 LAST\r\n",
                b"RSET\r\n",
                b"STARTTLS\r\n",
                b"AUTH PLAIN\r\n",
                b"*\r\n",
                b"NOOP\r\n",
                b"QUIT\r\n",
            ]
        ),
        max_size=30,
    )
)
def test_commands_in_any_order_keep_the_state_whole(commands: list[bytes]) -> None:
    """Whatever order they come in, the caller never sees content outside a transaction with recipients."""
    session = Session(Dialog(mechanisms=("PLAIN",), allows_plaintext_login=True, tls="starttls"))
    for command in commands:
        session.feed(command)
        session.handshake()
    open_recipients = 0
    for event in session.events:
        match event:
            case Mail():
                open_recipients = 0
            case Rcpt():
                open_recipients += 1
            case Chunk() | ContentEnd():
                assert open_recipients
            case _:
                pass
    assert isinstance(session.engine.next_event(), Pause)
