"""What a session shows of its server, before anything is sent."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

from samotop import SmtpTransport
from samotop.net.certificates import TlsFiles
from samotop.tlspolicy.levels import Level
from samotop.transport.smtp.opening import NoSession
from samotop.transport.smtp.view import ServerView
from tests.unit.transport.smtp.conftest import HOST, PASSWORD, Caught, Serve


async def test_a_server_shows_what_it_offers_and_its_certificate(
    serve: Serve, caught: Caught, issue: Callable[..., TlsFiles], roots: Path
) -> None:
    """The chain as it was sent, in DER, its own certificate first; and the login was tried."""
    files = issue(HOST)
    async with serve(tls=files, accounts={"alice": PASSWORD}) as server:
        url = f"smtp://alice:correct%20horse@127.0.0.1:{server.port}?name={HOST}&roots={roots}"
        async with SmtpTransport.from_url(url) as transport:
            view = await transport.examine()
            assert await transport.check() is None
    assert isinstance(view, ServerView)
    assert (view.level, view.is_logged_in, view.peer_address) == (Level.VERIFIED, True, "127.0.0.1")
    assert view.tls is not None and view.tls.version == "TLSv1.3"
    pem = files.certificate.read_text()
    assert view.chain[0] == ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END") + 26])
    assert {"PLAIN", "SCRAM-SHA-256"} <= set(view.capabilities.mechanisms)
    assert {"PIPELINING", "8BITMIME"} <= view.capabilities.keywords
    assert caught.contents == []


async def test_in_the_clear_there_is_no_certificate(serve: Serve) -> None:
    async with serve() as server, SmtpTransport.from_url(f"smtp://127.0.0.1:{server.port}") as transport:
        view = await transport.examine()
    assert isinstance(view, ServerView)
    assert (view.level, view.tls, view.chain, view.is_logged_in) == (Level.NONE, None, (), False)


async def test_why_there_is_no_session(serve: Serve) -> None:
    async with serve() as server, SmtpTransport.from_url(f"smtp://127.0.0.1:{server.port}?tls=required") as transport:
        found = await transport.examine()
    assert isinstance(found, NoSession) and "does not offer TLS" in found.text
