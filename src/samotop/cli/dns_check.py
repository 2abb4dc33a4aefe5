"""Asks DNS for every record that a domain needs, and compares.

All questions are asked at once; ``dns_compare`` judges the answers, except for
what takes further questions: the host's addresses, SPF, which is evaluated as
a receiver of our mail would, reverse DNS, and whether the zone is signed.
Raises nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from itertools import groupby
from typing import Any, Final

from samotop.cli.dns_compare import compare_records
from samotop.cli.dns_finding import ADVICE, DIFFERS, EXTRA, MISSING, OK, UNANSWERED, Finding, find, find_unanswered
from samotop.cli.dns_plan import EXAMPLE_ADDRESS
from samotop.cli.dns_policy import check_policy, check_web_host
from samotop.cli.dns_records import Needed, Section, Situation
from samotop.dns.answer import Answer, Security
from samotop.dns.resolver import Resolver
from samotop.dns.zonefile import is_inside
from samotop.msgauth import iprev, spf
from samotop.msgauth.results import Result
from samotop.tlspolicy.mtasts import Fetcher

ADDRESS_LIMIT: Final = 8
"""Addresses of the host that are looked at: a mail server has two."""
STRANGERS: Final = ("192.0.2.251", "2001:db8:ffff::251")
"""Addresses that nobody has (RFC 5737, RFC 3849): whom an SPF record lets in that lets everybody in."""

Work = Coroutine[Any, Any, list[Finding]]


async def check_records(
    situation: Situation,
    sections: Sequence[Section],
    resolver: Resolver,
    advance: Callable[[int, int], None] = lambda done, total: None,
    *,
    fetcher: Fetcher | None = None,
) -> list[Finding]:
    """The findings, in the order of ``sections``. ``advance(done, total)`` is told how far it has come.

    With a ``fetcher`` the MTA-STS policy is fetched as a sender would, and compared.
    """
    check = _Check(situation, resolver)
    work: list[Work] = []
    for section in sections:
        if section.title == "A, AAAA":
            work.append(check.check_host())
        for _, group in groupby(section.records, key=lambda one: (one.purpose, one.name, one.type)):
            records = list(group)
            if records[0].purpose != "address":
                work.append(check.check_group(records))
    if fetcher is not None:
        work.append(check_policy(situation, resolver, fetcher))
    work += [check.check_reverse(), check.check_signed()]
    done = 0

    async def counted(one: Work) -> list[Finding]:
        nonlocal done
        found = await one
        done += 1
        advance(done, len(work))
        return found

    advance(0, len(work))
    found = await asyncio.gather(*(counted(one) for one in work))
    return [finding for group in found for finding in group]


class _Check:
    """One domain's check. The host's addresses are asked for once, and several parts wait for them."""

    def __init__(self, situation: Situation, resolver: Resolver) -> None:
        self._at = situation
        self._resolver = resolver
        self._answers: asyncio.Future[list[Answer]] | None = None

    async def _host(self) -> list[Answer]:
        if self._answers is None:
            lookups = (self._resolver.lookup(self._at.hostname, kind) for kind in ("A", "AAAA"))
            self._answers = asyncio.ensure_future(asyncio.gather(*lookups))
        return await self._answers

    async def _addresses(self) -> list[str]:
        """Where our mail comes from, as far as anybody knows."""
        answered = [address for answer in await self._host() for address in answer.names]
        return list(dict.fromkeys((*self._at.addresses, *answered)))[:ADDRESS_LIMIT]

    async def check_group(self, records: list[Needed]) -> list[Finding]:
        """Records of one name and type."""
        first = records[0]
        if first.purpose == "MTA-STS host":
            return [await check_web_host(first, self._at.domain, self._resolver)]
        answer = await self._resolver.lookup(first.name, first.type)
        if answer.is_temporary:
            return [find_unanswered(first, answer)]
        if first.purpose.startswith("SPF"):
            return await self._check_spf(first, answer)
        if first.purpose == "CAA" and not answer.records and (above := await self._issuers_above(first.name)):
            return [find(first, OK, f"what {above} says of authorities holds for the host too")]
        return compare_records(records, answer, self._at.domain)

    async def check_host(self) -> list[Finding]:
        """The host has the addresses that we know of, and some in any case."""
        findings = []
        answers = await self._host()
        for answer in answers:
            wanted = [one for one in self._at.addresses if (":" in one) == (answer.type == "AAAA")]
            record = Needed("address", self._at.hostname, answer.type, wanted[0] if wanted else "")
            if answer.is_temporary:
                findings.append(find_unanswered(record, answer))
                continue
            for address in wanted:
                one = Needed("address", self._at.hostname, answer.type, address)
                if address in answer.names:
                    findings.append(find(one, OK, f"the host is at {address}"))
                else:
                    words = f"{address} is not told as the host's address"
                    findings.append(find(one, MISSING, words, domain=self._at.domain, found=answer.names))
            for address in answer.names:
                if not self._at.addresses:
                    findings.append(find(record, OK, f"the host is at {address}"))
                elif address not in wanted:
                    words = f"{address} is told as the host's address too: if the server is not there, mail is lost"
                    findings.append(find(record, EXTRA if wanted else ADVICE, words))
        if not findings:
            record = Needed("address", self._at.hostname, "A", EXAMPLE_ADDRESS)
            words = "the host has no address: no mail can come. With your server's public address for the example:"
            findings.append(find(record, MISSING, words, domain=self._at.domain))
        return findings

    async def _check_spf(self, record: Needed, answer: Answer) -> list[Finding]:
        """Evaluated as a receiver would, for each of our addresses and for those of strangers."""
        domain = self._at.domain
        texts = [text for text in answer.texts if spf.is_record(text)]
        shown = [text.decode("ascii", "replace") for text in texts]
        if len(texts) > 1:
            words = f"there are {len(texts)} SPF records, which is an error to receivers: put them into one"
            return [find(record, EXTRA, words, domain=domain, found=shown)]
        if not texts:
            words = "anybody may send in its name, and your own mail looks no better"
            return [find(record, MISSING, words, domain=domain)]
        ours, strangers = await asyncio.gather(
            self._evaluate_spf(record.name, await self._addresses()), self._evaluate_spf(record.name, STRANGERS)
        )
        for found in (*ours.values(), *strangers.values()):
            if found.result is Result.PERMERROR:
                words = f"receivers cannot use the record: {found.reason or 'it is not valid'}"
                return [find(record, DIFFERS, words, domain=domain, found=shown)]
        if any(found.result is Result.PASS for found in strangers.values()):
            words = "the record lets everybody send in the domain's name"
            return [find(record, DIFFERS, words, domain=domain, found=shown)]
        if any(found.result is Result.TEMPERROR for found in ours.values()):
            return [find(record, UNANSWERED, "no server answered what the record refers to", found=shown)]
        # Through a smarthost the mail comes from addresses that only its operator knows.
        refused = [] if self._at.smarthost else [at for at, one in ours.items() if one.result is not Result.PASS]
        if refused:
            words = f"the record does not allow {', '.join(refused)}, from where your mail comes"
            return [find(record, DIFFERS, words, domain=domain, found=shown)]
        if not ours:
            return [find(record, OK, "the record is valid; which addresses it should allow is not known", found=shown)]
        return [find(record, OK, "your server may send in its name, strangers may not", found=shown)]

    async def _issuers_above(self, name: str) -> str:
        """The closest name above, within the domain, whose CAA records hold for ``name`` (RFC 8659 §3); else ``""``."""
        while is_inside(name, self._at.domain) and name != self._at.domain:
            name = name.partition(".")[2]
            if (await self._resolver.lookup(name, "CAA")).records:
                return name
        return ""

    async def _evaluate_spf(self, name: str, addresses: Sequence[str]) -> dict[str, spf.SpfResult]:
        found = await asyncio.gather(
            *(spf.evaluate(one, self._at.hostname, f"postmaster@{name}", self._resolver) for one in addresses)
        )
        return dict(zip(addresses, found, strict=True))

    async def check_reverse(self) -> list[Finding]:
        """The addresses lead back to the host: advice, as it is not in the domain's zone."""
        addresses = await self._addresses()
        found = await asyncio.gather(*(iprev.verify(one, self._resolver) for one in addresses))
        findings = []
        for address, one in zip(addresses, found, strict=True):
            record = Needed("reverse DNS", address, "PTR", f"{self._at.hostname}.")
            if self._at.hostname in (one.name, *one.names) and one.result is Result.PASS:
                findings.append(find(record, OK, f"{address} leads back to {self._at.hostname}"))
            elif one.result is Result.TEMPERROR:
                findings.append(find(record, ADVICE, f"no server answered which name {address} has"))
            else:
                told = f"has the name {one.names[0]}" if one.names else "has no name"
                words = (
                    f"{address} {told}, and should have {self._at.hostname}: many servers refuse your mail. "
                    "Whoever gave you the address can set it."
                )
                findings.append(find(record, ADVICE, words, found=one.names))
        return findings

    async def check_signed(self) -> list[Finding]:
        """Whether the zones are signed: of the domain, and of the host if that is elsewhere."""
        names = list(dict.fromkeys((self._at.domain, self._at.hostname)))
        answers = await asyncio.gather(
            self._resolver.lookup(self._at.domain, "MX"), self._resolver.lookup(self._at.hostname, "A")
        )
        findings = []
        for name, answer in zip(names, answers, strict=False):
            record = Needed("DNSSEC", name, "DNSSEC", "")
            if answer.security is Security.SECURE:
                findings.append(find(record, OK, "signed, and the signatures are good"))
            elif answer.security is Security.BOGUS:
                findings.append(find(record, DIFFERS, "the signatures are broken: for many receivers the zone is gone"))
            elif answer.security is Security.INSECURE:
                words = "not signed, as far as we can see: whoever is in between can change every answer above"
                findings.append(find(record, ADVICE, words))
        return findings
