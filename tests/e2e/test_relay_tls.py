"""TLS towards other servers, as who runs the server sees it: what is demanded, why, and how that ends."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from samotop.store.database import Database
from samotop.store.policies import SqlitePolicies
from samotop.tlspolicy.levels import Level
from tests.fakes.certificates import DAY, make_certificate
from tests.fakes.hops import HopScript, serve_hop
from tests.fakes.hostilehops import cancel_all
from tests.fakes.knot import Knot, start_knot
from tests.fakes.serving import Home, MakeHome, Served, StartServer, poll
from tests.fakes.talk import Talk, message

__all__ = ["start_knot"]

OURS = """\
hostname = "mx.example.org"
domains = ["example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[dns]
servers = ["{server}"]
dnssec = "off"

[reports]
dmarc = false

[consent]
unknown = "accept"

[relay]
{relay}
"""

ZONES = {
    "example.net": {
        "example.net": {"MX": ["10 mx.example.net."], "TXT": ['"v=spf1 ip4:127.0.0.1 -all"']},
        "mx.example.net": {"A": ["127.0.0.1"]},
    },
    "example.com": {
        "example.com": {"MX": ["10 mx.example.com."], "TXT": ['"v=spf1 ?all"']},
        "mx.example.com": {"A": ["127.0.0.1"]},
    },
}


@pytest.fixture
def ours(make_home: MakeHome, start_server: StartServer, start_knot: Callable[..., Knot]) -> Callable[..., Served]:
    """Starts our server; ``relay`` are lines of ``[relay]``, and tables after it."""

    def start(relay: str, more: str = "") -> Served:
        knot = start_knot(ZONES)
        config = OURS.replace("{relay}", relay).replace("{server}", f"127.0.0.1:{knot.port}") + more
        return start_server(make_home(config))

    return start


def send(served: Served, content: bytes, recipient: str, sender: str = "<bob@example.org>") -> str:
    """One message; its id."""
    with Talk(served.address()) as talk:
        talk.ehlo()
        said = talk.mail(content, recipient, sender=sender)
        assert said.startswith("250"), said
        return said.rpartition("queued as ")[2].strip()


def remember(home: Home, domain: str, level: Level) -> None:
    """As an earlier delivery would have."""
    database = Database(str(home.path / "state.db"))
    SqlitePolicies(database).remember(domain, level, time.time())
    database.close()


def test_what_a_domain_has_had_is_demanded_until_somebody_says_otherwise(ours: Callable[..., Served]) -> None:
    """A host whose TLS has gone: the message waits and says why; its sender may waive it, the operator forget it."""
    with serve_hop(HopScript()) as hop:
        served = ours(f'trusted = ["127.0.0.1"]\nport = {hop.port}')
        home = served.home
        remember(home, "example.net", Level.ENCRYPTED)
        name = send(served, message("waits"), "alice@example.net")
        poll(lambda: [one for one in home.queue() if one["attempts"]], what="the first attempt")
        assert hop.messages == []
        (pending,) = json.loads(home.run("queue", "show", name, "--json").stdout)["pending"]
        assert pending["tls"] == {
            "next_hop": "example.net",
            "host": "mx.example.net",
            "demanded": "encrypted",
            "by": "memory",
            "why": "the domain has had TLS before",
            "reached": "none",
        }
        shown = home.run("queue", "show", name).stdout
        assert "TLS demanded: encrypted, by memory: the domain has had TLS before" in shown
        assert "TLS reached: none: nothing was sent" in shown

        waived = message("waived").replace(b"Subject:", b"TLS-Required: No\r\nSubject:", 1)
        send(served, waived, "postmaster@example.net")
        poll(lambda: len(hop.messages) == 1, what="the message whose sender does without")
        assert b"waived" in hop.messages[0][1]

        (known,) = json.loads(home.run("tls", "list", "--json").stdout)
        assert (known["domain"], known["memory"]["level"]) == ("example.net", "encrypted")
        assert "example.net" in home.run("tls", "forget", "example.net").stdout
        home.run("queue", "retry", name)
        poll(lambda: len(hop.messages) == 2, what="the first message")
        poll(lambda: not home.queue(), what="the queue to be empty")


def test_only_a_sender_that_is_proven_hears_of_a_failure(ours: Callable[..., Served]) -> None:
    """From the world: SPF proves example.net, and nothing example.com, whom somebody else may have named."""
    refusing = HopScript(rcpt=["550 5.1.1 nobody here"])
    with serve_hop(refusing) as refuses, serve_hop(HopScript()) as hears:
        served = ours(
            f"port = {hears.port}",
            f'[[route]]\nmatch = "lists.example"\nvia = "smtp://127.0.0.1:{refuses.port}?tls=none"\n'
            "[policy]\nexempt = []\n",
        )
        proven = send(served, message("proven"), "x@lists.example", "<ann@example.net>")
        forged = send(served, message("forged"), "x@lists.example", "<victim@example.com>")
        poll(lambda: hears.messages, what="the notification")
        poll(lambda: [one["state"] for one in served.home.queue()] == ["held"], what="the other one to be held")
        assert [recipients for recipients, _ in hears.messages] == [("ann@example.net",)]
        (row,) = served.home.queue()
        assert row["id"] == forged != proven
        assert row["reason"].startswith("nobody was told: nothing proves its sender; ") and "5.1.1" in row["reason"]


@dataclass
class Wanting:
    """A server that wants to see a certificate of ours, and offers to log us in by it."""

    context: ssl.SSLContext
    offer: bytes
    shown: list[str] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    port: int = 0

    async def session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError, asyncio.CancelledError):
            await self.talk(reader, writer)
        writer.close()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        offer = b"250-hop\r\n250 STARTTLS\r\n"
        writer.write(b"220 hop\r\n")
        while line := await reader.readline():
            word = line.split()[0].upper()
            self.heard.append(line.strip())
            if word == b"EHLO":
                writer.write(offer)
            elif word == b"STARTTLS":
                writer.write(b"220 go\r\n")
                await writer.start_tls(self.context)
                seen = writer.get_extra_info("ssl_object").getpeercert()
                self.shown.append(seen["subject"][0][0][1])
                offer = self.offer
            elif word == b"AUTH":
                writer.write(b"235 2.7.0 welcome\r\n")
            elif word == b"DATA":
                writer.write(b"354 go on\r\n")
                while await reader.readline() != b".\r\n":
                    pass
                writer.write(b"250 2.0.0 ok\r\n")
            else:
                writer.write(b"250 ok\r\n")


@contextmanager
def serve_wanting(hop: Wanting) -> Iterator[Wanting]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(hop.session, "127.0.0.1", 0), loop).result(20)
        hop.port = server.sockets[0].getsockname()[1]
        yield hop
    finally:
        asyncio.run_coroutine_threadsafe(cancel_all(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


@pytest.mark.parametrize(
    ("user", "offer", "logs_in", "names_roots"),
    [
        ("bob@", b"250-hop\r\n250 AUTH EXTERNAL\r\n", True, True),
        ("", b"250 hop\r\n", False, False),
    ],
    ids=["EXTERNAL", "the certificate alone, and the relay's roots"],
)
def test_a_smarthost_knows_us_by_our_certificate(
    ours: Callable[..., Served], tmp_path: Path, user: str, offer: bytes, logs_in: bool, names_roots: bool
) -> None:
    """A handshake in which both show one; EXTERNAL says who we are without a secret (RFC 4422 appendix A)."""
    now = time.time()
    root = make_certificate("Root", is_authority=True, begin=now - DAY, end=now + DAY)
    folders = [tmp_path / name for name in ("hop", "client")]
    for folder, name in zip(folders, ("localhost", "client.example.org"), strict=True):
        folder.mkdir()
        make_certificate(name, issuer=root, begin=now - DAY, end=now + DAY, purposes=None).write(folder, root)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folders[0] / "certificate.pem", folders[0] / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    root.write(tmp_path)
    context.load_verify_locations(tmp_path / "certificate.pem")
    with serve_wanting(Wanting(context, offer)) as hop:
        ours_at = folders[1]
        url = (
            f"smtp://{user}127.0.0.1:{hop.port}?tls=required&name=localhost"
            f"&certificate={ours_at / 'certificate.pem'}&key={ours_at / 'key.pem'}"
        )
        roots = tmp_path / "certificate.pem"
        smarthost = f'smarthost = "{url}&roots={roots}"' if names_roots else f'smarthost = "{url}"\nroots = "{roots}"'
        served = ours(f'trusted = ["127.0.0.1"]\n{smarthost}')
        send(served, message("one"), "alice@example.net")
        poll(lambda: not served.home.queue(), what="the message to have left")
    assert set(hop.shown) == {"client.example.org"}
    assert any(line.startswith(b"AUTH EXTERNAL") for line in hop.heard) is logs_in
