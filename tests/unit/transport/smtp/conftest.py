"""What the tests of sending share: authorities, our own server as the peer, and servers that do as a script says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from samotop.facts import ContentFacts
from samotop.net.certificates import TlsFiles
from samotop.server import Server
from samotop.testing import MemoryAccounts

HOST = "mx.example.org"
PASSWORD = "correct horse"


class Caught:
    """What a server of ours was given."""

    def __init__(self) -> None:
        self.facts: list[ContentFacts] = []
        self.contents: list[bytes] = []

    def __call__(self, facts: ContentFacts) -> None:
        self.facts.append(facts)
        self.contents.append(facts.content.to_bytes())

    @property
    def recipients(self) -> list[str]:
        return [str(one.address) for facts in self.facts for one in facts.envelope.recipients]


@pytest.fixture
def caught() -> Caught:
    return Caught()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def roots(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with the authority that signs the good certificates."""
    path = tmp_path_factory.mktemp("roots") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def issue(authority: trustme.CA, tmp_path: Path) -> Callable[..., TlsFiles]:
    """``issue("mx.example.org")``: a certificate for these names, by the authority or by ``by``."""

    def make(*names: str, by: trustme.CA | None = None, **settings: Any) -> TlsFiles:
        found = (by or authority).issue_cert(*names, **settings)
        stem = f"{len(list(tmp_path.iterdir()))}"
        files = TlsFiles(tmp_path / f"{stem}.pem", tmp_path / f"{stem}.key")
        for number, blob in enumerate(found.cert_chain_pems):
            blob.write_to_path(str(files.certificate), append=number > 0)
        found.private_key_pem.write_to_path(str(files.key))
        return files

    return make


Serve = Callable[..., contextlib.AbstractAsyncContextManager[Server]]


@pytest.fixture
def serve(caught: Caught) -> Serve:
    """``async with serve(tls=files) as server``: our own server, on a free port."""

    @contextlib.asynccontextmanager
    async def run(**settings: Any) -> AsyncIterator[Server]:
        usual: dict[str, Any] = {"listen": "127.0.0.1:0", "hostname": HOST, "content": caught}
        if "accounts" in settings:
            usual["logins"] = MemoryAccounts(settings.pop("accounts")).logins()
        async with Server(**(usual | settings)) as server:
            yield server

    return run


class Script:
    """A server whose every word a test writes. ``talk`` runs for each connection; ``connections`` counts them."""

    def __init__(self, talk: Callable[[Script, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
        self._talk = talk
        self.connections = 0
        self.lines: list[str] = []
        self._server: asyncio.Server | None = None
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._talk(self, reader, writer)
        writer.close()

    async def line(self, reader: asyncio.StreamReader) -> str:
        """The client's next line; raises ``IncompleteReadError`` at the end."""
        found = (await reader.readuntil(b"\r\n")).decode().removesuffix("\r\n")
        self.lines.append(found)
        return found

    async def __aenter__(self) -> Script:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()


async def answer(
    script: Script,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    replies: dict[str, bytes] | None = None,
    greeting: bytes = b"220 mx.example.org\r\n",
    drops_at: str = "",
    hangs_at: str = "",
) -> None:
    """A plain server: answers by the verb; ``drops_at`` closes instead of answering it ("." is the content's end).

    ``hangs_at`` says nothing any more, and keeps the connection.
    """
    usual = {
        "EHLO": b"250-mx.example.org\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
        "LHLO": b"250-mx.example.org\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
        "DATA": b"354 go on\r\n",
        "QUIT": b"221 bye\r\n",
        ".": b"250 2.0.0 Ok: queued as 4XyZ12\r\n",
    }
    says = usual | (replies or {})
    if drops_at == "greeting":
        return
    writer.write(greeting)
    while True:
        verb = (await script.line(reader)).partition(" ")[0].partition(":")[0].upper()
        if verb == hangs_at:
            await reader.read()
        if verb == drops_at:
            return
        writer.write(says.get(verb, b"250 2.0.0 Ok\r\n"))
        if verb == "QUIT":
            return
        if verb == "DATA" and says["DATA"].startswith(b"354"):
            while await script.line(reader) != ".":
                if drops_at == "content":
                    return
            if drops_at == ".":
                return
            if hangs_at == ".":
                await reader.read()
            writer.write(says["."])
        await writer.drain()
