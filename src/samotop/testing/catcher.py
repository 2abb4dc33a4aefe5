"""A mail server for tests: catches what the program under test sends.

It runs on an event loop in a thread of its own, so that blocking programs
(smtplib) and asyncio programs can be tested alike.

    with MailCatcher() as catcher:
        send_report(host=catcher.host, port=catcher.port)
        (mail,) = catcher.wait(1)
        assert mail.recipients == ["boss@example.org"]
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

from samotop.facts import ContentFacts, Decide, MailFacts, RecipientFacts
from samotop.net.clock import SystemClock
from samotop.net.tls import TlsFiles, ensure_self_signed
from samotop.server import Server
from samotop.testing.accounts import MemoryAccounts
from samotop.verdict import Verdict


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """One message as it was sent, with CRLF line ends; ``login`` and ``is_encrypted`` tell of the session."""

    reverse_path: str
    recipients: list[str]
    content: bytes
    login: str | None
    is_encrypted: bool

    @property
    def message(self) -> EmailMessage:
        """The content, parsed by Python's own library."""
        return message_from_bytes(self.content, policy=policy.default)


class MailCatcher:
    """Catches mail on a free loopback port. Use it with ``with``.

    ``tls`` is none, starttls, required or implicit, with a certificate made for
    the occasion (``certificate`` is its file, to be trusted by the client).
    ``accounts`` are names and passwords; with them a login is required.
    ``mail``, ``recipient`` and ``content`` are stages of ``Server``, to refuse on
    purpose.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        tls: str = "none",
        accounts: Mapping[str, str] | None = None,
        protocol: str = "smtp",
        mail: Decide[MailFacts] | None = None,
        recipient: Decide[RecipientFacts] | None = None,
        content: Callable[[ContentFacts], Verdict | None] | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="samotop-catcher-")
        self._tls_mode = tls
        self._accounts = dict(accounts or {})
        self._protocol = protocol
        self._mail = mail
        self._recipient = recipient
        self._content = content
        self._caught: list[CaughtMail] = []
        self._changed = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._has_started = threading.Event()
        self.port = 0
        self.certificate: Path | None = None

    @property
    def mails(self) -> list[CaughtMail]:
        """What was caught so far, oldest first."""
        with self._changed:
            return list(self._caught)

    def wait(self, count: int, timeout: float = 10.0) -> list[CaughtMail]:
        """Wait until ``count`` mails were caught. Raises ``TimeoutError`` after ``timeout`` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._caught) >= count, timeout):
                raise TimeoutError(f"caught {len(self._caught)} mails in {timeout} s, not {count}")
            return list(self._caught)

    def clear(self) -> None:
        with self._changed:
            self._caught.clear()

    def __enter__(self) -> Self:
        files: TlsFiles | None = None
        if self._tls_mode != "none":
            files = ensure_self_signed(Path(self._folder.name), "localhost", ["127.0.0.1"], SystemClock())
            self.certificate = files.certificate
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(files)), name="mail-catcher", daemon=True)
        self._thread.start()
        self._has_started.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread is not None:
            self._thread.join()
        self._folder.cleanup()

    async def _run(self, files: TlsFiles | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        try:
            async with self._make_server(files) as server:
                self.port = server.port
                self._has_started.set()
                await self._stopping.wait()
        except Exception as error:  # noqa: BLE001 - whoever waits for the start raises it
            self._failure = error
        finally:
            self._has_started.set()

    def _make_server(self, files: TlsFiles | None) -> Server:
        return Server(
            content=self._catch,
            listen="127.0.0.1:0",
            hostname="localhost",
            protocol=self._protocol,
            tls=files,
            tls_mode=self._tls_mode,
            logins=MemoryAccounts(self._accounts).logins() if self._accounts else None,
            requires_login=bool(self._accounts),
            allows_plaintext_login=self._tls_mode == "none",
            mail=self._mail,
            recipient=self._recipient,
        )

    def _catch(self, facts: ContentFacts) -> Verdict | None:
        """Keep the mail, unless the test's own content stage refuses it."""
        verdict = self._content(facts) if self._content is not None else None
        if verdict is not None and verdict.is_refusal:
            return verdict
        envelope = facts.envelope
        mail = CaughtMail(
            reverse_path=str(envelope.reverse_path),
            recipients=[str(recipient.address) for recipient in envelope.recipients],
            content=facts.content.to_bytes(),
            login=facts.peer.login,
            is_encrypted=facts.peer.is_encrypted,
        )
        with self._changed:
            self._caught.append(mail)
            self._changed.notify_all()
        return verdict
