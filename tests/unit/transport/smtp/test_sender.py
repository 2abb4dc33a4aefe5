"""``SmtpTransport`` against our own server: envelope, content, TLS as demanded, login, pool."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from samotop import Envelope, Message, Outcome, Recipient, Reject, SmtpTransport
from samotop.address import Address
from samotop.errors import SetupError
from samotop.net.certificates import TlsFiles
from samotop.net.dial import Proxy
from samotop.sasl import Credentials
from samotop.smtp.client import Stage
from samotop.testing import ZoneResolver
from samotop.transport.sending import NotAccepted
from samotop.transport.smtp.pool import PoolRules
from tests.unit.transport.smtp.conftest import HOST, PASSWORD, Caught, Serve

LETTER = b"From: <a@example.org>\r\nSubject: x\r\n\r\n.dot\r\nHello\r\n"


def to(*names: str, sender: str = "a") -> Envelope:
    return Envelope(
        Address(sender, "example.org"), tuple(Recipient(Address(name, "example.net")) for name in names or ("b",))
    )


async def test_a_message_arrives_as_it_is(serve: Serve, caught: Caught) -> None:
    """Octets, dots included, and each recipient's acceptance with what the server calls the message."""
    async with serve() as server, SmtpTransport.from_url(f"smtp://127.0.0.1:{server.port}") as transport:
        outcome = await transport.send(to("b", "c"), LETTER)
    assert outcome.is_accepted
    assert [str(one.recipient.address) for one in outcome.accepted] == ["b@example.net", "c@example.net"]
    assert all(one.queue_id and one.queue_id in one.text for one in outcome.recipients)
    assert caught.contents == [LETTER]
    assert caught.recipients == ["b@example.net", "c@example.net"]


async def test_a_built_message_is_sent_by_itself(serve: Serve, caught: Caught) -> None:
    """Bcc is in the envelope, and not in what is sent."""
    message = Message.build(author="a@example.org", to=["b@example.net"], bcc=["c@example.net"], subject="Hi", text="ü")
    async with serve() as server, SmtpTransport.from_url(f"smtp://127.0.0.1:{server.port}") as transport:
        (await transport.send(message)).check()
    assert caught.recipients == ["b@example.net", "c@example.net"]
    assert b"c@example.net" not in caught.contents[0]


async def test_a_refused_recipient_does_not_keep_the_others(serve: Serve, caught: Caught) -> None:
    def refuse(facts: Any) -> Any:
        return Reject("No such user", status="5.1.1") if facts.recipient.address.local == "nobody" else None

    async with (
        serve(recipient=refuse) as server,
        SmtpTransport.from_url(f"smtp://127.0.0.1:{server.port}") as transport,
    ):
        outcome = await transport.send(to("b", "nobody", "c"), LETTER)
    assert [one.is_accepted for one in outcome.recipients] == [True, False, True]
    (refused,) = outcome.refused
    assert (str(refused.status), refused.stage, refused.text) == ("5.1.1", Stage.RCPT, "No such user")
    assert caught.recipients == ["b@example.net", "c@example.net"]
    with pytest.raises(NotAccepted, match="1 refused, 0 deferred of 3"):
        outcome.check()


async def test_lmtp_answers_for_each_recipient(serve: Serve, tmp_path: Path) -> None:
    """Over a UNIX socket, with the reply of each."""
    path = tmp_path / "lmtp.sock"
    async with serve(protocol="lmtp", listen=str(path)), SmtpTransport.from_url(f"lmtp:{path}") as transport:
        outcome = await transport.send(to("b", "c"), LETTER)
    assert outcome.is_accepted and len(outcome.recipients) == 2


async def test_many_at_once_share_a_few_connections(serve: Serve, caught: Caught) -> None:
    """No more connections than the rules say, and every message once."""
    seen: set[int] = set()

    def note(facts: Any) -> None:
        seen.add(facts.peer.port)

    async with serve(connection=note) as server:
        url = f"smtp://127.0.0.1:{server.port}"
        async with SmtpTransport.from_url(url, pool=PoolRules(connections=3, messages=5)) as transport:
            outcomes = await asyncio.gather(*[transport.send(to(f"r{number}"), LETTER) for number in range(40)])
    assert all(outcome.is_accepted for outcome in outcomes)
    assert sorted(caught.recipients) == sorted(f"r{number}@example.net" for number in range(40))
    assert len(seen) >= 8  # five messages each


