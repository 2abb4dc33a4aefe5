"""The blocking transports: the same outcomes, from any thread, with no loop of the caller's."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from samotop import Message, blocking
from samotop.errors import SetupError
from samotop.smtp.client import Stage
from samotop.testing import MailCatcher
from samotop.transport.smtp.view import ServerView


def letter(number: int = 0) -> Message:
    return Message.build(author="a@example.org", to=[f"b{number}@example.net"], subject="Hi", text="Hello")


def test_it_sends(mail_catcher: MailCatcher) -> None:
    with blocking.SmtpTransport(f"smtp://127.0.0.1:{mail_catcher.port}") as transport:
        assert transport.send(letter()).is_accepted
        transport.send(letter().envelope, letter().content).check()
    assert [mail.recipients for mail in mail_catcher.mails] == [["b0@example.net"]] * 2


def test_many_threads_share_one_transport(mail_catcher: MailCatcher) -> None:
    with blocking.SmtpTransport.from_url(f"smtp://127.0.0.1:{mail_catcher.port}") as transport:
        with ThreadPoolExecutor(8) as threads:
            outcomes = list(threads.map(transport.send, [letter(number) for number in range(30)]))
    assert all(outcome.is_accepted for outcome in outcomes)
    assert len(mail_catcher.mails) == 30


def test_its_thread_ends_with_it(mail_catcher: MailCatcher) -> None:
    before = threading.active_count()
    with blocking.SmtpTransport(f"smtp://127.0.0.1:{mail_catcher.port}") as transport:
        transport.send(letter())
        assert threading.active_count() > before
    assert threading.active_count() == before


def test_a_failure_is_an_outcome_here_too(tmp_path: Path) -> None:
    with blocking.SmtpTransport(f"smtp:{tmp_path}/none.sock") as transport:
        outcome = transport.send(letter())
    assert [(str(one.status), one.stage) for one in outcome.deferred] == [("4.4.1", Stage.GREETING)]


def test_a_server_can_be_looked_at_first(mail_catcher: MailCatcher, tmp_path: Path) -> None:
    with blocking.SmtpTransport(f"smtp://127.0.0.1:{mail_catcher.port}") as transport:
        assert transport.check() is None
        view = transport.examine()
        assert isinstance(view, ServerView) and view.capabilities.can_pipeline
    with blocking.SmtpTransport(f"smtp:{tmp_path}/none.sock") as transport:
        assert transport.check() is not None


async def test_it_does_not_block_a_running_loop(tmp_path: Path) -> None:
    transport = blocking.SmtpTransport(f"smtp:{tmp_path}/none.sock")
    with pytest.raises(RuntimeError, match="running event loop"):
        transport.send(letter())


def test_other_transports_block_as_well(tmp_path: Path) -> None:
    with blocking.open_sender(f"directory:{tmp_path}/out") as transport:
        transport.send(letter()).check()
    assert len(list((tmp_path / "out").glob("*.eml"))) == 1


def test_a_catcher_that_cannot_start_says_so() -> None:
    """And does not wait for ever."""
    with pytest.raises(SetupError, match="protocol"), MailCatcher(protocol="imap"):
        pass
