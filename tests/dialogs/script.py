"""Dialogs as text: what a client says, and exactly what it must hear.

A file begins with comments and settings that all its dialogs share; each line
``== title`` begins a dialog, which may add settings of its own.

    # comment                     why, and which paragraph asks for it
    @lmtp                         LMTP instead of SMTP
    @rules recipients=2 size=100  limits, by their names in samotop.smtp.Rules
    @tls starttls                 offer STARTTLS; `required`: insist on it; `implicit`: TLS from the start
    @auth PLAIN LOGIN             offer these mechanisms once TLS is there; `@auth! PLAIN`: also without TLS
    @login required               MAIL needs a login
    @mailbox alice@example.org    the recipients that exist; without this setting all do
    @verb XPING XPING 1           a verb from outside, and its line in the EHLO reply
    @answer rcpt:bob@example.org 450 4.2.1 Busy     what the caller answers to an event instead of its usual yes
    @fail 554 5.7.1 Enough        the caller refuses the content when its first octets arrive

    C: NOOP                       a line of the client; CRLF is added
    c: a\\xe9\\r\\n                  octets as they are, with Python's escapes; nothing is added
    c* 3000 ab                    the same octets many times
    S: 250 2.0.0 Ok               a line of the server, exactly
    S~ 250 2.0.0                  a line that begins so
    S* 250                        a reply of any number of lines with this code
    = text                        a line of the content that arrived; CRLF is added
    =~ text                       octets of it, with Python's escapes
    !tls                          the TLS handshake has been done
    !closed                       the server has ended the session (must stand there if it does)

Nothing here knows the engine: ``player`` does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

KINDS = frozenset(("greeting", "hello", "mail", "rcpt", "data", "chunk", "content", "starttls"))


class BadScript(Exception):
    """A dialog's text is wrong; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Client:
    """Octets that the client sends."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Server:
    """A line that the server must send; ``how`` is ``S:``, ``S~`` or ``S*``."""

    how: str
    text: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """Octets of the content that must have arrived."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Handshake:
    """TLS begins here."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The session is over."""


Step = Client | Server | Arrived | Handshake | Closed


@dataclass(frozen=True, slots=True)
class Dialog:
    """One dialog with its settings. ``answers`` maps an event's kind, or ``kind:address``, to code, status and text."""

    name: str = ""
    is_lmtp: bool = False
    rules: tuple[tuple[str, int], ...] = ()
    tls: str = ""
    mechanisms: tuple[str, ...] = ()
    allows_plaintext_login: bool = False
    requires_login: bool = False
    mailboxes: tuple[str, ...] = ()
    verbs: tuple[tuple[str, str], ...] = ()
    answers: tuple[tuple[str, str], ...] = ()
    failure: str = ""
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
            elif not dialogs:
                shared = _set(shared, line)
            elif line.startswith("@"):
                dialogs[-1] = _set(dialogs[-1], line)
            else:
                dialogs[-1] = replace(dialogs[-1], steps=(*dialogs[-1].steps, _parse_step(line)))
        except (ValueError, KeyError) as error:
            raise BadScript(f"{path}:{number}: {error}") from error
    return dialogs


def _set(dialog: Dialog, line: str) -> Dialog:
    word, _, rest = line.partition(" ")
    match word:
        case "@lmtp":
            return replace(dialog, is_lmtp=True)
        case "@rules":
            pairs = tuple((name, int(value)) for name, _, value in (pair.partition("=") for pair in rest.split()))
            return replace(dialog, rules=(*dialog.rules, *pairs))
        case "@tls" if rest in ("starttls", "required", "implicit"):
            return replace(dialog, tls=rest)
        case "@auth" | "@auth!":
            return replace(dialog, mechanisms=tuple(rest.split()), allows_plaintext_login=word.endswith("!"))
        case "@login" if rest == "required":
            return replace(dialog, requires_login=True)
        case "@mailbox":
            return replace(dialog, mailboxes=(*dialog.mailboxes, *rest.split()))
        case "@verb":
            verb, _, keyword = rest.partition(" ")
            return replace(dialog, verbs=(*dialog.verbs, (verb, keyword)))
        case "@answer":
            kind, _, reply = rest.partition(" ")
            if kind.partition(":")[0] not in KINDS:
                raise ValueError(f"no event is called {kind}")
            return replace(dialog, answers=(*dialog.answers, (kind, reply)))
        case "@fail":
            return replace(dialog, failure=rest)
    raise ValueError(f"not a setting: {line}")


def _parse_step(line: str) -> Step:
    how, _, text = line.partition(" ")
    match how:
        case "C:":
            return Client(text.encode() + b"\r\n")
        case "c:":
            return Client(unescape(text))
        case "c*":
            count, _, what = text.partition(" ")
            return Client(unescape(what) * int(count))
        case "S:" | "S~" | "S*":
            return Server(how, text)
        case "=":
            return Arrived(text.encode() + b"\r\n")
        case "=~":
            return Arrived(unescape(text))
        case "!tls":
            return Handshake()
        case "!closed":
            return Closed()
    raise ValueError(f"not a step: {line}")


def unescape(text: str) -> bytes:
    """Undo Python's escapes ``\\\\r \\\\n \\\\t \\\\0 \\\\\\\\ \\\\xNN``; anything else stands for its UTF-8 octets."""
    known = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}
    found = b""
    for piece in re.split(r"(\\x[0-9a-fA-F]{2}|\\.)", text):
        if piece.startswith("\\x") and len(piece) == 4:
            found += bytes.fromhex(piece[2:])
        elif piece.startswith("\\"):
            found += known[piece[1:]]
        else:
            found += piece.encode()
    return found
