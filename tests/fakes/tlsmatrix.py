"""Every certificate against every policy: the table of outcomes in docs/tls-policy.md.

Rows are what the server shows and what its zone says, columns who demands TLS.
Each cell goes the whole way: DNS, plan, judgement. ``tools/tls_page.py`` writes
the table, tests hold it and look into it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from samotop.msgauth.results import Result
from samotop.testing.zones import ZoneResolver
from samotop.tlspolicy import (
    Judgement,
    Level,
    Memory,
    Mode,
    Session,
    StsPolicy,
    TlsPlan,
    Trust,
    Wish,
    judge_tls,
    lookup_dane,
    lookup_exchanges,
    plan_tls,
)
from tests.fakes.certificates import DAY, NOW, Made, make_certificate

DOMAIN, HOST, END = "example.org", "mx.example.org", "mx.example.net"

COLUMNS: Mapping[str, str] = {
    "dane": "DANE",
    "enforce": "MTA-STS enforce",
    "testing": "MTA-STS testing",
    "memory": "seen verified before",
    "requiretls": "REQUIRETLS",
    "nobody": "nobody",
}


@dataclass(frozen=True)
class Row:
    """What the server shows. ``tlsa`` is in its zone in the column DANE alone; ``zone`` is of all columns."""

    title: str
    chain: tuple[Made, ...] = ()
    tlsa: tuple[str, ...] = ()
    zone: Mapping[str, Mapping[str, list[str] | str]] = field(default_factory=dict)
    fault: str = ""
    offers_requiretls: bool = True
    policy_hosts: tuple[str, ...] = (HOST,)
    base: str = HOST
    """Below which the TLSA records are."""


@dataclass(frozen=True)
class Certificates:
    """The cast."""

    root: Made
    middle: Made
    good: Made
    renewed: Made
    expired: Made
    misnamed: Made
    lone: Made
    private: Made
    own: Made


@cache
def make_cast() -> Certificates:
    root = make_certificate("Public Root", is_authority=True, end=NOW + 900 * DAY)
    middle = make_certificate("Public Middle", issuer=root, is_authority=True, path_length=0, end=NOW + 300 * DAY)
    private = make_certificate("Private Root", is_authority=True)
    return Certificates(
        root,
        middle,
        make_certificate(HOST, issuer=middle),
        make_certificate(HOST, issuer=middle),
        make_certificate(HOST, issuer=middle, begin=NOW - 90 * DAY, end=NOW - DAY),
        make_certificate("mail.example.com", issuer=middle),
        make_certificate(HOST),
        private,
        make_certificate(HOST, issuer=private),
    )


@cache
def make_rows() -> dict[str, Row]:
    cast = make_cast()
    full = (cast.good, cast.middle, cast.root)
    good, lone = full[:2], (cast.lone,)
    late = (cast.expired, cast.middle, cast.root)
    other = (cast.misnamed, cast.middle, cast.root)
    bogus = {f"_25._tcp.{HOST}": {"TLSA": "SERVFAIL"}}
    return {
        "match": Row("matches: key of the server (3 1 1)", good, (cast.good.tlsa(3, 1, 1),)),
        "sha512": Row("matches: SHA-512 of the key (3 1 2)", good, (cast.good.tlsa(3, 1, 2),)),
        "whole": Row("matches: whole certificate (3 0 0)", good, (cast.good.tlsa(3, 0, 0),)),
        "authority": Row("matches: authority in the chain (2 0 1)", full, (cast.root.tlsa(2, 0, 1),)),
        "hidden": Row("authority not in the chain, digest in DNS (2 0 1)", good, (cast.root.tlsa(2, 0, 1),)),
        "carried": Row("authority not in the chain, whole in DNS (2 0 0)", good, (cast.root.tlsa(2, 0, 0),)),
        "rolled": Row(
            "rolled over: two TLSA, of the old key and the new",
            good,
            (cast.renewed.tlsa(3, 1, 1), cast.good.tlsa(3, 1, 1)),
        ),
        "mismatch": Row("mismatch: TLSA of another key", good, (cast.renewed.tlsa(3, 1, 1),)),
        "agility": Row(
            "SHA-256 matches, SHA-512 does not", good, (cast.good.tlsa(3, 1, 1), cast.renewed.tlsa(3, 1, 2))
        ),
        "pkix": Row("TLSA of a usage that is not for mail (1 1 1)", good, (cast.renewed.tlsa(1, 1, 1),)),
        "expired-ee": Row("expired, its key in DNS (3 1 1)", late, (cast.expired.tlsa(3, 1, 1),)),
        "expired-ta": Row("expired, its authority in DNS (2 0 1)", late, (cast.root.tlsa(2, 0, 1),)),
        "misnamed-ee": Row("for another name, its key in DNS (3 1 1)", other, (cast.misnamed.tlsa(3, 1, 1),)),
        "misnamed-ta": Row("for another name, its authority in DNS (2 0 1)", other, (cast.root.tlsa(2, 0, 1),)),
        "self": Row("self-signed, its key in DNS (3 1 1)", lone, (cast.lone.tlsa(3, 1, 1),)),
        "self-ta": Row("self-signed, named as an authority (2 0 1)", lone, (cast.lone.tlsa(2, 0, 1),)),
        "private": Row(
            "authority nobody knows, in DNS (2 1 1)", (cast.own, cast.private), (cast.private.tlsa(2, 1, 1),)
        ),
        "alias": Row("host is an alias; TLSA at its end", good, (cast.good.tlsa(3, 1, 1),), _alias(), base=END),
        "alias-tlsa": Row(
            "TLSA is an alias",
            good,
            (),
            {
                f"_25._tcp.{HOST}": {"CNAME": ["tlsa.example.org."]},
                "tlsa.example.org": {"TLSA": [cast.good.tlsa(3, 1, 1)]},
            },
        ),
        "bogus": Row("bogus zone, or DNS does not answer for TLSA", good, (), bogus),
        "plain": Row("no STARTTLS", (), (cast.good.tlsa(3, 1, 1),)),
        "broken": Row("handshake fails", (), (cast.good.tlsa(3, 1, 1),), fault="closed"),
        "unlisted": Row(
            "host that the MTA-STS policy does not name",
            good,
            (cast.good.tlsa(3, 1, 1),),
            policy_hosts=("other.example.org",),
        ),
        "no-requiretls": Row("does not offer REQUIRETLS", good, (cast.good.tlsa(3, 1, 1),), offers_requiretls=False),
    }


def _alias() -> dict[str, Mapping[str, list[str] | str]]:
    return {HOST: {"CNAME": [f"{END}."]}, END: {"A": ["192.0.2.2"]}}


@cache
def make_trust() -> Trust:
    return Trust([make_cast().root.der])


@dataclass(frozen=True)
class Cell:
    plan: TlsPlan
    judged: Judgement

    @property
    def text(self) -> str:
        """In the words of the page."""
        judged = self.judged
        if judged.result is Result.PASS:
            told = f"; told: {judged.failure}" if judged.failure is not None else ""
            return f"{'in the clear' if judged.reached is Level.NONE else judged.reached}{told}"
        assert judged.status is not None
        kind = f" {judged.failure}" if judged.failure is not None else ""
        return f"**{'waits' if judged.status.is_transient else 'bounces'}** {judged.status}{kind}"


async def evaluate_cell(row: Row, column: str) -> Cell:
    """One connection, from the first question to the judgement."""
    zones: dict[str, Mapping[str, list[str] | str]] = {
        DOMAIN: {"MX": [f"10 {HOST}."]},
        HOST: {"A": ["192.0.2.1"]},
        **row.zone,
    }
    if column == "dane" and row.tlsa:
        zones[f"_25._tcp.{row.base}"] = {"TLSA": list(row.tlsa)}
    elif column != "dane":
        for name in [name for name, table in zones.items() if "CNAME" in table and name.startswith("_25.")]:
            del zones[name]
    resolver = ZoneResolver(zones, secure=True)
    mx = await lookup_exchanges(DOMAIN, resolver)
    dane = await lookup_dane(HOST, resolver, exchanges=mx)
    mode = {"enforce": Mode.ENFORCE, "testing": Mode.TESTING}.get(column)
    plan = plan_tls(
        DOMAIN,
        HOST,
        now=NOW,
        mx=mx,
        dane=dane,
        sts=StsPolicy(mode, row.policy_hosts, 86400) if mode is not None else None,
        memory=Memory(DOMAIN, Level.VERIFIED, NOW - DAY) if column == "memory" else None,
        wish=Wish.REQUIRES if column == "requiretls" else Wish.NOTHING,
    )
    chain = tuple(made.der for made in row.chain)
    session = Session(bool(chain), chain, row.offers_requiretls, row.fault)
    return Cell(plan, judge_tls(plan, session, make_trust(), NOW))


@cache
def evaluate_matrix() -> dict[str, dict[str, Cell]]:
    """Every cell by row and column."""

    async def evaluate() -> dict[str, dict[str, Cell]]:
        return {
            name: {column: await evaluate_cell(row, column) for column in COLUMNS} for name, row in make_rows().items()
        }

    run: Callable[..., dict[str, dict[str, Cell]]] = asyncio.run
    return run(evaluate())


def format_matrix() -> str:
    """The table, in Markdown."""
    lines = ["| the server | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    rows = make_rows()
    for name, cells in evaluate_matrix().items():
        lines.append(f"| {rows[name].title} | " + " | ".join(cells[column].text for column in COLUMNS) + " |")
    return "\n".join(lines)
