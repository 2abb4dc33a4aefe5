"""The log: what is written, and above all what cannot be."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import re
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.net.endpoint import parse_endpoint
from samotop.observe.log import FIELDS, TOKEN_LIMIT, Level, Log, Style, open_log, parse_level, watch_loop


class StillClock:
    def time(self) -> float:
        return 1_800_000_000.25

    def monotonic(self) -> float:
        return 0.0


def make(style: Style | None = Style.JSON, level: Level = Level.DEBUG) -> tuple[Log, io.BytesIO]:
    stream = io.BytesIO()
    return open_log(stream, StillClock(), level=level, style=style), stream


def lines(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_time_level_event_and_fields() -> None:
    """In this order, so that people can read it too."""
    log, stream = make()
    log.info("session_closed", octets=1200, listener="smtp", status="2.0.0", tls="TLSv1.3", seconds=0.5, id=None)
    expected = (
        b'{"time":"2027-01-15T08:00:00.250Z","level":"info","event":"session_closed","octets":1200,'
        b'"listener":"smtp","status":"2.0.0","tls":"TLSv1.3","seconds":0.5,"id":null}\n'
    )
    assert stream.getvalue() == expected
    assert log.dropped == 0


def test_a_field_without_a_name_in_the_list_is_dropped_and_counted() -> None:
    """There is no name for an address, a subject or a content; so there is no place for one."""
    log, stream = make()
    log.info("mail_refused", sender="alice", recipient="bob", subject="hello", address="x", level="x", time=1, code=550)
    assert lines(stream) == [
        {"time": "2027-01-15T08:00:00.250Z", "level": "info", "event": "mail_refused", "code": 550}
    ]
    assert log.dropped == 6
    assert not FIELDS & {
        "address",
        "ip",
        "peer",
        "sender",
        "recipient",
        "subject",
        "content",
        "reason",
        "text",
        "login",
    }


@pytest.mark.parametrize(
    "value",
    [
        "alice@example.org",
        "192.0.2.1",
        "smtp:192.0.2.1:25",
        "2001:db8::1",
        "::1",
        "[::1]",
        "example.org",
        "mx.example.org",
        "two words",
        "a\nb",
        "",
        "x" * (TOKEN_LIMIT + 1),
        "ünï",
        b"octets",
        ["list"],
        {"a": 1},
        object(),
        parse_endpoint("127.0.0.1:25"),
    ],
)
def test_a_value_that_is_no_token_is_dropped_even_under_an_allowed_name(value: object) -> None:
    """By mistake somebody logs ``check=str(peer)``: nothing of it is written."""
    log, stream = make()
    log.error("session_closed", check=value)
    log.bind(check=value).error("session_closed")
    assert all("check" not in line for line in lines(stream))
    assert log.dropped == 2


@given(st.from_regex(r"[a-z0-9.+-]{1,20}@[a-z0-9.-]{1,20}") | st.ip_addresses().map(str))
def test_no_address_is_ever_written(text: str) -> None:
    """Neither of mail nor of IP, as event, as field or as the text of an exception."""
    log, stream = make()
    log.info(text, check=text, error=ValueError(text))
    assert text.encode() not in stream.getvalue()


def test_an_event_without_a_proper_name_is_told_as_such() -> None:
    """A sentence with an address in it would be one."""
    log, stream = make()
    log.info("mail from alice@example.org")
    assert lines(stream)[0]["event"] == "unnamed_event"
    assert log.dropped == 1


def test_an_enums_value_is_its_word() -> None:
    """Actions and states are enums with tokens as values."""

    class Action(Enum):
        DEFER = "defer"

    log, stream = make()
    log.info("decided", action=Action.DEFER)
    assert lines(stream)[0]["action"] == "defer"


def test_bound_fields_come_with_each_line_and_are_checked_too() -> None:
    """The count is one for the whole family."""
    log, stream = make()
    child = log.bind(session=7, peer="192.0.2.1").bind(listener="smtp")
    child.info("opened")
    log.info("other")
    assert [(line.get("session"), line.get("listener")) for line in lines(stream)] == [(7, "smtp"), (None, None)]
    assert (log.dropped, child.dropped) == (1, 1)


def test_an_exception_is_told_by_kind_and_our_own_lines_never_by_its_text() -> None:
    """Its text may quote the peer; where in our code it happened is what helps."""
    log, stream = make()
    try:
        try:
            parse_endpoint("alice@example.org")
        except Exception as error:
            raise OSError(errno.ENOSPC, "secret text", "/home/alice") from error
    except OSError as error:
        log.error("failed", error=error)
        cause = error.__cause__
    line = lines(stream)[0]
    assert (line["error_kind"], line["caused_by"], line["errno"]) == ("OSError", ["SetupError"], "ENOSPC")
    assert b"alice" not in stream.getvalue()
    assert b"secret" not in stream.getvalue()
    assert "at" not in line, "this exception itself passed none of our lines"
    log.error("failed", error=cause)
    assert re.fullmatch(r"net/endpoint\.py:\d+", lines(stream)[1]["at"][-1])


@pytest.mark.parametrize("level", list(Level))
def test_what_is_below_the_level_is_not_written(level: Level) -> None:
    """And costs nearly nothing: no field is even looked at."""
    log, stream = make(level=level)
    for write in (log.debug, log.info, log.warning, log.error):
        write("event", bad="x")
    written = [line["level"] for line in lines(stream)]
    names = ["debug", "info", "warning", "error"]
    assert written == [name for name in names if Level[name.upper()] >= level]
    assert log.dropped == len(written)


def test_levels_are_read_by_their_names() -> None:
    """As the command line takes them."""
    assert parse_level("warning") is Level.WARNING
    with pytest.raises(ValueError, match="not a level"):
        parse_level("loud")


def test_people_get_columns() -> None:
    """Where the output is a terminal, or when it is asked for."""
    log, stream = make(Style.COLUMNS)
    log.warning("session_closed", code=421, listener="smtp")
    assert stream.getvalue() == b"08:00:00.250 warning session_closed         code=421 listener=smtp\n"


def test_a_terminal_is_told_from_a_file() -> None:
    """So that nobody has to configure it."""

    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    open_log(terminal, StillClock()).info("ready")
    assert not terminal.getvalue().startswith(b"{")
    log, stream = make(style=None)
    log.info("ready")
    assert stream.getvalue().startswith(b"{")


def test_a_full_disk_does_not_stop_the_server() -> None:
    """The line is lost and counted, and the next one is tried again."""

    class Full(io.BytesIO):
        is_full = True

        def write(self, octets: Any) -> int:
            if self.is_full:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(octets)

    stream = Full()
    log = open_log(stream, StillClock())
    log.info("one")
    stream.is_full = False
    log.info("two")
    assert [line["event"] for line in lines(stream)] == ["two"]
    assert log.lost == 1
    stream.close()
    log.info("three")
    assert log.lost == 2


def test_the_loops_own_faults_are_told_without_their_text() -> None:
    """asyncio's way would print the transport, and with it the peer's address."""
    log, stream = make()

    async def fail() -> None:
        loop = asyncio.get_running_loop()
        watch_loop(loop, log)
        loop.call_exception_handler({"message": "192.0.2.1", "exception": KeyError("alice"), "transport": "192.0.2.1"})
        loop.call_exception_handler({"message": "192.0.2.1"})

    asyncio.run(fail())
    assert [(line["event"], line.get("error_kind")) for line in lines(stream)] == [
        ("loop_fault", "KeyError"),
        ("loop_fault", None),
    ]
    assert b"192" not in stream.getvalue()
