"""The dialogue as a program hears it, over real connections: nothing secret, nothing of a content, nothing missing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from samotop import Envelope, Recipient, SmtpTransport
from samotop.address import Address
from samotop.net.certificates import TlsFiles
from samotop.net.children import Child
from samotop.net.dial import dial
from samotop.transport.smtp.wirelog import hear_along
from tests.unit.transport.smtp.conftest import HOST, PASSWORD, Caught, Serve

LETTER = b"Subject: private\r\n\r\nprivate\r\n"
ENVELOPE = Envelope(Address("a", "example.org"), (Recipient(Address("b", "example.net")),))


async def test_the_dialogue_is_heard_under_tls_without_its_secrets(
    serve: Serve, caught: Caught, issue: Callable[..., TlsFiles], roots: Path
) -> None:
    """lettre prints the AUTH line and the content; here one can show the lines to whoever helps."""
    told: list[str] = []
    async with serve(tls=issue(HOST), accounts={"alice": PASSWORD}, requires_login=True) as server:
        url = f"smtp://alice:correct%20horse@127.0.0.1:{server.port}?name={HOST}&roots={roots}"
        async with SmtpTransport.from_url(url, tell=told.append) as transport:
            (await transport.send(ENVELOPE, LETTER)).check()
    assert caught.contents == [LETTER]
    verbs = [line.split(" ")[1] for line in told if line.startswith("C: ")]
    said = [verb for verb in verbs if verb.isalpha()]
    assert said == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]
    assert f"C: ({len(LETTER)} octets of content)" in told
    assert any(line.startswith("S: 221") for line in told)
    text = "\n".join(told)
    assert "private" not in text and "alice" not in text and "horse" not in text


async def test_nothing_is_told_where_nobody_listens(tmp_path: Path) -> None:
    told: list[str] = []
    async with SmtpTransport.from_url(f"smtp:{tmp_path}/none.sock", tell=told.append) as transport:
        assert not (await transport.send(ENVELOPE, LETTER)).is_accepted
    assert told == []


async def test_a_child_that_is_heard_is_waited_for_as_any_other() -> None:
    """It would be left over as a zombie."""
    program = Child((sys.executable, "-c", r"import os; os.write(1, b'220 hello\r\n'); input()"))
    told: list[str] = []

    until = asyncio.get_running_loop().time() + 10
    stream = await hear_along(partial(dial, program), told.append)(until)
    assert await stream.receive(until) == b"220 hello\r\n"
    assert stream.attendant is not None
    stream.close()
    await asyncio.wait_for(asyncio.shield(stream.attendant), 10)
    assert told == ["S: 220 hello"]
