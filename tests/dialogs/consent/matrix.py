"""What strangers hear, and where their mail goes: each standing, evidence and wish, for three attempts in a row.

    python -m tests.dialogs.consent.matrix --write

plays all of it and writes ``matrix.txt`` (every reply as it was said) and the table in docs/consent.md. The tests
play it again and compare. What differs is looked at before it is committed: these files are the specification.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from samotop.consent.contact import Binding, Contact, Standing
from samotop.consent.evidence import Evidence
from samotop.consent.identity import Identity, IdentityKind
from samotop.ports.contacts import ContactRequest
from tests.fakes.ledgerstage import EVIDENCE, NETWORK, PEERS, Stage, message

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parents[2] / "docs" / "consent.md"
BEGIN: Final = "<!-- the table: python -m tests.dialogs.consent.matrix --write -->\n"
END: Final = "<!-- the table's end -->\n"

STANDINGS: Final = ("unknown", "pending", "approved", "differs", "rejected", "rejected-proven")
WISHES: Final = ("request", "defer", "accept")
MOMENTS: Final = (("at once", 0.0), ("1 minute later", 60.0), ("5 minutes later", 240.0), ("5 hours later", 5 * 3600.0))
"""When the same message comes, and the seconds since the one before."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: what was said to RCPT and, if it went so far, to the content; where a copy went, flagged or not."""

    recipient: str
    content: str = ""
    folder: str = ""
    is_flagged: bool = False

    @property
    def place(self) -> str:
        return f"{self.folder}, flagged" if self.is_flagged else self.folder

    def __str__(self) -> str:
        """For people: where it ended, and how."""
        if not self.content:
            return f"{self.recipient[:9]} at RCPT"
        return self.place if self.folder else self.content[:9]


@dataclass(frozen=True, slots=True)
class Row:
    standing: str
    evidence: str
    wish: str
    attempts: tuple[Attempt, ...]


def contact(standing: str, evidence: str) -> Contact | None:
    """What the owner has decided about ``bob@EVIDENCE.example``."""
    domain = f"{evidence}.example"
    bob = Identity(IdentityKind.ADDRESS, f"bob@{domain}")
    met = {"weak": Binding(network=NETWORK), "none": Binding()}.get(evidence, Binding(domain))
    if standing == "approved":
        return Contact(bob, Standing.APPROVED, met)
    if standing == "differs":
        unmet = Binding(domain) if evidence in ("weak", "none") else Binding(domain, "another key")
        return Contact(bob, Standing.APPROVED, unmet)
    if standing == "rejected":
        return Contact(bob, Standing.REJECTED)
    return Contact(bob, Standing.REJECTED, Binding(domain)) if standing == "rejected-proven" else None


def owner_of(standing: str, evidence: str) -> str:
    return f"{standing}-{evidence}"


async def play(wish: str, home: Path, standings: Iterable[str] = STANDINGS) -> list[Row]:
    """All combinations with one wish, each with an owner of its own."""
    cells = [(standing, evidence) for standing in standings for evidence in EVIDENCE]
    stage = Stage(home, {owner_of(*cell): wish for cell in cells})
    for cell in cells:
        prepare(stage, *cell)
    found: dict[tuple[str, str], list[Attempt]] = {cell: [] for cell in cells}
    for _, seconds in MOMENTS:
        stage.clock.move(seconds)
        for cell in cells:
            found[cell].append(await attempt(stage, owner_of(*cell), cell[1]))
    stage.close()
    return [Row(standing, evidence, wish, tuple(found[standing, evidence])) for standing, evidence in cells]


def prepare(stage: Stage, standing: str, evidence: str) -> None:
    owner, decided = owner_of(standing, evidence), contact(standing, evidence)
    if decided is not None:
        stage.decide(owner, decided)
    if standing == "pending":
        domain = f"{evidence}.example"
        network = NETWORK if evidence != "none" else "203.0.113.0/24"
        proof = Evidence(domain, ("dkim",)) if evidence in ("dkim", "spf") else Evidence(network=network)
        bob = Identity(IdentityKind.ADDRESS, f"bob@{domain}")
        since = stage.clock.time() - 3600
        stage.consenting.contacts.note_request(
            owner, ContactRequest(bob, (bob,), proof, first_seen=since, last_seen=since)
        )


async def attempt(stage: Stage, owner: str, evidence: str) -> Attempt:
    """One attempt with the same message."""
    talk = await stage.open(evidence)
    author = f"bob@{evidence}.example"
    assert await talk.say(f"MAIL FROM:<{author}> SIZE=500") == "250 2.1.0 Ok"
    recipient = await talk.say(f"RCPT TO:<{owner}@example.org>")
    content = await talk.content(message(evidence, author)) if recipient.startswith("250") else ""
    talk.close()
    delivered = stage.delivered()
    if not delivered:
        return Attempt(recipient, content)
    name = stage.spool.drafts[-1].id
    flagged = any(name in one.entries and one.is_flagged for one in stage.consenting.contacts.requests(owner))
    return Attempt(recipient, content.replace(name, "ID"), delivered[0][1], flagged)


async def play_all(home: Path) -> list[Row]:
    rows: list[Row] = []
    for wish in WISHES:
        (home / wish).mkdir()
        rows += await play(wish, home / wish)
    return rows


def format_dialogs(rows: Iterable[Row]) -> str:
    """As a file of dialogs."""
    lines = [
        "# Every standing with every evidence and wish: the same message, four times.",
        "# Written by matrix.py, read by people: what changes here is looked at.",
        f"# Peers: {', '.join(f'{name} {ip}' for name, ip in PEERS.items())}",
    ]
    for row in rows:
        lines += ["", f"== {row.standing}, {row.evidence}, {row.wish}"]
        for (moment, _), one in zip(MOMENTS, row.attempts, strict=True):
            lines += [f"# {moment}", "C: RCPT", f"S: {one.recipient}"]
            if one.content:
                lines += ["C: content", f"S: {one.content}"]
            if one.folder:
                lines.append(f"= {one.place}")
    return "\n".join(lines) + "\n"


def format_table(rows: Iterable[Row]) -> str:
    """As the page shows it; lines that are alike for several evidences are one."""
    moments = [moment for moment, _ in MOMENTS]
    lines = [f"| wish | standing | evidence | {' | '.join(moments)} |", "|---" * (3 + len(moments)) + "|"]
    groups: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for row in rows:
        groups.setdefault((row.wish, row.standing, tuple(map(str, row.attempts))), []).append(row.evidence)
    for (wish, standing, attempts), evidence in groups.items():
        lines.append(f"| `{wish}` | {standing} | {', '.join(evidence)} | {' | '.join(attempts)} |")
    return "\n".join(lines) + "\n"


def insert_table(page: str, table: str) -> str:
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table}\n{END}{tail}"


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        rows = asyncio.run(play_all(Path(place)))
    if "--write" in sys.argv:
        (HERE / "matrix.txt").write_text(format_dialogs(rows), encoding="utf-8")
        PAGE.write_text(insert_table(PAGE.read_text(encoding="utf-8"), format_table(rows)), encoding="utf-8")
    else:
        print(format_table(rows))


if __name__ == "__main__":
    main()
