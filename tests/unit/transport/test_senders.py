"""The transports that send without SMTP: local ones, a program, the recording one."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from samotop import Envelope, Message, Recipient
from samotop.address import NULL_PATH, Address
from samotop.content import Content
from samotop.envelope import MailParameters, Notify, Ret
from samotop.errors import SamotopError, SetupError
from samotop.ports.transport import Handover
from samotop.ports.transport import Outcome as HandoverOutcome
from samotop.transport import (
    Directory,
    LocalSender,
    Maildir,
    Mbox,
    RecordingTransport,
    SendmailTransport,
    SmtpTransport,
    Transport,
    open_sender,
)
from samotop.transport.outcomes import DELIVERED
from samotop.transport.program import plan_arguments
from samotop.transport.sending import NotAccepted

LETTER = b"Subject: x\r\n\r\nHello\r\n"


def to(*names: str, parameters: MailParameters = MailParameters(), notify: Notify | None = None) -> Envelope:
    people = tuple(Recipient(Address(name, "example.net"), notify) for name in names)
    return Envelope(Address("a", "example.org"), people, parameters)


# -- local ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusals", "is_transient", "status"),
    [({"b": "4.2.2"}, True, "4.2.2"), ({"b": "5.1.1"}, False, "5.1.1"), ({"b": "4.2.2", "c": "5.1.1"}, True, "5.1.1")],
)
async def test_one_exception_says_whether_to_try_again(
    refusals: dict[str, str], is_transient: bool, status: str
) -> None:
    """Whatever transport, whatever went wrong: one family, and the outcome with it."""
    transport: Transport = RecordingTransport(refuse=lambda recipient: refusals.get(recipient.partition("@")[0]))
    outcome = await transport.send(to("b", "c"), LETTER)
    with pytest.raises(SamotopError) as caught:
        outcome.check()
    error = caught.value
    assert isinstance(error, NotAccepted) and error.outcome is outcome
    assert (error.is_transient, error.is_permanent, str(error.status), error.code) == (
        is_transient,
        not is_transient,
        status,
        0,
    )
    assert "example" not in str(error)


async def test_directory_gets_message_and_envelope(tmp_path: Path) -> None:
    async with LocalSender(Directory(tmp_path, hostname="here.test")) as transport:
        outcome = await transport.send(to("b", "c"), LETTER)
    assert outcome.is_accepted and len(outcome.recipients) == 2
    name = outcome.recipients[0].queue_id
    told = json.loads((tmp_path / f"{name}.json").read_text())
    assert told["recipients"] == ["b@example.net", "c@example.net"]
    text = (tmp_path / f"{name}.eml").read_bytes()
    assert text.startswith(b"Return-Path: <a@example.org>\n") and text.endswith(b"\nSubject: x\n\nHello\n")
    assert b"by here.test id " in text


async def test_maildir_and_mbox_have_one_copy_each(tmp_path: Path) -> None:
    message = Message.build(author="a@example.org", to=["b@example.net", "c@example.net"], subject="x", text="Hi")
    async with LocalSender(Maildir(tmp_path / "box")) as transport:
        (await transport.send(message)).check()
    assert len(list((tmp_path / "box" / "new").iterdir())) == 1
    async with LocalSender(Mbox(tmp_path / "mbox")) as transport:
        (await transport.send(message)).check()
    assert (tmp_path / "mbox").read_bytes().startswith(b"From a@example.org ")


async def test_what_is_sent_together_waits_for_the_disk_together() -> None:
    batches: list[int] = []

    class Local:
        def hand_on(self, handovers: Sequence[Handover]) -> list[HandoverOutcome]:
            batches.append(len(handovers))
            return [DELIVERED] * len(handovers)

    async with LocalSender(Local()) as transport:
        await asyncio.gather(*[transport.send(to("b"), LETTER) for _ in range(20)])
    assert sum(batches) == 20 and len(batches) < 5


async def test_a_failing_disk_is_an_outcome_and_a_bug_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    async with LocalSender(Directory(tmp_path / "file")) as transport:
        assert (await transport.send(to("b"), LETTER)).deferred

    class Broken:
        def hand_on(self, handovers: Sequence[Handover]) -> list[HandoverOutcome]:
            raise KeyError("a bug")

    async with LocalSender(Broken()) as transport:
        with pytest.raises(KeyError):
            await transport.send(to("b"), LETTER)


# -- a program --------------------------------------------------------------------------------------

Program = Callable[[str], Path]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program of these lines of Python, that has its arguments as ``words``."""

    def make(body: str) -> Path:
        path = tmp_path / "program"
        head = f"#!{sys.executable}\nimport sys, time, pathlib\nwords = sys.argv[1:]\n"
        path.write_text(head + textwrap.dedent(body))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return make


