"""Is an authenticated domain the author's own (RFC 9989 §4.4, §4.10.2)?

In relaxed mode the organizations are compared, and finding a stranger's costs
questions. Two rules keep that small: a domain that does not lie in the
author's organization cannot have the same one, so nobody is asked about it;
and of the others only ``WALK_LIMIT`` are walked for, the rest is not aligned.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from samotop.dns.names import normalize_name
from samotop.msgauth.dmarc.discovery import Records, Walk
from samotop.msgauth.dmarc.record import Alignment

WALK_LIMIT: Final = 8
"""Domains of one message whose organization is looked for: that of SPF, and more signers than one organization has."""


class Aligned(Enum):
    """Three answers, as DNS may give none."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Aligner:
    """Compares domains with the author's. ``walk`` is the one from the author's domain."""

    __slots__ = ("_known", "_records", "_walk")

    def __init__(self, walk: Walk, records: Records) -> None:
        self._walk = walk
        self._records = records
        self._known: dict[str, Aligned] = {}

    async def compare(self, domain: str, mode: Alignment) -> Aligned:
        """Is ``domain``, in any case and in A-labels or U-labels, aligned with the author's?"""
        try:
            name = normalize_name(domain)
        except ValueError:
            return Aligned.NO
        author = self._walk.start
        if name == author:
            return Aligned.YES
        if mode is Alignment.STRICT or not name:
            return Aligned.NO
        if self._walk.has_failed:
            # The organization lies somewhere above; only what shares the top with the author can belong to it.
            return Aligned.UNKNOWN if name.rpartition(".")[2] == author.rpartition(".")[2] else Aligned.NO
        organization = self._walk.organizational_domain
        if name != organization and not name.endswith(f".{organization}"):
            return Aligned.NO
        if name not in self._known:
            if len(self._known) >= WALK_LIMIT:
                return Aligned.NO
            walk = await self._records.walk(name)
            if walk.has_failed:
                self._known[name] = Aligned.UNKNOWN
            else:
                is_same = walk.organizational_domain == organization
                self._known[name] = Aligned.YES if is_same else Aligned.NO
        return self._known[name]
