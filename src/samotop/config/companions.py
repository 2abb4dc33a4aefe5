"""``[[companion]]``: other programs that are asked about a message before it is accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from samotop.config import places
from samotop.config.fault import BadValue
from samotop.config.keys import Key, Kind, choice, duration
from samotop.config.locate import Path
from samotop.net.endpoint import Tcp, Unix
from samotop.reception.rules import Rules as ReceptionRules

KINDS: Final = ("milter", "clamd")
FAILURES: Final = ("defer", "accept")

LONGEST: Final = ReceptionRules().decision_timeout - 5.0
"""Seconds: a decision that takes longer than reception waits is none."""


def _read_place(raw: object) -> Tcp | Unix:
    found = places.parse_listener(raw)
    if not isinstance(found, Tcp | Unix):
        raise BadValue(f'"{raw}" is nowhere to connect to', 'write "unix:/run/rspamd/milter.sock" or "127.0.0.1:11332"')
    if isinstance(found, Tcp) and (found.port == 0 or found.host == "*"):
        raise BadValue(f'"{raw}" names no one program', 'write its host and port, like "127.0.0.1:11332"')
    return found


PLACE: Final = Kind("host:port, or unix:/path", _read_place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """One ``[[companion]]``."""

    kind: Annotated[
        str,
        Key(
            choice(*KINDS),
            "What it speaks: `milter` (rspamd, SpamAssassin, OpenDKIM and many more), or `clamd`.",
        ),
    ]
    address: Annotated[Tcp | Unix, Key(PLACE, "Where it listens: `unix:/run/rspamd/milter.sock`, `127.0.0.1:11332`.")]
    timeout: Annotated[
        float,
        Key(duration(1), f"How long one message may take it, at most {LONGEST:.0f} seconds."),
    ] = 20.0
    on_failure: Annotated[
        str,
        Key(
            choice(*FAILURES),
            "What happens where it does not answer: `defer` tells the sender to come back (451), `accept` goes on "
            "without it.",
        ),
    ] = "defer"


def check_companions(companions: Sequence[Companion | None]) -> Iterator[tuple[Path, str, str]]:
    """What is wrong with them that no key says alone."""
    for number, one in enumerate(companions):
        if one is None:
            continue
        if one.timeout > LONGEST:
            what = "a sender does not wait that long at the end of a message"
            yield ("companion", number, "timeout"), what, f'write "{LONGEST:.0f}s" or less'
        if any(other is not None and other.address == one.address for other in companions[:number]):
            what = f'"{one.address}" is asked already'
            yield ("companion", number, "address"), what, "remove one of them"
