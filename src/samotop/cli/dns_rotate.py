"""``samotop dns rotate``: new DKIM keys for a domain, so that no message goes out that nobody can check.

Each run does the next step that is safe, and says what is to be done by hand:

    publish   a new pair is made, and waits; its records are to be added
    use       DNS answers with them: the new pair signs from now on
    keep      for a week: mail that the old pair signed is still under way
    remove    the old pair is destroyed; its records are to be removed
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from samotop.cli.asking import ask
from samotop.cli.dns_compare import compare_records
from samotop.cli.dns_finding import UNANSWERED, Finding, find_unanswered
from samotop.cli.dns_home import make_keys, note_keys, own_domain
from samotop.cli.dns_plan import plan_dkim
from samotop.cli.dns_records import Needed, Situation
from samotop.cli.dns_zone import format_record
from samotop.cli.outcome import AGAIN, DONE, REFUSED
from samotop.cli.place import open_home
from samotop.cli.show import print_json
from samotop.config.read import load_config
from samotop.dns.names import normalize_name
from samotop.dns.resolver import Resolver
from samotop.store.keys import DkimKeys, KeyPair, PairState

RETIRE_SECONDS: Final = 7 * 86400
"""How long a key's record outlasts its use: mail waits in queues for five days, and some more on the way."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was done, and what is to be done by hand with the records in ``lines``."""

    step: str
    words: str
    lines: tuple[str, ...] = ()
    status: int = DONE


def print_step(domain: str, *, server: str | None, json: bool, home: str | None) -> int:
    """``samotop dns rotate``. Raises ``SetupError``."""
    place = open_home(home)
    config = load_config(place)
    name = own_domain(config, domain)
    hostname = normalize_name(config.hostname)

    def look(pair: KeyPair) -> list[Finding]:
        return ask(config.dns, place, server, lambda resolver: _compare(plan_keys(pair, hostname), name, resolver))

    step = take_step(DkimKeys(place), name, hostname, time.time(), look)
    if json:
        print_json({"domain": name, "step": step.step, "words": step.words, "records": list(step.lines)})
    else:
        print("\n".join((step.words, *(f"\n{line}" for line in step.lines))))
    return step.status


def take_step(
    keys: DkimKeys, domain: str, hostname: str, now: float, look: Callable[[KeyPair], Sequence[Finding]]
) -> Step:
    """The next step for the domain's keys; ``look`` asks DNS for a pair's records. Raises ``SetupError``."""
    pairs = keys.pairs(domain)
    retired = [pair for pair in pairs if pair.state is PairState.RETIRED]
    if not pairs:
        return _publish(make_keys(keys, domain, now), hostname, "It signs from now on, as there was none.")
    if pairs[-1].state is PairState.WAITS:
        return _use(keys, pairs[-1], hostname, now, look)
    signing = pairs[-1]
    if not retired:
        return _publish(make_keys(keys, domain, now), hostname, f"{signing.name} signs until DNS answers with them.")
    left = signing.since + RETIRE_SECONDS - now
    if left > 0:
        days = -int(-left // 86400)
        words = f"{signing.name} signs. Keep all records for now, and come back in {days} day{'s' * (days != 1)}."
        return Step("keep", words)
    lines = [line for pair in retired for line in _lines(pair, hostname)]
    for pair in retired:
        keys.remove(pair)
    named = ", ".join(pair.name for pair in retired)
    return Step("remove", f"Destroyed {named}. Remove these records; that was the last step.", tuple(lines))


def _publish(pair: KeyPair, hostname: str, remark: str) -> Step:
    words = f"Made the pair of keys {pair.name}. {remark} Add these records, then run this again."
    return Step("publish", words, tuple(_lines(pair, hostname)))


def _use(
    keys: DkimKeys, pair: KeyPair, hostname: str, now: float, look: Callable[[KeyPair], Sequence[Finding]]
) -> Step:
    """Let a waiting pair sign if everybody can find its records."""
    findings = look(pair)
    wrong = [finding for finding in findings if finding.is_wrong]
    if wrong:
        names = " and ".join(f"{finding.name} ({finding.state})" for finding in wrong)
        words = f"{pair.name} does not sign yet. DNS does not answer with what belongs at {names}."
        return Step(
            "publish", f"{words} Add these records, then run this again.", tuple(_lines(pair, hostname)), REFUSED
        )
    if any(finding.state == UNANSWERED for finding in findings):
        return Step(
            "publish", f"{pair.name} does not sign yet: no server answered whether its records are there.", (), AGAIN
        )
    keys.use(pair, now)
    words = f"DNS answers with the records of {pair.name}: it signs from now on, or from a running server's next start."
    return Step("use", f"{words} Keep the old records, and come back in 7 days.")


def plan_keys(pair: KeyPair, hostname: str) -> tuple[Needed, ...]:
    """The records of one pair."""
    return plan_dkim(Situation(pair.domain, hostname, keys=tuple(note_keys([pair])))).records


def _lines(pair: KeyPair, hostname: str) -> list[str]:
    return [format_record(record, pair.domain) for record in plan_keys(pair, hostname)]


async def _compare(records: Sequence[Needed], domain: str, resolver: Resolver) -> list[Finding]:
    findings: list[Finding] = []
    for record in records:
        answer = await resolver.lookup(record.name, record.type)
        findings += (
            [find_unanswered(record, answer)] if answer.is_temporary else compare_records([record], answer, domain)
        )
    return findings
