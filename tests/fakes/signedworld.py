"""A small DNSSEC world of real servers for e2e tests: knotd with a root, org and domains below it, unbound over it.

    with signed_world(needs, folder, zones={"good.org": RECORDS}, signed={"good.org": POLICY}, own=[]) as world:
        world.unbound.server, world.anchor

Domains in ``signed`` are signed by knotd, each by its policy; those of ``own``
come signed already, wrong in some way most often. Every one is delegated from
org; ``claims`` are DS records that say something else than the truth, an empty
list for none at all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.fakes.dnssec import SignedZone
from tests.fakes.knot import Knot
from tests.fakes.unbound import Unbound

PLAIN_POLICY: Final = "algorithm: ecdsap256sha256"


@dataclass
class World:
    """``anchor`` is the root's, as zone file lines."""

    unbound: Unbound
    anchor: list[str]


@contextmanager
def signed_world(
    needs: Callable[..., str],
    folder: Path,
    *,
    zones: Mapping[str, Any],
    signed: Mapping[str, str],
    own: Sequence[SignedZone],
    claims: Mapping[str, list[str]] | None = None,
) -> Iterator[World]:
    """Serve it until the end. Skips where knot or unbound are not installed."""
    keymgr, knotd = needs("keymgr", package="knot"), needs("knotd", package="knot")
    all_zones: dict[str, Any] = {**zones, **{zone.apex: zone.format() for zone in own}}
    tops: dict[str, dict[str, dict[str, list[str]]]] = {
        "": {"org": {"NS": ["ns.org."]}},
        "org": {apex: {"NS": [f"ns.{apex}."]} for apex in all_zones},
    }
    for zone in own:
        if zone.delegation:
            tops["org"][zone.apex]["DS"] = zone.delegation
    place = Path(tempfile.mkdtemp(prefix="knot", dir=folder))
    policies = {"default": PLAIN_POLICY, **signed}
    knot = Knot(knotd, place, {**all_zones, **tops}, signed=["", "org", *signed], policies=policies, keymgr=keymgr)
    unbound = Unbound("", place, knot.server, [])
    try:
        knot.start()  # which makes the keys; then the zones above can name them
        for apex in signed:
            tops["org"][apex]["DS"] = knot.ds_of(apex)
        for apex, records in (claims or {}).items():
            tops["org"][apex]["DS"] = records
        tops["org"] = {
            apex: {kind: found for kind, found in told.items() if found} for apex, told in tops["org"].items()
        }
        tops[""]["org"]["DS"] = knot.ds_of("org")
        anchor = [f". IN DS {text}" for text in knot.ds_of("")]
        knot.stop()
        knot.zones.update(tops)
        knot.start()
        below = Path(tempfile.mkdtemp(prefix="unbound", dir=place))
        unbound = Unbound(needs("unbound", package="unbound"), below, knot.server, anchor, ["", "org", *all_zones])
        unbound.start()
        yield World(unbound, anchor)
    finally:
        unbound.stop()
        knot.stop()
