"""Sending through a program that takes mail as /usr/sbin/sendmail does: one process for each message.

    async with SendmailTransport() as transport:
        outcome = await transport.send(message)

The program gets the envelope as arguments, behind ``--`` and without a shell, and
the message on its standard input with LF line ends (binary content as it is).
Its exit status is what became of every recipient (sysexits.h), its first words
on standard error are the reason.

Raises what ``transport.sending`` says; ``RuntimeError`` after ``close``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Final, Self

from samotop.content import Content
from samotop.envelope import Body, Envelope, Notify, Ret
from samotop.message.ends import BareLineEnds
from samotop.smtp.client import Stage
from samotop.status import EnhancedStatus, parse_status
from samotop.transport.sending import SENT, Outcome, Sendable, same_for_all, take_message

PROGRAM_SECONDS: Final = 300.0
"""For one message: a program that queues takes a moment."""
SAID_LIMIT: Final = 2000
"""Octets of standard error that are kept."""
SMALL: Final = 512 * 1024
"""Octets of a content that is read on the event loop; a larger one may lie in a file."""

# sysexits.h
_EXITS: Final = {
    64: "5.5.4",  # usage
    65: "5.6.0",  # data
    67: "5.1.1",  # no such user
    68: "5.1.2",  # no such host
    69: "5.3.0",  # unavailable
    76: "5.5.0",  # protocol
    77: "5.7.1",  # permission
}
FAILED: Final = EnhancedStatus(4, 3, 0)
"""Everything else, 75 (EX_TEMPFAIL) above all: nobody has said "never"."""
TOO_SLOW: Final = EnhancedStatus(4, 4, 1)


class SendmailTransport:
    """``command`` is the program with arguments of its own, ``timeout`` for one message in seconds."""

    def __init__(self, command: Sequence[str] = ("/usr/sbin/sendmail",), *, timeout: float = PROGRAM_SECONDS) -> None:
        self._command = tuple(command)
        self._timeout = timeout
        self._is_closed = False

    async def send(self, message: Sendable | Envelope, content: Content | bytes | None = None) -> Outcome:
        """Run the program for one message."""
        if self._is_closed:
            raise RuntimeError("the transport is closed")
        envelope, body = take_message(message, content)
        status, text = await self._run(plan_arguments(self._command, envelope), envelope, body)
        return Outcome(same_for_all(envelope.recipients, status, text, stage=Stage.FINAL))

    async def close(self) -> None:
        """Nothing is open; nothing is sent from now on."""
        self._is_closed = True

    async def _run(self, words: list[str], envelope: Envelope, content: Content) -> tuple[EnhancedStatus, str]:
        try:
            child = await asyncio.create_subprocess_exec(
                *words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "bad arguments"
            return FAILED, f"the program could not be started: {reason}"
        try:
            async with asyncio.timeout(self._timeout):
                said, _ = await asyncio.gather(_listen(child), _feed(child, envelope, content))
                code = await child.wait()
        except TimeoutError:
            return TOO_SLOW, "the program took too long"
        except OSError:
            return FAILED, "the stored content could not be read"
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if code == 0:
            return SENT, "taken by the program"
        status = parse_status(_EXITS[code]) if code in _EXITS else FAILED
        return status, said or f"the program ended with status {code}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def plan_arguments(command: Sequence[str], envelope: Envelope) -> list[str]:
    """The command line: a recipient that looks like an option stands behind ``--``, and a sender in its option."""
    words = [*command, "-i", "-f", str(envelope.reverse_path) or "<>"]
    parameters = envelope.parameters
    if parameters.ret is not None:
        words += ["-R", "hdrs" if parameters.ret is Ret.HEADERS else "full"]
    if parameters.envelope_id is not None:
        words += ["-V", parameters.envelope_id]
    if parameters.body is Body.EIGHT_BIT:
        words += ["-B", "8BITMIME"]
    wishes = {one.notify for one in envelope.recipients}
    wish = next(iter(wishes)) if len(wishes) == 1 else None  # there is one option for all of them
    if wish is not None:
        flags = (Notify.FAILURE, Notify.DELAY, Notify.SUCCESS)
        words += ["-N", ",".join((flag.name or "").lower() for flag in flags if flag in wish) or "never"]
    return [*words, "--", *(str(one.address) for one in envelope.recipients)]


def _lines(envelope: Envelope, content: Content) -> Iterator[bytes]:
    if envelope.parameters.body is Body.BINARY:
        yield from content.chunks()
        return
    ends = BareLineEnds()
    for chunk in content.chunks():
        yield ends.update(chunk)
    yield ends.finish()


async def _feed(child: asyncio.subprocess.Process, envelope: Envelope, content: Content) -> None:
    """Write the message to the program; one that stops reading says by its exit status what it made of it."""
    assert child.stdin is not None, "asked for"
    chunks = _lines(envelope, content)
    try:
        while True:
            chunk = await asyncio.to_thread(next, chunks, None) if content.size > SMALL else next(chunks, None)
            if chunk is None:
                break
            child.stdin.write(chunk)
            await child.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return
    finally:
        child.stdin.close()


async def _listen(child: asyncio.subprocess.Process) -> str:
    """What the program says on standard error: its first line, and no end to its words is no end to our memory."""
    assert child.stderr is not None, "asked for"
    said = b""
    while chunk := await child.stderr.read(4096):
        said = (said + chunk)[:SAID_LIMIT]
    first = said.decode("utf-8", "replace").strip().partition("\n")[0]
    return "".join(one if one.isprintable() else "?" for one in first)
