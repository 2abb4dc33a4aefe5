"""Asks for a domain's MTA-STS policy as a sender does (RFC 8461 §3.3), and compares it with the one that we plan.

Raises nothing.
"""

from __future__ import annotations

import asyncio

from samotop.cli.dns_finding import ADVICE, DIFFERS, MISSING, OK, UNANSWERED, Finding, find
from samotop.cli.dns_plan import plan_sts_policy
from samotop.cli.dns_records import Needed, Situation
from samotop.dns.resolver import Resolver
from samotop.tlspolicy.mtasts import (
    BadPolicy,
    Fetcher,
    FetchStatus,
    Mode,
    choose_record,
    format_url,
    match_host,
    parse_policy,
)


async def check_web_host(record: Needed, domain: str, resolver: Resolver) -> Finding:
    """The name of the policy's web server has an address; whether by CNAME or not is its owner's choice."""
    answers = await asyncio.gather(*(resolver.lookup(record.name, kind) for kind in ("A", "AAAA")))
    found = [name for answer in answers for name in answer.names]
    if found:
        return find(record, OK, f"the policy's web server is at {found[0]}", found=found)
    if any(answer.is_temporary for answer in answers):
        return find(record, UNANSWERED, "no server answered this question")
    return find(record, MISSING, "senders cannot fetch the MTA-STS policy", domain=domain)


async def check_policy(at: Situation, resolver: Resolver, fetcher: Fetcher) -> list[Finding]:
    """What senders get to see; nothing where no policy is announced."""
    record = Needed("MTA-STS policy", f"mta-sts.{at.domain}", "HTTPS", "")
    answer = await resolver.lookup(f"_mta-sts.{at.domain}", "TXT")
    if not choose_record(answer.texts):
        return []
    fetched = await fetcher.fetch(format_url(at.domain))
    if fetched.status is FetchStatus.FAILED:
        return [find(record, ADVICE, f"the policy could not be fetched from here: {fetched.reason}")]
    if fetched.status is not FetchStatus.OK:
        return [find(record, DIFFERS, f"senders get no policy: {fetched.reason}")]
    try:
        served = parse_policy(fetched.body)
    except BadPolicy as error:
        return [find(record, DIFFERS, f"senders cannot use what is served: it is {error}")]
    wanted = plan_sts_policy(at)
    if served == wanted:
        return [find(record, OK, f"the policy is served, with mode {served.mode}")]
    if served.mode is not Mode.NONE and not match_host(served, at.hostname):
        words = f"the policy that is served does not name {at.hostname}: senders will not deliver to us"
        return [find(record, DIFFERS, words, found=served.lines)]
    if at.serves_web:
        words = "another policy is served than ours: does another server answer, or one that has not been restarted?"
        return [find(record, DIFFERS, words, found=served.lines)]
    return [find(record, ADVICE, "another policy is served than the one above", found=served.lines)]