# -- TLS --------------------------------------------------------------------------------------------


def transport_to(
    server: Any, query: str = "", *, scheme: str = "smtp", login: str = "", **settings: Any
) -> SmtpTransport:
    """The server listens on 127.0.0.1 and has another name; so it is dialled by its address, named by ``name``."""
    return SmtpTransport.from_url(f"{scheme}://{login}127.0.0.1:{server.port}?{query}", **settings)


async def send_one(transport: SmtpTransport) -> Outcome:
    async with transport:
        return await transport.send(to("b"), LETTER)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_verified_tls_takes_the_right_certificate(
    serve: Serve, caught: Caught, issue: Callable[..., TlsFiles], roots: Path, scheme: str
) -> None:
    mode = "implicit" if scheme == "smtps" else "starttls"
    async with serve(tls=issue(HOST), tls_mode=mode) as server:
        outcome = await send_one(transport_to(server, f"tls=required&name={HOST}&roots={roots}", scheme=scheme))
    assert outcome.is_accepted
    assert outcome.tls is not None and outcome.tls.version == "TLSv1.3"
    assert caught.facts[0].peer.is_encrypted


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("fault", ["name", "authority", "expired"])
async def test_verified_tls_refuses_any_other(
    serve: Serve, caught: Caught, issue: Callable[..., TlsFiles], roots: Path, scheme: str, fault: str
) -> None:
    """The message waits: it is not sent, nor sent in the clear."""
    files = {
        "name": lambda: issue("other.example.org"),
        "authority": lambda: issue(HOST, by=trustme.CA()),
        "expired": lambda: issue(HOST, not_after=datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)),
    }[fault]()
    mode = "implicit" if scheme == "smtps" else "starttls"
    async with serve(tls=files, tls_mode=mode) as server:
        outcome = await send_one(transport_to(server, f"tls=required&name={HOST}&roots={roots}", scheme=scheme))
    (one,) = outcome.deferred
    assert (str(one.status), one.stage) == ("4.7.5", Stage.STARTTLS)
    words = {"name": "another name", "authority": "anybody trusted", "expired": "expired"}
    assert words[fault] in one.text
    assert caught.contents == []


async def test_opportunistic_tls_takes_any_certificate(
    serve: Serve, caught: Caught, issue: Callable[..., TlsFiles]
) -> None:
    async with serve(tls=issue("other.example.org", by=trustme.CA())) as server:
        outcome = await send_one(transport_to(server))
    assert outcome.is_accepted and caught.facts[0].peer.is_encrypted


async def test_without_starttls_opportunistic_goes_in_the_clear_and_required_waits(
    serve: Serve, caught: Caught
) -> None:
    async with serve() as server:
        assert (await send_one(transport_to(server))).is_accepted
        outcome = await send_one(transport_to(server, "tls=required"))
        encrypted = await send_one(transport_to(server, "tls=encrypted"))
    assert [str(one.status) for one in (*outcome.deferred, *encrypted.deferred)] == ["4.7.5", "4.7.5"]
    assert "does not offer TLS" in outcome.recipients[0].text
    assert len(caught.contents) == 1


async def test_a_pinned_key_is_taken_whoever_signed_it(serve: Serve, issue: Callable[..., TlsFiles]) -> None:
    files = issue("whatever.example", by=trustme.CA())
    key = x509.load_pem_x509_certificate(files.certificate.read_bytes()).public_key()
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pin = hashlib.sha256(spki).hexdigest()
    async with serve(tls=files) as server:
        assert (await send_one(transport_to(server, f"pin={pin}"))).is_accepted
        refused = await send_one(transport_to(server, f"pin={'0' * 64}"))
    assert "not the pinned one" in refused.deferred[0].text


