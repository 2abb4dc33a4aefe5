"""What consent costs with a large ledger and a storm of strangers.

    python bench/consent_bench.py [--rows 1000000] [--strangers 10000]

The rows are written through the store as ``samotop contact import`` writes them: 100 owners, who know as many each.
RCPT is timed twice: the decision alone, and a round trip to a server that ``samotop serve`` runs with this ledger,
whose DNS is on this machine: each message has a sender of its own, whom SPF proves. The first RCPT of a message waits
for that proof, and is counted with its wait. Then the strangers come, each written and synced as for a message; and
after two months, others.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import smtplib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from samotop.address import Address
from samotop.consent.contact import Binding, Contact, Origin, Standing
from samotop.consent.evidence import Evidence
from samotop.consent.identity import Identity, IdentityKind
from samotop.consent.wishes import Unknown, Wishes
from samotop.envelope import NO_PARAMETERS, Recipient
from samotop.facts import ConnectionFacts, HelloFacts, MailFacts, RecipientFacts
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.results import Result
from samotop.msgauth.spf import SpfResult
from samotop.net.clock import SystemClock
from samotop.peer import Peer
from samotop.ports import Account
from samotop.ports.contacts import ContactRequest
from samotop.reception.consenting import Consent
from samotop.reception.ledger import Ledger, Owned
from samotop.store.accounts import SqliteAccounts
from samotop.store.attempts import SqliteAttempts
from samotop.store.database import Database
from samotop.store.ledger.contacts import REQUEST_SECONDS, SqliteContacts
from samotop.store.ledger.opening import open_ledger
from samotop.store.passwords import PasswordRules, hash_password
from tests.fakes.zoneserver import ZoneServer

OWNERS: Final = 100
DOMAINS: Final = 20_000
AT_ONCE: Final = 10_000
CALLS: Final = 5_000
RCPT_SECONDS: Final = 0.002
"""What the issue allows, as a median."""
CONFIG: Final = """\
hostname = "mx.example.org"
domains = ["example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"
tls = "none"

[policy]
exempt = []

[consent]
unknown = "WISH"

[limits]
sessions_per_address = 1000

[dns]
servers = ["SERVER"]
dnssec = "off"
"""


@dataclass(frozen=True)
class Row:
    what: str
    median: float
    worst: float
    """The 99th percentile."""


def owner(number: int) -> str:
    return f"owner{number % OWNERS}"


def known(number: int) -> Identity:
    return Identity(IdentityKind.ADDRESS, f"person{number}@domain{number % DOMAINS}.example")


def fill(contacts: SqliteContacts, rows: int) -> float:
    """Write ``rows`` contacts; seconds that took."""
    begun = time.perf_counter()
    for number in range(OWNERS):
        mine = [
            Contact(known(one), Standing.APPROVED, Binding(f"domain{one % DOMAINS}.example"), Origin.IMPORTED, 1.0)
            for one in range(number, rows, OWNERS)
        ]
        for start in range(0, len(mine), AT_ONCE):
            contacts.decide(owner(number), mine[start : start + AT_ONCE])
    return time.perf_counter() - begun


def timed(what: str, calls: Iterator[Callable[[], object]]) -> Row:
    seconds: list[float] = []
    for call in calls:
        begun = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begun)
    return Row(what, statistics.median(seconds), statistics.quantiles(seconds, n=100)[98])


def time_finds(contacts: SqliteContacts, rows: int) -> Row:
    chance = random.Random(1)
    numbers = [chance.randrange(rows) for _ in range(CALLS)]
    return timed(
        "`find` of an author's address and domain, known",
        (
            lambda n=n: contacts.find(owner(n), (known(n), Identity(IdentityKind.DOMAIN, "x.example")), 2.0)
            for n in numbers
        ),
    )


def time_decisions(database: Database, home: Path, rows: int, wish: Unknown) -> Row:
    """The decision at RCPT, for a sender whom SPF proves: every look-up there is."""
    contacts, allowances = open_ledger(database, home, {})
    attempts = SqliteAttempts(database, bytes(32))
    wishes = Wishes(wish)
    find: Callable[[Address], Owned] = lambda address: Owned(address.local)  # noqa: E731 - it is one word of the ledger
    ledger = Ledger(contacts, allowances, attempts, find, lambda _: wishes)
    consent = Consent(ledger, SystemClock(), asyncio.to_thread, lambda _: False)
    chance = random.Random(2)
    peer = Peer("192.0.2.7")
    hello = HelloFacts(ConnectionFacts(peer, "mx.example.org"), "a.example", True)

    def facts(number: int) -> RecipientFacts:
        sender = Address(f"person{number}", f"domain{number % DOMAINS}.example")
        proof = Authentication(spf=SpfResult(Result.PASS, sender.domain, "mailfrom", str(sender)))
        mail = MailFacts(hello, sender, NO_PARAMETERS, proof)
        return RecipientFacts(mail, Recipient(Address(owner(number), "example.org")))

    asked = [facts(chance.randrange(2 * rows)) for _ in range(CALLS)]
    return timed(
        f"the decision at RCPT, wish `{wish.value}`", (lambda one=one: consent.check_recipient(one) for one in asked)
    )


def time_round_trips(home: Path) -> tuple[Row, Row]:
    """RCPT as a client sees it: the first of a message, and one more for another owner."""
    zones = {f"stranger{n}.example": {"TXT": ['"v=spf1 ip4:127.0.0.1 -all"']} for n in range(CALLS)}
    first: list[float] = []
    second: list[float] = []
    with ZoneServer(zones) as dns:
        (home / "samotop.toml").write_text(CONFIG.replace("SERVER", dns.address).replace("WISH", "request"))
        with Server(home) as port, smtplib.SMTP("127.0.0.1", port) as client:
            client.ehlo("mail.example")
            for number in range(CALLS // 10):
                client.docmd("MAIL", f"FROM:<bob@stranger{number}.example>")
                for times in (first, second):
                    begun = time.perf_counter()
                    code, words = client.docmd("RCPT", f"TO:<{owner(number + len(second))}@example.org>")
                    times.append(time.perf_counter() - begun)
                    if code != 250:
                        raise AssertionError(words)
                client.docmd("RSET")
    return (
        Row("a round trip of RCPT, the message's first, SPF and all", statistics.median(first), _worst(first)),
        Row("a round trip of RCPT, another one", statistics.median(second), _worst(second)),
    )


def _worst(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


class Server:
    """``samotop serve`` on a home that is there already; its port."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def __enter__(self) -> int:
        words = [sys.executable, "-m", "samotop", "serve", "--home", str(self._home)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._process.stdout is not None, "it was asked for"
        said = []
        for line in self._process.stdout:
            said.append(line)
            for word in line.split():
                host, _, port = word.strip(",;").rpartition(":")
                if host == "127.0.0.1" and port.isdigit():
                    return int(port)
        raise RuntimeError("".join(said))

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)


def storm(contacts: SqliteContacts, strangers: int, now: float, wave: int) -> float:
    """``strangers`` unknown correspondents of one owner; seconds that took."""
    begun = time.perf_counter()
    for number in range(strangers):
        domain = f"wave{wave}-{number}.example"
        one = Identity(IdentityKind.ADDRESS, f"stranger@{domain}")
        evidence = Evidence(domain, ("dkim",), (domain,))
        contacts.note_request(
            "owner0",
            ContactRequest(one, (one,), evidence, "A stranger", "Something of interest to you", "unknown",
                           f"unknown; DKIM of {domain}", False, now, now, entries=(f"ENTRY{number:020}",)),
        )  # fmt: skip
    return time.perf_counter() - begun


def size_of(home: Path) -> int:
    return sum(path.stat().st_size for path in home.glob("state.db*"))


def consent(rows: int = 1_000_000, strangers: int = 10_000) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="samotop-consent-") as folder:
        home = Path(folder)
        home.chmod(0o700)
        (home / "samotop.toml").write_text(CONFIG.replace("SERVER", "127.0.0.1:9").replace("WISH", "request"))
        database = Database(str(home / "state.db"))
        password = hash_password("secret", PasswordRules(64, 1, 1, 4096))  # nobody logs in here
        accounts = SqliteAccounts(database, SystemClock())
        for number in range(OWNERS):
            accounts.add(Account(owner(number), *password))
        (home / "keys").mkdir(mode=0o700)
        contacts, _ = open_ledger(database, home, {})
        filled = fill(contacts, rows)
        full = size_of(home)
        found = [time_finds(contacts, rows)]
        found += [time_decisions(database, home, rows, wish) for wish in (Unknown.REQUEST, Unknown.DEFER)]
        found += time_round_trips(home)
        now = time.time()
        stormed = storm(contacts, strangers, now, 1)
        after_one = size_of(home)
        contacts.expire(now + REQUEST_SECONDS)
        storm(contacts, strangers, now + REQUEST_SECONDS, 2)
        after_two = size_of(home)
        database.close()
    lines = [f"### A ledger of {rows:,} rows", "", "| what | median | 99 of 100 |", "|---|---|---|"]
    lines += [f"| {one.what} | {one.median * 1000:.3f} ms | {one.worst * 1000:.3f} ms |" for one in found]
    lines += [
        "",
        "| | |",
        "|---|---|",
        f"| writing the rows | {filled:.0f} s, {rows / filled:,.0f} a second |",
        f"| state.db with them | {full / 2**20:.0f} MiB, {full / rows:.0f} octets each |",
        f"| {strangers:,} strangers ask one owner | {stormed:.1f} s, {strangers / stormed:,.0f} a second |",
        f"| state.db after them | {(after_one - full) / 2**20:+.1f} MiB |",
        f"| two months later, these expired and as many came | {(after_two - after_one) / 2**20:+.1f} MiB more |",
        "",
    ]
    slow = [one.what for one in found if one.median > RCPT_SECONDS]
    lines.append(
        f"Aim: RCPT within {RCPT_SECONDS * 1000:.0f} ms (median): {'missed: ' + ', '.join(slow) if slow else 'met'}."
    )
    return ["\n".join([*lines, ""])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--strangers", type=int, default=10_000)
    arguments = parser.parse_args()
    print("\n".join(consent(arguments.rows, arguments.strangers)))


if __name__ == "__main__":
    main()
