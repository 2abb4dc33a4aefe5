"""What ``samotop dns records`` and ``samotop dns check`` do: gather, plan, compare, print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from samotop.cli.asking import ask
from samotop.cli.dns_check import check_records
from samotop.cli.dns_finding import ADVICE, OK, UNANSWERED, Finding
from samotop.cli.dns_home import observe
from samotop.cli.dns_plan import plan_sections, plan_sts_policy
from samotop.cli.dns_records import Section, Situation
from samotop.cli.dns_zone import format_record, format_zone, is_published
from samotop.cli.outcome import AGAIN, DONE, REFUSED
from samotop.cli.paint import Paint, Progress, choose_paint
from samotop.cli.place import open_home
from samotop.cli.show import clean, print_json
from samotop.config.read import load_config
from samotop.dns.resolver import Resolver
from samotop.net.clock import SystemClock
from samotop.net.fetch import HttpsFetcher
from samotop.tlspolicy.stspolicy import format_policy


def print_records(domain: str, *, addresses: Sequence[str], json: bool, home: str | None) -> int:
    """``samotop dns records``. Raises ``SetupError``."""
    place = open_home(home)
    situation = observe(load_config(place), place, domain, SystemClock(), addresses=addresses)
    sections = plan_sections(situation)
    if json:
        print_json(_plain_zone(situation, sections))
    else:
        print(format_zone(situation, sections), end="")
    return DONE


def _plain_zone(situation: Situation, sections: list[Section]) -> dict[str, Any]:
    return {
        "domain": situation.domain,
        "hostname": situation.hostname,
        "records": [
            {
                "purpose": one.purpose,
                "name": one.name,
                "type": one.type,
                "data": one.data,
                "line": format_record(one, situation.domain),
                "in_zone": is_published(one, situation.domain),
                "why": section.why,
            }
            for section in sections
            for one in section.records
        ],
        "mta_sts_policy": format_policy(plan_sts_policy(situation)).decode("ascii"),
        "zone": format_zone(situation, sections),
    }


def print_check(domain: str, *, server: str | None, addresses: Sequence[str], json: bool, home: str | None) -> int:
    """``samotop dns check``. Raises ``SetupError``."""
    place = open_home(home)
    config = load_config(place)
    situation = observe(config, place, domain, SystemClock(), addresses=addresses)
    sections = plan_sections(situation)
    progress = Progress("asking DNS,")

    async def compare(resolver: Resolver) -> list[Finding]:
        return await check_records(situation, sections, resolver, progress.advance, fetcher=HttpsFetcher(resolver))

    findings = ask(config.dns, place, server, compare)
    if json:
        print_json({"domain": situation.domain, "findings": [_plain_finding(one) for one in findings]})
    else:
        print("\n".join(format_findings(findings, choose_paint())))
        print(summarize(situation.domain, findings))
    return _status(findings)


def _status(findings: list[Finding]) -> int:
    if any(one.is_wrong for one in findings):
        return REFUSED
    return AGAIN if any(one.state == UNANSWERED for one in findings) else DONE


def _plain_finding(one: Finding) -> dict[str, Any]:
    return {
        "purpose": one.purpose,
        "name": one.name,
        "type": one.type,
        "state": one.state,
        "words": one.words,
        "remedy": one.remedy,
        "found": list(one.found),
    }


def format_findings(findings: list[Finding], paint: Paint) -> list[str]:
    """One line for each, with what was found and what to paste below it."""
    width = max((len(one.purpose) for one in findings), default=0)
    lines = []
    for one in findings:
        colour = paint.good if one.state == OK else paint.doubtful if one.state in (ADVICE, UNANSWERED) else paint.bad
        lines.append(f"{colour(f'{one.state:<10}')}  {one.purpose:<{width}}  {one.name}: {clean(one.words)}")
        if one.state != OK:
            lines += [f"              {paint.faint('found:')} {clean(text)}" for text in one.found]
        if one.remedy:
            lines += [f"              {paint.faint('paste:')} {paint.strong(line)}" for line in one.remedy.splitlines()]
    return lines


def summarize(domain: str, findings: list[Finding]) -> str:
    """All of it in a sentence."""
    wrong = sum(one.is_wrong for one in findings)
    unanswered = sum(one.state == UNANSWERED for one in findings)
    if wrong:
        return f"\n{wrong} of {len(findings)} findings about {domain} {'is' if wrong == 1 else 'are'} wrong."
    if unanswered and all(one.state in (UNANSWERED, ADVICE) for one in findings):
        return "\nNo server answered. Try again later, or ask another one: --server HOST:PORT"
    if unanswered:
        return f"\nNothing is wrong as far as DNS answered; {unanswered} went unanswered. Try again later."
    return f"\n{domain} is set up for mail."