async def test_tls_none_does_not_begin_it(serve: Serve, caught: Caught, issue: Callable[..., TlsFiles]) -> None:
    async with serve(tls=issue(HOST)) as server:
        assert (await send_one(transport_to(server, "tls=none"))).is_accepted
    assert not caught.facts[0].peer.is_encrypted


# -- login ------------------------------------------------------------------------------------------


async def test_a_login_under_verified_tls(
    serve: Serve, caught: Caught, issue: Callable[..., TlsFiles], roots: Path
) -> None:
    """A login alone makes TLS required: no parameter says so."""
    async with serve(tls=issue(HOST), accounts={"alice": PASSWORD}, requires_login=True) as server:
        transport = transport_to(server, f"name={HOST}&roots={roots}", login="alice:correct%20horse@")
        outcome = await send_one(transport)
        wrong = await send_one(transport_to(server, f"name={HOST}&roots={roots}", login="alice:wrong@"))
    assert outcome.is_accepted and caught.facts[0].peer.login == "alice"
    (one,) = wrong.refused
    assert (str(one.status), one.stage) == ("5.7.8", Stage.AUTH)


@pytest.mark.parametrize("tls", ["none", "opportunistic"])
async def test_a_password_is_never_sent_in_the_clear(serve: Serve, caught: Caught, tls: str) -> None:
    """Unless somebody says so in so many words."""
    async with serve(accounts={"alice": PASSWORD}, requires_login=True, allows_plaintext_login=True) as server:
        outcome = await send_one(transport_to(server, f"tls={tls}", login="alice:correct%20horse@"))
        assert (str(outcome.refused[0].status), outcome.refused[0].stage) == ("5.7.11", Stage.AUTH)
        assert caught.contents == []
        allowed = transport_to(server, f"tls={tls}", login="alice:correct%20horse@", allows_plaintext_login=True)
        assert (await send_one(allowed)).is_accepted


def test_no_password_in_what_is_shown() -> None:
    transport = SmtpTransport.from_url(
        "smtps://alice:verysecret@mail.example.org?proxy=socks5%3A%2F%2Fu%3Aproxysecret%40proxy.example.org"
    )
    told = repr(transport) + repr(transport.server) + repr(transport._plan)
    assert "secret" not in told
    assert "secret" not in repr(SmtpTransport.from_url("smtps://m", credentials=Credentials("a", token="secret")))
    assert "secret" not in repr(Proxy("h", 1, ("u", "secret")))


# -- failures are outcomes --------------------------------------------------------------------------


async def test_nobody_listens(unused_port: int) -> None:
    outcome = await send_one(SmtpTransport.from_url(f"smtp://127.0.0.1:{unused_port}"))
    assert (str(outcome.deferred[0].status), outcome.deferred[0].text) == ("4.4.1", "the server refused the connection")


async def test_no_such_host() -> None:
    transport = SmtpTransport.from_url("smtp://nowhere.example", resolver=ZoneResolver({}))
    outcome = await send_one(transport)
    assert (str(outcome.refused[0].status), outcome.refused[0].text) == ("5.1.2", "the server's name has no address")


async def test_a_url_that_cannot_be_used_shows_no_password() -> None:
    for url in ("http://a:secret@b", "smtp://a:secret@b/path", "smtps://a:secret@b?tls=none", "smtp://a:secret@b:x"):
        with pytest.raises(SetupError) as caught_error:
            SmtpTransport.from_url(url)
        assert "secret" not in str(caught_error.value)


async def test_after_close_nothing_is_sent(serve: Serve) -> None:
    async with serve() as server:
        transport = SmtpTransport.from_url(f"smtp://127.0.0.1:{server.port}")
        await transport.send(to("b"), LETTER)
        await transport.close()
        with pytest.raises(RuntimeError):
            await transport.send(to("b"), LETTER)


async def test_what_makes_no_sense_is_told_at_once() -> None:
    transport = SmtpTransport.from_url("smtp://127.0.0.1:1")
    with pytest.raises(TypeError):
        await transport.send(to("b"))
    with pytest.raises(ValueError, match="no recipient"):
        await transport.send(Envelope(Address("a", "b"), ()), LETTER)


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
