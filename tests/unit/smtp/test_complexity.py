"""The worst input for each parser costs time in proportion to its length."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache

import pytest

from samotop.errors import PeerError
from samotop.reply import Reply
from samotop.smtp import Pause, Rules, ServerConnection
from samotop.smtp.client import take_reply
from samotop.smtp.commands import parse_auth, parse_bdat, parse_hello, parse_mail, parse_rcpt
from samotop.smtp.framing import ChunkReader, DataReader
from samotop.smtp.lines import skip_line, take_line
from samotop.smtp.measure import Measure
from samotop.smtp.parameters import parse_mail_parameters, parse_recipient_parameters
from samotop.smtp.paths import parse_mailbox, take_path
from samotop.smtp.xtext import format_xtext, parse_base64, parse_xtext
from tests.fakes.effort import check_linear

pytestmark = pytest.mark.slow  # measures

ALL = frozenset(("SIZE", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8", "DSN", "REQUIRETLS", "AUTH"))
ROOMY = Rules(path=1 << 30, local_part=1 << 30)

PATHS: dict[str, Callable[[int], bytes]] = {
    "dots": lambda n: b"<" + b"a." * n,
    "dots and no domain": lambda n: b"<" + b"a." * n + b"a>",
    "atoms": lambda n: b"<" + b"a" * n,
    "backslashes": lambda n: b'<"' + b"\\\\" * n,
    "backslashes and quotes": lambda n: b'<"' + b'\\"' * n + b'"',
    "a quoted string without end": lambda n: b'<"' + b" " * n,
    "labels": lambda n: b"<a@" + b"a." * n + b"a",
    "hyphens": lambda n: b"<a@a" + b"-" * n + b">",
    "labels of hyphens": lambda n: b"<a@" + (b"a" + b"-" * 61 + b"a.") * (n // 64) + b"!>",
    "labels that are just too long": lambda n: b"<a@" + (b"a" * 63 + b".") * (n // 64) + b"-",
    "a route": lambda n: b"<" + b"@a," * n + b":a@b>",
    "a route of colons": lambda n: b"<@a" + b":" * n,
    "a literal": lambda n: b"<a@[IPv6:" + b":" * n + b"]>",
    "a literal without end": lambda n: b"<a@[" + b"1." * n,
    "UTF-8": lambda n: b"<" + "é".encode() * n + b"@" + "é".encode() * n,
    "UTF-8 labels": lambda n: b"<a@" + "é.".encode() * n + b">",
    "half of UTF-8": lambda n: b"<" + b"\xc3" * n,
}
ARGUMENTS: dict[str, Callable[[int], bytes]] = {
    "spaces": lambda n: b" " * n,
    "words": lambda n: b"A " * n,
    "keywords": lambda n: b" ".join(b"K%d=1" % number for number in range(n // 4)),
    "a long value": lambda n: b"ENVID=" + b"x" * n,
    "escapes": lambda n: b"ENVID=" + b"+20" * n,
    "broken escapes": lambda n: b"AUTH=" + b"+2" * n,
    "equals signs": lambda n: b"SIZE" + b"=" * n,
    "digits": lambda n: b"SIZE=" + b"9" * n,
    "wishes": lambda n: b"NOTIFY=" + b"SUCCESS," * n + b"!",
    "an original recipient": lambda n: b"ORCPT=" + b"a-" * n + b";x",
}
OTHERS: dict[str, Callable[[int], Callable[[], object]]] = {
    "parse_hello": lambda n: lambda: parse_hello(b"x" * n + b" "),
    "parse_bdat": lambda n: lambda: parse_bdat(b"1" + b" " * n + b"x"),
    "parse_auth": lambda n: lambda: parse_auth(b"PLAIN" + b" " * n + b"="),
    "parse_mail": lambda n: lambda: parse_mail(b"FROM:<" + b"a." * n + b"a@b> " + b" " * n, ALL, ROOMY),
    "parse_rcpt": lambda n: lambda: parse_rcpt(b"TO:<" + b"a." * n + b"a@b> " + b" " * n, ALL, ROOMY, is_utf8=True),
    "parse_mailbox": lambda n: lambda: parse_mailbox(b"@a," * n),
    "parse_xtext": lambda n: lambda: parse_xtext(b"+20" * n + b"\0", allows_utf8=True),
    "parse_base64": lambda n: lambda: parse_base64(b"AAAA" * n + b"A"),
    "format_xtext": lambda n: lambda: format_xtext(b"\xff" * n),
    "take_line": lambda n: lambda: take_line(bytearray(b"x" * n), 1 << 30),
    "take_line, many CR": lambda n: lambda: take_line(bytearray(b"\r" * n), 1 << 30),
    "skip_line": lambda n: lambda: skip_line(bytearray(b"x" * n), 1 << 30),
    "take_reply, many lines": lambda n: lambda: take_reply(bytearray(b"250-x\r\n" * n)),
    "take_reply, one line": lambda n: lambda: take_reply(bytearray(b"250 " + b"x" * n)),
}


def assert_linear(make: Callable[[int], Callable[[], object]], length: int) -> None:
    """What ``make`` returns is measured, and what it does itself is not. A refusal is as good as an answer."""
    made = cache(make)

    def run(size: int) -> None:
        with suppress(PeerError):
            made(size)()

    check_linear(run, length)


@pytest.mark.parametrize("name", PATHS)
def test_paths_are_linear(name: str) -> None:
    def make(length: int) -> Callable[[], object]:
        octets = PATHS[name](length)
        return lambda: take_path(octets, allows_utf8=True, local_limit=1 << 30)

    assert_linear(make, 4096)


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_parameters_are_linear(name: str, verb: str) -> None:
    def make(length: int) -> Callable[[], object]:
        octets = ARGUMENTS[name](length)
        if verb == "MAIL":
            return lambda: parse_mail_parameters(octets, ALL)
        return lambda: parse_recipient_parameters(octets, ALL, is_utf8=True)

    assert_linear(make, 4096)


@pytest.mark.parametrize("name", OTHERS)
def test_other_parsers_are_linear(name: str) -> None:
    assert_linear(OTHERS[name], 8192)


def read_data(wire: bytes, step: int) -> None:
    reader, buffer, measure = DataReader(), bytearray(), Measure(Rules(size=1 << 60, header=1 << 60, text_line=1 << 60))
    for start in range(0, len(wire), step):
        buffer += wire[start : start + step]
        while True:
            piece, has_ended = reader.take(buffer)
            measure.add(piece)
            if has_ended or not piece:
                break


CONTENTS: dict[str, bytes] = {
    "one line": b"xxxxxxxx",
    "dots": b".\r\n..\r\n.x",
    "empty lines": b"\r\n\r\n\r\n\r\n",
    "nearly an end": b"\r\n.x\r\n.x",
}


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
@pytest.mark.parametrize("name", CONTENTS)
def test_content_by_data_is_linear_however_it_is_cut(name: str, step: int) -> None:
    """Octet by octet is what a slow sender, or a hostile one, makes us do."""
    unit = CONTENTS[name]

    def make(length: int) -> Callable[[], object]:
        wire = b"x" + unit * length
        return lambda: read_data(wire, step)

    assert_linear(make, 500 if step < 100 else 20_000)


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_content_by_bdat_is_linear_however_it_is_cut(step: int) -> None:
    def make(length: int) -> Callable[[], object]:
        wire = b"x\r\n" * length

        def read() -> None:
            reader, buffer = ChunkReader(is_binary=False), bytearray()
            reader.expect(len(wire))
            for start in range(0, len(wire), step):
                buffer += wire[start : start + step]
                while reader.take(buffer):
                    pass

        return read

    assert_linear(make, 1000 if step < 100 else 20_000)


@pytest.mark.parametrize("unit", [b"NOOP\r\n", b"FOO\r\n", b"BDAT 1\r\nx", b"MAIL FROM:<>\r\nRSET\r\n"], ids=repr)
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_a_pipelined_batch_is_linear(unit: bytes, step: int) -> None:
    """All in one read, where the buffer shrinks from its front, and octet by octet."""
    many = 1 << 30
    rules = Rules(errors=many, junk_commands=many, commands=many)

    def make(length: int) -> Callable[[], object]:
        wire = b"EHLO x\r\n" + unit * length

        def serve() -> None:
            engine = ServerConnection("mx", rules)
            engine.send(Reply.of(220, None, "mx"))
            for start in range(0, len(wire), step):
                engine.receive_data(wire[start : start + step])
                while not isinstance(engine.next_event(), Pause):
                    if engine.is_waiting:
                        engine.send(Reply.of(250, None, "mx"))

        return serve

    assert_linear(make, 300 if step == 1 else 1000)


def test_one_long_line_octet_by_octet_is_bounded_by_its_limit() -> None:
    """Each read looks at the line again, so a line costs its length times itself, but a line has a limit.

    Beyond it, skipping is linear.
    """

    def make(length: int) -> Callable[[], object]:
        def serve() -> None:
            engine = ServerConnection("mx", Rules(command_line=512))
            engine.send(Reply.of(220, None, "mx"))
            for _ in range(length):
                engine.receive_data(b"x")
                engine.next_event()

        return serve

    assert_linear(make, 2000)
