"""Round trips between our messages and those of Python's ``email``, which is read by many and written by others.

What we write, ``email`` must read as it was meant, and the other way round;
white space above all: it is what other libraries get wrong most often.
"""

from __future__ import annotations

import email
import email.utils
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.headerregistry import Address as TheirAddress
from email.message import EmailMessage

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from samotop.address import Address
from samotop.message import Attachment, Mailbox, Message, Part

pytestmark = pytest.mark.slow  # side by side with another implementation

AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)

# Characters that a field may have, those that matter most often.
letters = st.sampled_from("aZ0 \t.,:;=?_\"\\<>@()[]'éßж漢😀\u00a0\u200d") | st.characters(
    exclude_categories=["Cc", "Cs", "Zl", "Zp"]
)
texts = st.text(letters, max_size=200)
visible = texts.filter(lambda text: text.strip() != "" and text == text.strip())


def build(**arguments: object) -> Message:
    given_arguments = {"author": "a@example.org", "to": "b@example.net", "date": AT, "message_id": "1@example.org"}
    return Message.build(**(given_arguments | arguments))  # type: ignore[arg-type]  # the table of a case


def read(message: Message) -> EmailMessage:
    found = email.message_from_bytes(message.to_bytes(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


@given(texts)
@example("a  b")
@example(" é")
@example("é ")
@example("é  é")
@example("a é  b")
@example("=?utf-8?q?x?=")
@example("x" * 2000)
@example("é" * 500 + " x " + "é" * 500)
@example("\t")
def test_python_reads_our_subject(text: str) -> None:
    """Each character and each space, whatever was encoded and folded."""
    assert read(build(subject=text))["Subject"] == text


@given(texts)
def test_we_read_our_subject(text: str) -> None:
    assert Message.parse(build(subject=text).to_bytes()).subject == text
    assert Message.parse(build(subject=text, smtputf8=True).to_bytes()).subject == text


@given(visible)
def test_we_read_their_subject(text: str) -> None:
    theirs = EmailMessage(policy=policy.SMTP)
    try:
        theirs["Subject"] = text
        octets = theirs.as_bytes()
        again = email.message_from_bytes(octets, policy=policy.default)["Subject"]
    except Exception:
        assume(False)
    assume(again == text)  # where they cannot read it themselves, they wrote it wrong
    assert Message.parse(octets).subject == text


@given(visible, texts)
def test_python_reads_our_display_names(name: str, other: str) -> None:
    message = build(to=[Mailbox(name, Address("x", "example.org")), Mailbox(other, Address("y", "example.org"))])
    ours = Message.parse(message.to_bytes()).to
    assert [one.address for one in ours] == [Address("x", "example.org"), Address("y", "example.org")]
    assert [one.display_name for one in ours] == [" ".join(name.split()), " ".join(other.split())]
    theirs = read(message)["To"].addresses
    assert [one.addr_spec for one in theirs] == ["x@example.org", "y@example.org"]
    for one, wanted in zip(theirs, (name, other), strict=True):
        if len(wanted.encode()) <= 20:
            assert one.display_name.split() == wanted.split()
        else:  # Python 3.11 keeps the space between two encoded words of a phrase, against RFC 2047 §6.2
            assert "".join(one.display_name.split()) == "".join(wanted.split())


@given(visible.filter(lambda name: "=?" not in name))
def test_we_read_their_display_names(name: str) -> None:
    theirs = EmailMessage(policy=policy.SMTP)
    try:
        theirs["To"] = [TheirAddress(name, "x", "example.org"), TheirAddress("", "y", "example.org")]
        octets = theirs.as_bytes()
        again = email.message_from_bytes(octets, policy=policy.default)["To"].addresses
    except Exception:
        assume(False)
    assume([one.display_name for one in again] == [name, ""])
    (first, second) = Message.parse(octets).to
    assert first.display_name.split() == name.split()
    assert second.address == Address("y", "example.org")


@given(st.text(letters.filter(lambda c: c not in "/\\"), min_size=1, max_size=120), st.binary(max_size=300))
def test_python_reads_our_attachments(name: str, octets: bytes) -> None:
    name = "x" + name.strip() + ".bin"
    message = build(text="see below", attachments=[Attachment(octets, name)])
    (theirs,) = read(message).iter_attachments()
    assert theirs.get_content() == octets
    assert theirs.get_filename() == name
    (ours,) = Message.parse(message.to_bytes()).attachments
    assert ours.decoded() == octets
    assert ours.name == name


@given(st.text(max_size=400), st.booleans())
def test_a_text_comes_back(text: str, allow_8bit: bool) -> None:
    """Line by line; what ended a line is not kept."""
    wanted = text.replace("\r\n", "\n").replace("\r", "\n")
    wanted += "" if wanted.endswith("\n") else "\n"
    message = build(text=text, html=f"<p>{text}", allow_8bit=allow_8bit)
    theirs = read(message)
    plain = theirs.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n") == wanted
    ours = Message.parse(message.to_bytes())
    assert (ours.text, ours.html) == (wanted, f"<p>{wanted}")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=300))
