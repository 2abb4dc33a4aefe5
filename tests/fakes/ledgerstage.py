"""Sessions of strangers before a real ledger: the session, the inquiry, consent and state.db are real; DNS, clock, wire
and spool are not.

    stage = Stage(tmp_path, {"alice": "request"})
    session = await stage.open("spf")
    assert await session.say("MAIL FROM:<bob@spf.example>") == "250 2.1.0 Ok"

Four kinds of evidence, each with a domain of its name: ``dkim`` signs, ``spf`` names the peer's address, ``weak`` comes
from the network that a contact may be bound to, ``none`` from another one.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from samotop.app.consent import Consenting
from samotop.app.expansions import open_expansions
from samotop.config.read import load_config
from samotop.consent.contact import Contact
from samotop.msgauth import dkim
from samotop.observe.log import open_log
from samotop.reception.inquiry import ResolverInquirer
from samotop.reception.listener import Listener
from samotop.reception.session import Session
from samotop.reception.stages import Stages
from samotop.routing.router import Router
from samotop.store.database import Database
from samotop.store.ledger.opening import open_ledger
from samotop.terms import routing_rules
from samotop.testing import MemoryAccounts, MovableClock, ZoneResolver
from tests.fakes.wire import FakeSpool, FakeTransport, Wire

EVIDENCE: Final = ("dkim", "spf", "weak", "none")
PEERS: Final = {"dkim": "192.0.2.7", "spf": "192.0.2.7", "weak": "192.0.2.7", "none": "203.0.113.9"}
NETWORK: Final = "192.0.2.0/24"
BEGINNING: Final = 1_767_225_600.0
"""When the clock begins."""
KEY: Final = dkim.generate_key("ed25519")
ZONES: Final = {
    "dkim.example": {"A": ["192.0.2.7"]},
    "s1._domainkey.dkim.example": {"TXT": [f'"{dkim.format_key_record(KEY)}"']},
    "spf.example": {"TXT": ['"v=spf1 ip4:192.0.2.7 -all"']},
    "weak.example": {"A": ["192.0.2.7"]},
    "none.example": {"A": ["203.0.113.9"]},
}


def message(evidence: str, author: str, number: int = 1) -> bytes:
    """A message of ``author``, signed where that is the evidence."""
    content = (
        f"From: Bob <{author}>\r\nTo: alice@example.org\r\nSubject: Lunch\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
        f"Message-ID: <{number}@{evidence}.example>\r\n\r\nHello, number {number}\r\n"
    ).encode()
    if evidence != "dkim":
        return content
    signer = dkim.Signer(author.rpartition("@")[2], [dkim.SigningKey("s1", KEY)])
    return dkim.sign(content, signer, now=BEGINNING) + content


class Stage:
    """``owners`` maps accounts to their wishes; ``more`` is added to the configuration."""

    def __init__(self, home: Path, owners: Mapping[str, str], more: str = "", *, is_lmtp: bool = False) -> None:
        mailboxes = "".join(
            f'[mailbox.{name}]\naddresses = ["{name}@example.org"]\nunknown = "{wish}"\n'
            for name, wish in owners.items()
        )
        listen = '[[listen]]\nprotocol = "smtp"\naddress = "127.0.0.1:0"\ntls = "none"\n'
        (home / "samotop.toml").write_text(
            'hostname = "mx.example.org"\ndomains = ["example.org"]\n'
            f"{listen}[policy]\nexempt = []\n{more}\n{mailboxes}"
        )
        (home / "keys").mkdir(exist_ok=True)
        config = load_config(home)
        self.home = home
        self.wire = Wire(listener=Listener("lmtp", tls="none") if is_lmtp else Listener(tls="none"))
        self.clock: MovableClock = self.wire.clock
        self.spool: FakeSpool = self.wire.spool
        loop, log = asyncio.get_running_loop(), open_log(io.BytesIO(), self.clock)
        self.database = Database(str(home / "state.db"))
        router = Router(routing_rules(config), MemoryAccounts(dict.fromkeys(owners, "secret")))
        expansions = open_expansions(config, home, router, self.spool, self.clock, loop, log)
        book = None if expansions is None else expansions.book
        self.consenting = Consenting(config, home, self.database, router, self.clock, loop, log, book)
        context = self.wire.context
        if expansions is not None:
            context.spool = expansions.spool
        consent = self.consenting.consent
        context.stages = Stages(recipient=consent.check_recipient, content=consent.check_content)
        self.resolver = ZoneResolver(ZONES)
        context.inquirer = ResolverInquirer(self.resolver, loop, self.clock, "mx.example.org")
        context.needs_sender = True
        self._numbers = 0
        self._taken = 0

    async def open(self, evidence: str) -> Talking:
        """A session from where this evidence comes from, after EHLO."""
        talking = Talking(self.wire, *self.wire.connect((PEERS[evidence], 4711)))
        talking.transport.take()
        hello = "LHLO" if self.wire.listener.is_lmtp else "EHLO"
        assert (await talking.say(f"{hello} mail.{evidence}.example")).startswith("250")
        return talking

    def decide(self, owner: str, *contacts: Contact) -> None:
        """As another process would."""
        database = Database(str(self.home / "state.db"))
        open_ledger(database, self.home, {})[0].decide(owner, contacts)
        database.close()

    def delivered(self) -> list[tuple[str, str, str]]:
        """Whose copies went where since the last call: local part, folder, the judgement's code."""
        new = self.spool.stored[self._taken :]
        self._taken = len(self.spool.stored)
        return [
            (one.address.local, one.folder or "inbox", one.verdict.partition(":")[0])
            for entry, _ in new
            for one in entry.envelope.recipients
        ]

    def close(self) -> None:
        self.database.close()


class Talking:
    """One session."""

    def __init__(self, wire: Wire, transport: FakeTransport, session: Session) -> None:
        self._wire = wire
        self.transport = transport
        self._session = session

    async def say(self, line: str) -> str:
        return await self.send(f"{line}\r\n".encode())

    async def send(self, octets: bytes) -> str:
        """The reply to octets; its lines joined by ``|``."""
        self._session.data_received(octets)
        while self._wire.context.tasks:
            await asyncio.gather(*self._wire.context.tasks, return_exceptions=True)
            await asyncio.sleep(0)
        for _ in range(200):  # an alias's copies are committed beside the session
            text = self.transport.take()
            if text:
                return text.removesuffix("\r\n").replace("\r\n", "|")
            await asyncio.sleep(0.01)
        raise AssertionError("no answer")

    async def content(self, octets: bytes) -> str:
        assert (await self.say("DATA")).startswith("354")
        return await self.send(octets + b".\r\n")

    def close(self) -> None:
        self._session.connection_lost(None)
