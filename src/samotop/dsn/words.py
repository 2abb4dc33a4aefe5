"""What a notification says to people: plain words, one paragraph for each thing that happened.

Texts that come from other servers are shown as quoted lines, without control
characters and within bounds: a reply is hostile input that we pass on.
Raises nothing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final, Protocol

from samotop.address import Address
from samotop.message.trace import format_date

SAID_LIMIT: Final = 500
"""Characters of a server's words that are repeated."""
LINE_WIDTH: Final = 72


class Spoken(Protocol):
    """What is said of one recipient; ``build.Told`` is one."""

    @property
    def address(self) -> Address: ...
    @property
    def action(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def server(self) -> str: ...
    @property
    def gives_up(self) -> float: ...


SUBJECTS: Final = {
    "failed": "Your message could not be delivered",
    "delayed": "Your message is delayed",
    "delivered": "Your message was delivered",
    "relayed": "Your message was passed on",
    "expanded": "Your message was passed on",
}

_SAYINGS: Final = {
    "failed": "Your message could not be delivered to these recipients. Nobody will try again:",
    "delayed": "Your message has not been delivered yet. We go on trying; you need not do anything:",
    "delivered": "Your message was delivered, as you asked to be told:",
    "relayed": "Your message was passed on to another server; we do not hear what becomes of it there:",
    "expanded": "Your message was passed on to the members of a list or to another address:",
}

ORDER: Final = tuple(_SAYINGS)


def format_words(told: Sequence[Spoken], hostname: str, arrived_at: float, *, returns_all: bool) -> str:
    """The text, with LF line ends. ``returns_all``: the whole message stands below it, not just its header."""
    parts = [f"This is the mail server {hostname}."]
    for action in ORDER:
        chosen = [one for one in told if one.action == action]
        if chosen:
            parts.append(_wrap(_SAYINGS[action]))
            parts.extend(_describe(one) for one in chosen)
    what = "The message itself" if returns_all else "The header of the message"
    parts.append(_wrap(f"{what} is attached. We received it on {format_date(arrived_at)}."))
    return "\n\n".join(parts) + "\n"


def _describe(one: Spoken) -> str:
    lines = [f"  {show(str(one.address))}"]
    said = show(one.text)[:SAID_LIMIT]
    if said:
        who = f"{show(one.server)} said: " if one.server else ""
        lines.extend(textwrap.wrap(who + said, LINE_WIDTH, initial_indent="    ", subsequent_indent="    "))
    if one.action == "delayed" and one.gives_up:
        lines.append(f"    We give up on {format_date(one.gives_up)}.")
    return "\n".join(lines)


def _wrap(text: str) -> str:
    return "\n".join(textwrap.wrap(text, LINE_WIDTH))


def show(text: str) -> str:
    """``text`` in one line of printable characters."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
