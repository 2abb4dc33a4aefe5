"""What a program says to `Server`: mistakes are told when it is made, and those of its callables to the program."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from samotop import Server
from samotop.errors import SetupError
from samotop.facts import RecipientFacts
from tests.fakes.queue import FakeLog


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"content": 5}, "content is no callable"),
        ({"recipient": "example.org"}, "recipient is no callable"),
        ({"verbs": {"XTIME": "now"}}, "the verb XTIME has no callable"),
        ({"protocol": "imap"}, 'there is no protocol "imap"'),
        ({"tls_mode": "always"}, 'there is no tls_mode "always"'),
        ({"log": print}, "log has no debug"),
        ({"log": object()}, "log has no debug"),
    ],
    ids=["content", "recipient", "verb", "protocol", "tls_mode", "function", "object"],
)
def test_a_server_that_could_not_work_is_refused_when_it_is_made(settings: dict[str, Any], said: str) -> None:
    """And not by the first message, which finds nobody looking."""
    with pytest.raises(SetupError, match=said) as found:
        Server(**settings)
    assert found.value.remedy


async def ask(server: Server, times: int = 1) -> list[bytes]:
    """The replies to RCPT."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    replies = []
    for line in (b"", b"HELO client.test", b"MAIL FROM:<a@client.test>", *[b"RCPT TO:<secret@example.org>"] * times):
        if line:
            writer.write(line + b"\r\n")
        replies.append(await asyncio.wait_for(reader.readline(), 20))
    writer.close()
    return replies[3:]


def mistaken(facts: RecipientFacts) -> None:
    raise KeyError(str(facts.recipient.address))


async def test_a_mistake_in_a_callable_is_told_once_and_without_the_message(caplog: pytest.LogCaptureFixture) -> None:
    """By default, as its author would else look at a 451 alone. An exception's text may quote anything."""
    async with Server(recipient=mistaken, listen="127.0.0.1:0", hostname="mx.example.org") as server:
        replies = await ask(server, 2)
    assert [reply[:3] for reply in replies] == [b"451", b"451"]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("samotop", logging.ERROR)
    assert "in mistaken" in record.getMessage() and "raise KeyError(str(facts" in record.getMessage()
    assert record.getMessage().endswith("KeyError")
    assert "secret" not in record.getMessage()


async def test_a_logger_of_the_programs_own_will_do(caplog: pytest.LogCaptureFixture) -> None:
    """It is what everybody has; its methods take no fields, which the session would have met."""
    log: Any = logging.getLogger("mine")
    async with Server(recipient=mistaken, listen="127.0.0.1:0", hostname="mx.example.org", log=log) as server:
        await ask(server)
    assert [record.name for record in caplog.records] == ["mine"]


async def test_who_has_a_log_gets_the_exception_itself(caplog: pytest.LogCaptureFixture) -> None:
    log = FakeLog()
    async with Server(recipient=mistaken, listen="127.0.0.1:0", hostname="mx.example.org", log=log) as server:
        await ask(server)
    assert [fields["error"].args for event, fields in log.told if event == "decider_failed"] == [
        ("secret@example.org",)
    ]
    assert not caplog.records
