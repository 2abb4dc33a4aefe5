"""``samotop tls``: what is known of other domains' TLS, and what of that is to be forgotten.

A domain that has changed honestly is demanded of what it had before for a
month: the operator, who has asked its owner, may end that sooner. A running
server asks the store before each session, so that it needs no telling.
"""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

from cyclopts import Parameter

from samotop.cli.flags import Home, Json
from samotop.cli.place import open_home, open_state
from samotop.cli.show import clean, format_time, print_columns, print_json
from samotop.config.home import STATE_NAME
from samotop.errors import SetupError
from samotop.ports.policies import Known
from samotop.routing.patterns import fold_domain
from samotop.tlspolicy.firstuse import FirstUseRules

Domain = Annotated[str, Parameter(name="DOMAIN", help="The domain of somebody's address, not a host's name.")]
Chosen = Annotated[str | None, Parameter(name="DOMAIN", help="This domain alone.")]

_LIFETIME = FirstUseRules().lifetime


def list_(domain: Chosen = None, /, *, json: Json = False, home: Home = None) -> int:
    """List the domains of whose TLS something is known: what they have shown, their MTA-STS policy, and until when."""
    place = open_home(home)
    name = None if domain is None else _fold(domain)
    found: list[Known] = []
    if (place / STATE_NAME).exists():
        with open_state(place) as state:
            found = list(state.policies.known(name))
    if json:
        print_json([_shown(one) for one in found])
    elif found:
        print_columns(("DOMAIN", "DEMANDED", "WHY", "UNTIL"), [row for one in found for row in _rows(one, time.time())])
    elif name is None:
        print("Nothing is known of other domains' TLS: nothing has been sent yet, or it has ended.")
    if name is not None and not found:
        return _unknown(name, is_told=not json)
    return 0


def forget(domain: Domain, /, *, home: Home = None) -> int:
    """Forget what a domain has shown, and its MTA-STS policy: the next message takes it as it is then."""
    place, name = open_home(home), _fold(domain)
    if not (place / STATE_NAME).exists():
        return _unknown(name)
    with open_state(place) as state:
        if not state.policies.forget(name):
            return _unknown(name)
    print(f"Forgot the TLS of {name}. What waits for it: samotop queue retry ID")
    return 0


def _unknown(name: str, *, is_told: bool = True) -> int:
    if is_told:
        print(f"samotop: nothing is known of the TLS of {clean(name)}\n  samotop tls list", file=sys.stderr)
    return 1


def _fold(domain: str) -> str:
    name = fold_domain(domain)
    if not name or "@" in name:
        raise SetupError(f"{clean(domain)} is no domain", remedy="write what follows the @ of an address")
    return name


def _rows(one: Known, now: float) -> list[tuple[str, str, str, str]]:
    rows = []
    memory, sts = one.memory, one.sts
    if memory is not None:
        ends_at = memory.seen_at + _LIFETIME
        until = format_time(ends_at) if ends_at > now else "over"
        rows.append((one.domain, str(memory.level), f"seen {format_time(memory.seen_at)}", until))
    if sts is not None and sts.policy is not None:
        demanded = {"enforce": "verified", "testing": "nothing yet"}.get(str(sts.policy.mode), "nothing")
        hosts = " ".join(sts.policy.patterns)
        why = f"MTA-STS {sts.policy.mode}" + (f": {hosts}" if hosts else "")
        rows.append((one.domain, demanded, why, format_time(sts.ends_at) if sts.ends_at > now else "over"))
    elif sts is not None:
        why = f"its MTA-STS policy could not be fetched {format_time(sts.failed_at)}"
        rows.append((one.domain, "nothing", why, "-"))
    return rows


def _shown(one: Known) -> dict[str, Any]:
    memory, sts = one.memory, one.sts
    policy = None if sts is None else sts.policy
    return {
        "domain": one.domain,
        "memory": None
        if memory is None
        else {"level": str(memory.level), "seen": memory.seen_at, "until": memory.seen_at + _LIFETIME},
        "mta_sts": None
        if sts is None
        else {
            "mode": None if policy is None else str(policy.mode),
            "hosts": [] if policy is None else list(policy.patterns),
            "id": sts.id or None,
            "fetched": sts.fetched_at or None,
            "failed": sts.failed_at or None,
            "until": None if policy is None else sts.ends_at,
        },
    }
