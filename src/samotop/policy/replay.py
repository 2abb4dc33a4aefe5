"""Recorded decisions, decided again under other rules: what would change?

The rules are hidden under the same key as the records (``policy.pseudonyms``), then the table of ``policy.stage`` is
asked about the facts of each record, stage by stage. What came before the recorded stage is asked, too: new rules may
have refused earlier. Not decided again, because the record does not hold what it rests on: types of attachments,
loops, harvesting, what the stores decide (recipients, logins, lists, consent). A rate is counted anew, by the
records' times; only messages that came to their end, and refusals, are in the records.

Pure; raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from samotop.address import Address
from samotop.envelope import Recipient
from samotop.facts import MailFacts, RecipientFacts
from samotop.policy.allowed import Named
from samotop.policy.cause import code_of
from samotop.policy.content import ContentRules
from samotop.policy.hello import HelloRules
from samotop.policy.pseudonyms import Pseudonyms
from samotop.policy.record import Record, content_facts
from samotop.policy.rules import PolicyRules
from samotop.policy.stage import TABLE, Checks, Stage, Tools
from samotop.verdict import Verdict

NOT_REPLAYED: Final = frozenset(("loops-hops", "content-type", "encrypted-owner"))
REPLAYED: Final = frozenset(cause.code for row in TABLE for cause in row.causes) - NOT_REPLAYED


@dataclass(frozen=True, slots=True)
class Change:
    """What was, and what would be, for so many recipients of one record; an empty code passes the checks."""

    at: int
    stage: str
    before: str
    after: str
    recipients: int = 1


def hide_rules(rules: PolicyRules, hide: Pseudonyms) -> PolicyRules:
    """The rules, as they match what is hidden."""
    hello = HelloRules(
        rules.hello.mode, hide.domain(rules.hello.hostname), frozenset(map(hide.domain, rules.hello.domains))
    )
    never = frozenset(str(hide.address(_split(one))).lower() for one in rules.no_bounces)
    return replace(rules, hello=hello, no_bounces=never, content=ContentRules())


def _split(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(local, domain)


class Replay:
    """One run over records in the order of their times. ``named`` and ``is_inside`` are hidden as well."""

    def __init__(self, rules: PolicyRules, named: Named, is_inside: Callable[[str], bool]) -> None:
        self._at = 0
        self._checks = Checks(Tools(rules, named, lambda: float(self._at)), is_inside)
        self.count = 0

    def run(self, records: Iterable[Record]) -> Iterator[Change]:
        for record in records:
            self.count += 1
            self._at = record.at
            yield from self.decide(record)

    def decide(self, record: Record) -> list[Change]:
        """What would change for one record."""
        after = self._codes(record)
        codes = [code if code in REPLAYED else "" for code, _ in record.outcomes] or [""]
        before = codes if len(codes) == len(after) else codes[:1] * len(after)
        changes: dict[tuple[str, str], int] = {}
        for pair in zip(before, after, strict=True):
            if pair[0] != pair[1]:
                changes[pair] = changes.get(pair, 0) + 1
        return [Change(record.at, record.stage, was, now, count) for (was, now), count in changes.items()]

    def _codes(self, record: Record) -> list[str]:
        """For each recipient, or the one thing that was decided, what the checks refuse it for now."""
        width = max(1, len(record.recipients))
        early = self._ask_early(record)
        if early or record.mail is None or not record.recipients:
            return [early] * width
        codes = self._ask_recipients(record, record.mail)
        if record.stage == Stage.CONTENT.value:
            last = _code(self._checks.content(content_facts(record)))
            codes = [one or last for one in codes]
        return codes

    def _ask_early(self, record: Record) -> str:
        code = _code(self._checks.connection(record.connection))
        if not code and record.hello is not None:
            code = _code(self._checks.hello(record.hello))
        # A recipient that was refused alone had its MAIL counted with the record of its message, if that came.
        if not code and record.mail is not None and record.stage != Stage.RECIPIENT.value:
            code = _code(self._checks.mail(record.mail))
        return code

    def _ask_recipients(self, record: Record, mail: MailFacts) -> list[str]:
        codes: list[str] = []
        taken: tuple[Recipient, ...] = ()
        if record.stage == Stage.RECIPIENT.value:
            taken = (Recipient(Address("", "")),) * record.accepted
        for address in record.recipients:
            recipient = Recipient(address)
            codes.append(_code(self._checks.recipient(RecipientFacts(mail, recipient, taken))))
            taken = (*taken, recipient) if not codes[-1] else taken
        return codes


def _code(verdict: Verdict) -> str:
    return code_of(verdict) if verdict.is_refusal else ""
