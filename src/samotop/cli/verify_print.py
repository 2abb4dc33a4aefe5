"""What ``samotop verify`` does: read the message, gather the evidence, print it for people or programs."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from samotop.cli.asking import ask
from samotop.cli.evidence import Evidence, NotingResolver, Origin, Said, gather_evidence
from samotop.cli.explain import Told, Tone, compare_stored, conclude, explain
from samotop.cli.outcome import AGAIN, DONE
from samotop.cli.paint import Paint, Progress, choose_paint
from samotop.cli.place import name_home, open_home
from samotop.cli.show import clean, print_json
from samotop.cli.stored import read_stored
from samotop.config.read import FILE_NAME, load_config
from samotop.config.shapes import Dns
from samotop.dns.resolver import Resolver
from samotop.errors import SetupError
from samotop.message.received import Received

WIDTH: Final = 100
"""Columns of a line: what reads well."""
NAME_SHOWN: Final = 60
"""Characters of a host's name: longer ones are somebody's joke."""
DELAY_SHOWN: Final = 60.0
"""Seconds between two hops from which on the delay is told in colour: mail takes a moment."""


def print_evidence(file: str, said: Said, *, server: str | None, json: bool, home: str | None) -> int:
    """Explain the message in ``file``. Raises ``SetupError``."""
    _check_said(said)
    place = _find_home(home)
    config = load_config(place) if place is not None else None
    hostname = config.hostname if config is not None else ""
    octets = read_stored(file)
    progress = Progress("asking DNS,")

    async def gather(resolver: Resolver) -> Evidence:
        return await gather_evidence(
            octets,
            NotingResolver(resolver, progress.advance),
            said=said,
            hostname=hostname,
            now=time.time(),
            trusted_sealers=frozenset(config.policy.trusted_sealers) if config is not None else (),
        )

    evidence = ask(config.dns if config is not None else Dns(), place, server, gather)
    if json:
        print_json(plain_evidence(evidence))
    else:
        print("\n".join(format_evidence(evidence, choose_paint(), hostname)))
    return AGAIN if evidence.is_temporary else DONE


def _check_said(said: Said) -> None:
    try:
        ip_address("::" if said.ip is None else said.ip)
    except ValueError:
        raise SetupError("--ip is not an IP address", remedy="write it like 192.0.2.1 or 2001:db8::1") from None
    path = said.reverse_path
    if path not in (None, "", "<>") and "@" not in str(path):
        raise SetupError("--from is not an address", remedy="write it like bob@example.net, or '' for no sender")


def _find_home(home: str | None) -> Path | None:
    """The home; none is needed unless somebody names one."""
    place = name_home(home)
    if home is None and "SAMOTOP_HOME" not in os.environ and not os.access(place / FILE_NAME, os.F_OK):
        return None
    return open_home(home)


def format_evidence(evidence: Evidence, paint: Paint, hostname: str) -> list[str]:
    """For people: the conclusion, the way here, each method, what was found on arrival."""
    last = conclude(evidence)
    lines = [paint.strong(_colour(last.tone, paint, one)) for one in _wrap(last.text, "", "")]
    if evidence.hops:
        lines += ["", paint.strong("The way here")]
        lines += _format_hops(evidence.hops, paint)
    lines += ["", paint.strong("What can be known")]
    lines += _wrap(_format_origin(evidence.origin, hostname), "  ", "  ")
    methods = explain(evidence)
    for told in methods:
        lines += _format_told(told, paint)
    if any(told.is_secure for told in methods):
        lines.append(paint.faint("  [DNSSEC] The DNS answers behind it are signed, and the signatures are good."))
    then = list(compare_stored(evidence))
    if then:
        lines += ["", paint.strong(f"What {evidence.stored[0].authserv_id} found when it arrived")]
        for one in then:
            lines += _wrap(clean(one), "  ", "    ")
    return lines


def _format_told(told: Told, paint: Paint) -> list[str]:
    word = f"{told.method:<6}{told.word:<10}"
    text = told.text + (" [DNSSEC]" if told.is_secure else "")
    wrapped = _wrap(clean(text), "  " + word, " " * (2 + len(word)))
    coloured = f"{told.method:<6}{_colour(told.tone, paint, f'{told.word:<10}')}"
    return [wrapped[0].replace(word, coloured, 1), *wrapped[1:]]


def _format_origin(origin: Origin, hostname: str) -> str:
    if not origin.ip:
        return "No Received field tells from which address the message came."
    path = {None: "an unknown sender", "": "no sender (<>)"}.get(
        origin.reverse_path, f"the sender {clean(origin.reverse_path or '')}"
    )
    if origin.is_said:
        return f"It came from {origin.ip} with {path}, as you say."
    text = f"It came from {origin.ip} with {path}, says {clean(origin.told_by) or 'a server without a name'}."
    if hostname and origin.told_by.lower() != hostname.lower():
        text += f" That is not this server ({hostname}): it is worth as much as that server's word."
    return text


def _format_hops(hops: tuple[Received, ...], paint: Paint) -> Iterator[str]:
    """The oldest first. Only the last one is known to be true; the others are what servers and senders wrote."""
    before: datetime | None = None
    for number, hop in enumerate(hops, 1):
        names = list(dict.fromkeys(name for name in (hop.hello, hop.name) if name))
        who = " ".join([*map(_short, names), f"[{hop.address}]" if hop.address else ""]).strip() or "somebody"
        safe = paint.good(hop.tls or "encrypted") if hop.is_encrypted else paint.doubtful("in the clear")
        if not hop.hello and not hop.address:
            safe = paint.faint("written there")
        when = hop.at.strftime("%Y-%m-%d %H:%M:%S %z") if hop.at is not None else "at an unknown time"
        line = f"  {number:>2}  {who} -> {_short(hop.by) or 'somebody'}, {safe}, {when}"
        if hop.at is not None and before is not None:
            line += _format_delay(hop.at - before, paint)
        before = hop.at or before
        yield line


def _short(name: str) -> str:
    return clean(name if len(name) <= NAME_SHOWN else name[: NAME_SHOWN - 3] + "...")


def _format_delay(delay: timedelta, paint: Paint) -> str:
    seconds = int(delay.total_seconds())
    if seconds < -1:
        return ", " + paint.doubtful(f"{-seconds}s before the last: a clock is wrong")
    text = (
        f"+{max(seconds, 0)}s" if seconds < 600 else f"+{seconds // 60}m" if seconds < 36000 else f"+{seconds // 3600}h"
    )
    return ", " + (paint.doubtful(text) if seconds >= DELAY_SHOWN else text)


def _colour(tone: Tone, paint: Paint, text: str) -> str:
    if tone is Tone.GOOD:
        return paint.good(text)
    if tone is Tone.BAD:
        return paint.bad(text)
    return paint.doubtful(text) if tone is Tone.DOUBTFUL else text


def _wrap(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        clean(text), WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False, break_long_words=False
    )


def plain_evidence(evidence: Evidence) -> dict[str, Any]:
    """For programs: every result by the words of RFC 8601, and the sentences too."""
    found, origin = evidence.found, evidence.origin
    author = found.author
    return {
        "author": {
            "addresses": [str(one) for one in author.addresses] if author is not None else [],
            "domains": list(author.domains) if author is not None else [],
            "reason": author.reason if author is not None else "",
        },
        "origin": {
            "ip": origin.ip,
            "hello": origin.hello,
            "reverse_path": origin.reverse_path,
            "told_by": origin.told_by,
        },
        "arrived": evidence.arrived.timestamp() if evidence.arrived is not None else None,
        "hops": [_plain_hop(hop) for hop in evidence.hops],
        "results": [
            {"method": one.method, "result": one.word, "dnssec": one.is_secure, "text": one.text}
            for one in explain(evidence)
        ],
        "iprev": None if found.iprev is None else {"result": found.iprev.result, "name": found.iprev.name},
        "spf": None
        if found.spf is None
        else {
            "result": found.spf.result,
            "domain": found.spf.domain,
            "mechanism": found.spf.mechanism,
            "reason": found.spf.reason,
        },
        "dkim": [
            {
                "result": one.result,
                "domain": one.domain,
                "selector": one.selector,
                "algorithm": one.algorithm,
                "reason": one.reason,
                "weak": one.is_weak,
                "dnssec": one.is_secure,
            }
            for one in found.dkim
        ],
        "arc": None
        if found.arc is None
        else {
            "result": found.arc.result,
            "reason": found.arc.reason,
            "sealers": [one.domain for one in found.arc.sets],
        },
        "dmarc": None
        if found.dmarc is None
        else {
            "result": found.dmarc.result,
            "domain": found.dmarc.domain,
            "policy": found.dmarc.policy,
            "aligned": list(found.dmarc.aligned),
            "explained_by": found.explained_by,
        },
        "stored": [
            {"server": one.authserv_id, "results": {result.method: result.result for result in one.results}}
            for one in evidence.stored
        ],
        "conclusion": conclude(evidence).text,
    }


def _plain_hop(hop: Received) -> dict[str, Any]:
    return {
        "hello": hop.hello,
        "name": hop.name,
        "address": hop.address,
        "by": hop.by,
        "protocol": hop.protocol,
        "encrypted": hop.is_encrypted,
        "tls": hop.tls,
        "at": hop.at.timestamp() if hop.at is not None else None,
    }