def test_we_read_their_texts(text: str) -> None:
    theirs = EmailMessage(policy=policy.SMTP)
    theirs.set_content(text)
    theirs.add_alternative(f"<p>{text}", subtype="html")
    theirs.add_attachment(text.encode(), maintype="application", subtype="octet-stream", filename="é.bin")
    octets = theirs.as_bytes()
    again = email.message_from_bytes(octets, policy=policy.default)
    assert isinstance(again, EmailMessage)
    plain = again.get_body(("plain",))
    assert plain is not None
    ours = Message.parse(octets)
    assert ours.text == plain.get_content().replace("\r\n", "\n").replace("\r", "\n")
    assert [one.name for one in ours.attachments] == ["é.bin"]
    assert ours.attachments[0].decoded() == text.encode()


@given(
    st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001 - Hypothesis adds the zones
    st.integers(-23 * 60, 23 * 60),
)
def test_a_date_comes_back(at: datetime, minutes: int) -> None:
    at = at.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    message = build(date=at)
    assert email.utils.parsedate_to_datetime(str(read(message)["Date"])) == at
    ours = Message.parse(message.to_bytes()).date
    assert ours is not None
    assert (ours, ours.utcoffset()) == (at, at.utcoffset())


@given(st.lists(st.from_regex(r"[a-z0-9.]{1,60}", fullmatch=True), max_size=30))
def test_references_come_back(lefts: list[str]) -> None:
    ids = list(dict.fromkeys(f"<{left}@example.org>" for left in lefts))
    message = build(references=ids, in_reply_to=ids[-1:])
    assert list(Message.parse(message.to_bytes()).references) == ids
    assert str(read(message)["References"] or "").split() == ids


leaves = st.text(max_size=60).map(Part.text) | st.binary(max_size=60).map(lambda octets: Part.file(octets, name="x"))
trees = st.recursive(
    leaves,
    lambda children: st.builds(
        Part.multipart,
        st.sampled_from(["mixed", "alternative", "related", "x-other"]),
        st.lists(children, min_size=1, max_size=4),
    ),
    max_leaves=12,
)


@settings(max_examples=min(settings().max_examples, 1000) // 2)
@given(trees)
def test_a_tree_of_parts_comes_back(tree: Part) -> None:
    """The same parts in the same order, for both readers."""
    message = build(body=tree)
    ours = [(part.media_type, None if part.is_multipart else part.decoded()) for part in message.walk()]
    theirs = [
        (part.get_content_type(), None if part.is_multipart() else part.get_payload(decode=True))
        for part in read(message).walk()
    ]
    assert ours == theirs
    assert [media_type for media_type, _ in ours] == list(walk(tree))


def walk(part: Part) -> Iterator[str]:
    yield part.media_type
    for child in part.parts:
        yield from walk(child)


@given(st.text(letters.filter(lambda c: c not in "/\\"), min_size=1, max_size=120))
@example("é" * 120)
@example("a  é  b")
def test_pythons_older_reader_reads_our_attachments_names(name: str) -> None:
    """Another parser of RFC 2231 than the one above: ``email`` has two, and programs use both."""
    name = "x" + name.strip() + ".bin"
    message = build(text="see below", attachments=[Attachment(b"x", name)])
    older = email.message_from_bytes(message.to_bytes(), policy=policy.compat32)
    assert [part.get_filename() for part in older.walk()] == [None, None, name]