async def test_a_program_gets_arguments_and_lines(program: Program, tmp_path: Path) -> None:
    """LF line ends, and a recipient that looks like an option behind two hyphens."""
    path = program(f"pathlib.Path({str(tmp_path / 'got')!r}).write_text(repr((words, sys.stdin.read())))")
    async with SendmailTransport([str(path)]) as transport:
        outcome = await transport.send(to("-bs", "c"), LETTER)
    assert outcome.is_accepted
    words = ["-i", "-f", "a@example.org", "--", "-bs@example.net", "c@example.net"]
    assert (tmp_path / "got").read_text() == repr((words, "Subject: x\n\nHello\n"))


@pytest.mark.parametrize(
    ("code", "status"), [(67, "5.1.1"), (75, "4.3.0"), (1, "4.3.0"), (77, "5.7.1"), (64, "5.5.4"), (69, "5.3.0")]
)
async def test_an_exit_status_is_the_outcome(program: Program, code: int, status: str) -> None:
    path = program(f"sys.stderr.write('no\\x1b such\\nmore'); sys.exit({code})")
    async with SendmailTransport([str(path)]) as transport:
        outcome = await transport.send(to("b"), LETTER * 100_000)
    assert [(str(one.status), one.text) for one in outcome.recipients] == [(status, "no? such")]


async def test_a_program_that_hangs_is_ended(program: Program) -> None:
    path = program("time.sleep(60)")
    async with SendmailTransport([str(path)], timeout=0.5) as transport:
        outcome = await transport.send(to("b"), LETTER)
    assert outcome.recipients[0].text == "the program took too long"


async def test_a_missing_program_is_an_outcome(tmp_path: Path) -> None:
    async with SendmailTransport([str(tmp_path / "none")]) as transport:
        assert (await transport.send(to("b"), LETTER)).deferred


async def test_words_without_end_on_standard_error_are_no_trouble(program: Program) -> None:
    path = program("sys.stdin.read()\nfor _ in range(500): sys.stderr.write('x' * 10000)\nsys.exit(67)")
    async with SendmailTransport([str(path)]) as transport:
        outcome = await transport.send(to("b"), LETTER)
    assert len(outcome.recipients[0].text) == 2000


def test_wishes_become_options() -> None:
    parameters = MailParameters(ret=Ret.HEADERS, envelope_id="x1")
    words = plan_arguments(["s"], to("b", parameters=parameters, notify=Notify.FAILURE | Notify.SUCCESS))
    assert words == [
        "s",
        "-i",
        "-f",
        "a@example.org",
        "-R",
        "hdrs",
        "-V",
        "x1",
        "-N",
        "failure,success",
        "--",
        "b@example.net",
    ]
    assert plan_arguments(["s"], to("b", notify=Notify.NEVER))[4:6] == ["-N", "never"]
    assert plan_arguments(["s"], Envelope(NULL_PATH, to("b").recipients))[:4] == ["s", "-i", "-f", "<>"]


# -- the rest ---------------------------------------------------------------------------------------


async def test_recording_keeps_and_refuses() -> None:
    transport = RecordingTransport(lambda address: "5.1.1" if address.startswith("nobody@") else None)
    outcome = await transport.send(to("b", "nobody"), Content.from_bytes(LETTER))
    assert [one.is_accepted for one in outcome.recipients] == [True, False]
    (mail,) = transport.sent
    assert (mail.reverse_path, mail.recipients, mail.content) == ("a@example.org", ["b@example.net"], LETTER)
    assert not (await transport.send(to("nobody"), LETTER)).accepted
    assert len(transport.sent) == 1


def test_a_text_names_any_of_them(tmp_path: Path) -> None:
    assert isinstance(open_sender("smtps://a:b@c.example"), SmtpTransport)
    assert isinstance(open_sender("sendmail:"), SendmailTransport)
    assert isinstance(open_sender(f"maildir:{tmp_path}"), LocalSender)
    with pytest.raises(SetupError):
        open_sender("gopher://x")
