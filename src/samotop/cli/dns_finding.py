"""What a comparison of one needed record with DNS came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from samotop.cli.dns_records import Needed
from samotop.cli.dns_zone import format_record
from samotop.dns.answer import Answer, Security, Status

OK: Final = "ok"
MISSING: Final = "missing"
DIFFERS: Final = "differs"
EXTRA: Final = "extra"
UNANSWERED: Final = "unanswered"
ADVICE: Final = "advice"
"""Nothing is broken, and something could be better; or it cannot be set in this zone."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``purpose``, ``name`` and ``type`` say of what; ``state`` is one of the words above.

    ``words`` say what it means, ``remedy`` is the line to paste where there is
    one, ``found`` what DNS has instead or besides.
    """

    purpose: str
    name: str
    type: str
    state: str
    words: str
    remedy: str = ""
    found: tuple[str, ...] = ()

    @property
    def is_wrong(self) -> bool:
        """Mail is lost, or protection missing, as long as it stays."""
        return self.state in (MISSING, DIFFERS, EXTRA)


def find(record: Needed, state: str, words: str, *, domain: str = "", found: Sequence[str] = ()) -> Finding:
    """A finding about ``record``; with ``domain``, the zone, the record is also the remedy."""
    remedy = format_record(record, domain) if domain else ""
    return Finding(record.purpose, record.name, record.type, state, words, remedy, tuple(found))


def find_unanswered(record: Needed, answer: Answer) -> Finding:
    """Nobody knows; but an answer that DNSSEC refutes is wrong for everybody who validates."""
    if answer.security is Security.BOGUS:
        words = "the signatures of the zone (DNSSEC) are broken: for everybody who checks them it is not there"
        return find(record, DIFFERS, words)
    reason = "in time" if answer.status is Status.TIMEOUT else "this question"
    return find(record, UNANSWERED, f"no server answered {reason}")
