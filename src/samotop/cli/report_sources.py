"""What each server did that sent in a domain's name, counted while reports go by, and what it means for the owner.

    tally = Tally()
    summary = summarize(tally.count(report) for report in reports)
    tally.sources            # the same messages, by domain and server

Nothing of a report is kept but numbers, addresses of servers and a few domain
names. Raises nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import Enum
from ipaddress import IPv6Address, ip_address
from typing import Final

from samotop.msgauth.reports import AggregateReport, Evaluated

NO_ADDRESS: Final = "no address"
"""In place of a source that is none."""
NAME_LIMIT: Final = 253
"""Characters of a domain, and of other words that a report chose."""
OTHERS_LIMIT: Final = 3
"""Other domains of a source that are kept: one says whose server it is."""
ADDRESS_LIMIT: Final = 45
"""Characters of an address: the longest way to write one."""


class Meaning(Enum):
    """What became of a server's mail, the worst first: a word, and what the owner of the domain may do."""

    FAILS = (
        "fails",
        "These servers send in your name, and nothing proves that they may. If one is yours, add it to SPF or let it "
        "sign with DKIM. If it is not, somebody pretends to be you, and your policy is what keeps that out.",
    )
    PARTLY = (
        "fails in part",
        "Some of their mail fails. If the server is yours, see whether it signs all that it sends; mailing lists and "
        "forwarders look like this too, and you need not mind them.",
    )
    SPF_ALONE = (
        "passes by SPF alone",
        "Some of their mail is not signed by your domain: it fails as soon as somebody forwards it. Let them sign "
        "with DKIM.",
    )
    DKIM_ALONE = (
        "passes by DKIM alone",
        "SPF does not prove it, but the signature of your domain does. If a server is yours, add it to SPF; forwarders "
        "look like this too, and they are fine.",
    )
    PASSES = ("passes", "SPF and DKIM prove it. There is nothing to do.")

    def __init__(self, word: str, advice: str) -> None:
        self.word = word
        self.advice = advice


@dataclass(slots=True)
class Source:
    """Messages of one server in one domain's name: how many, and for how many of them what passed and was aligned."""

    domain: str
    address: str
    count: int = 0
    passed: int = 0
    dkim: int = 0
    spf: int = 0
    dispositions: Counter[str] = field(default_factory=Counter)
    others: list[str] = field(default_factory=list)
    """Domains that SPF or DKIM proved where the mail failed: whose server it may be."""

    @property
    def meaning(self) -> Meaning:
        if not self.passed:
            return Meaning.FAILS
        if self.passed < self.count:
            return Meaning.PARTLY
        if self.dkim < self.count:
            return Meaning.SPF_ALONE
        return Meaning.PASSES if self.spf else Meaning.DKIM_ALONE

    def add(self, count: int, found: Evaluated) -> None:
        self.count += count
        self.dkim += count if found.dkim_aligned else 0
        self.spf += count if found.spf_aligned else 0
        self.dispositions[found.disposition] += count
        if found.dkim_aligned or found.spf_aligned:
            self.passed += count
            return
        names = [one.domain for one in found.dkim if one.result == "pass"]
        names += [one.domain for one in found.spf if one.result == "pass"]
        for name in names:
            if len(self.others) < OTHERS_LIMIT and name and name[:NAME_LIMIT] not in self.others:
                self.others.append(name[:NAME_LIMIT])


class Tally:
    """Counts reports by domain and server."""

    def __init__(self) -> None:
        self._sources: dict[tuple[str, str], Source] = {}
        self.problems = 0
        """Reports that lack something or garble it."""

    def count(self, report: AggregateReport) -> AggregateReport:
        """The report again, with each address written in one way and no word longer than it can honestly be."""
        domain = report.policy.domain[:NAME_LIMIT]
        rows = tuple(replace(row, evaluated=_normalize(row.evaluated)) for row in report.rows)
        for row in rows:
            if not row.count:
                continue
            key = domain, row.evaluated.source_ip
            source = self._sources.get(key)
            if source is None:
                source = self._sources[key] = Source(*key)
            source.add(row.count, row.evaluated)
        self.problems += bool(report.problems)
        return replace(report, policy=replace(report.policy, domain=domain), rows=rows)

    @property
    def sources(self) -> list[Source]:
        """By domain; those that mean most to the owner first, then those that sent most."""
        order = list(Meaning)
        return sorted(
            self._sources.values(), key=lambda one: (one.domain, order.index(one.meaning), -one.count, one.address)
        )


def _normalize(found: Evaluated) -> Evaluated:
    overrides = tuple(replace(one, type=one.type[:NAME_LIMIT]) for one in found.overrides)
    disposition = found.disposition[:NAME_LIMIT]
    return replace(found, source_ip=_read_address(found.source_ip), disposition=disposition, overrides=overrides)


def _read_address(text: str) -> str:
    try:
        address = ip_address(text) if len(text) <= ADDRESS_LIMIT and "%" not in text else None
    except ValueError:
        address = None
    if address is None:
        return NO_ADDRESS
    inside = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(inside or address)
