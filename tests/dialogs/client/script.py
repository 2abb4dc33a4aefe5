"""Dialogs of the client's engine as text: what a server says, what a caller wants, and exactly what goes out.

A file begins with comments and settings that all its dialogs share; each line
``== title`` begins a dialog, which may add settings of its own.

    # comment                     why, and which paragraph asks for it
    @lmtp                         LMTP instead of SMTP
    @private                      TLS from the start, or a way on which nobody else listens
    @chunking                     use BDAT where it is offered
    @plaintext-login              AUTH may be said in the clear
    @uncut                        the places at which a network cuts are what this one is about

    S: 220 mx.example.org         a line of the server; CRLF is added
    s: a\\xe9\\r\\n                  octets as they are, with Python's escapes; nothing is added
    !eof                          the server closes the connection
    > begin b@example.org c@example.org    a call; its words are in ``player``
    C: EHLO client.example.net    a line that the client must send
    c: hi                         octets that it must send, with Python's escapes
    ! ready                       an event that must be told, in the words of ``player.describe``
    stage mail                    what is waited for now

What the server says up to the next line of another kind is received as one,
and in the second test cut at every place.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.dialogs.script import BadScript, unescape

SETTINGS = frozenset(("@lmtp", "@private", "@chunking", "@plaintext-login", "@uncut"))
CALLS = frozenset(
    (
        "begin",
        "hold",
        "add",
        "proceed",
        "content",
        "chunk",
        "end",
        "reset",
        "noop",
        "quit",
        "starttls",
        "tls",
        "auth",
        "lose",
    )
)


@dataclass(frozen=True, slots=True)
class Step:
    """``kind`` is ``S``, ``C``, ``!``, ``>``, ``stage`` or ``eof``."""

    kind: str
    text: str = ""
    octets: bytes = b""


@dataclass(frozen=True, slots=True)
class Dialog:
    name: str = ""
    settings: frozenset[str] = frozenset()
    steps: tuple[Step, ...] = field(default=(), repr=False)


def parse_dialogs(path: Path) -> list[Dialog]:
    """Read all dialogs of a file. Raises ``BadScript``."""
    shared = Dialog(path.stem)
    dialogs: list[Dialog] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            if line.startswith("== "):
                dialogs.append(replace(shared, name=f"{path.stem}: {line[3:].strip()}"))
            elif line.startswith("@"):
                if line not in SETTINGS:
                    raise ValueError(f"not a setting: {line}")
                if dialogs:
                    dialogs[-1] = replace(dialogs[-1], settings=dialogs[-1].settings | {line})
                else:
                    shared = replace(shared, settings=shared.settings | {line})
            else:
                dialogs[-1] = replace(dialogs[-1], steps=_add(dialogs[-1].steps, _parse_step(line)))
        except (ValueError, KeyError, IndexError) as error:
            raise BadScript(f"{path}:{number}: {error}") from error
    return dialogs


def _add(steps: tuple[Step, ...], step: Step) -> tuple[Step, ...]:
    """Neighbouring octets of one side are one step."""
    if steps and steps[-1].kind == step.kind and step.kind in ("S", "C"):
        return (*steps[:-1], Step(step.kind, octets=steps[-1].octets + step.octets))
    return (*steps, step)


def _parse_step(line: str) -> Step:
    how, _, text = line.partition(" ")
    match how:
        case "S:" | "C:":
            return Step(how[0], octets=text.encode() + b"\r\n")
        case "s:" | "c:":
            return Step(how[0].upper(), octets=unescape(text))
        case "!":
            return Step("!", text)
        case "stage":
            return Step("stage", text)
        case "!eof":
            return Step("eof")
        case ">" if text.partition(" ")[0] in CALLS:
            return Step(">", text)
    raise ValueError(f"not a step: {line}")
