"""Fuzz target: a message built from whatever a program may have been given by strangers.

Invariant. For any text in any argument, either a ``ValueError`` is raised or
the message

* has exactly the fields that were asked for, each once, and no other: nothing
  that was put in begins a field or a part;
* has lines of at most 998 octets, with CRLF and nothing else at their ends;
* says the same again when it is read: subject, names, addresses, texts, files;
* does not name those who are in Bcc.

    python tests/fuzz/fuzz_message_build.py -max_total_time=60
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from samotop.address import Address
from samotop.message import Attachment, Mailbox, Message

AT = datetime(2024, 5, 6, tzinfo=UTC)
FIELDS = ["Date", "From", "To", "Cc", "Subject", "Message-ID", "X-Given", "MIME-Version", "Content-Type"]
HIDDEN = "hidden-from-everybody"


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    flags = octets[0] if octets else 0
    first, second, *_ = [*octets[1:].decode("utf-8", "surrogateescape").split("|"), "x", "y"]
    if flags & 1:
        first, second = second, first
    try:
        message = build(first, second, flags)
    except ValueError:
        return
    check_octets(message)
    check_reading(message, first, second)
    check_identifiers(first)


def build(first: str, second: str, flags: int) -> Message:
    return Message.build(
        author=Mailbox(first, Address("a", "example.org")),
        to=[Mailbox(second, Address("b", "example.net")), Mailbox("", Address(first, "example.net"))],
        cc=first + " <c@example.net>" if flags & 2 else "c@example.net",
        bcc=f"{HIDDEN}@example.net",
        subject=first,
        text=second,
        html=first,
        attachments=[Attachment(second.encode("utf-8", "replace"), first, content_id=second if flags & 4 else "")],
        headers={"X-Given": second},
        allow_8bit=bool(flags & 8),
        smtputf8=bool(flags & 16),
        date=AT,
        message_id="1@example.org",
    )


def check_octets(message: Message) -> None:
    octets = message.to_bytes()
    assert octets.count(b"\r") == octets.count(b"\n") == octets.count(b"\r\n")
    assert b"\0" not in octets
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    assert [field.name.decode() for field in message.header] == FIELDS
    assert HIDDEN.encode() not in octets
    assert message.content.size == len(octets)
    assert message.needs_smtputf8 or message.content.header.isascii()


def check_reading(message: Message, first: str, second: str) -> None:
    read = Message.parse(message.to_bytes())
    shape = [part.media_type for part in read.walk()]
    assert shape[:4] == ["multipart/mixed", "multipart/alternative", "text/plain", "text/html"]
    assert len(shape) == 5
    assert (read.subject, read.get("x-given")) == (first, second)
    assert [one.display_name for one in read.authors] == [" ".join(first.split())]
    assert read.authors[0].address == Address("a", "example.org")
    assert [one.address for one in read.to] == [Address("b", "example.net"), Address(first, "example.net")]
    assert read.cc[-1].address == Address("c", "example.net")  # what is before it may be addresses, too
    assert (read.text, read.html) == (as_lines(second), as_lines(first))
    assert list(read.walk())[4].decoded() == second.encode("utf-8", "replace")


def as_lines(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") else text + "\n"


def check_identifiers(text: str) -> None:
    try:
        message = Message.build(author="a@example.org", date=AT, message_id=text, references=text)
    except ValueError:
        return
    identifier = text if text.startswith("<") else f"<{text}>"
    assert message.message_id == identifier
    assert message.references == (identifier,)


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
