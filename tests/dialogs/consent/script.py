"""Dialogs of strangers with owners, as text.

== title
@owner alice request          an account and its wish; every dialog has owners of its own
@alias team alice carol       an address that stands for several
@list friends alice carol     a mailing list with these members, to which everybody may post
@lmtp                         LMTP instead of SMTP
@approve alice bob@dkim.example by dkim.example     decided before; "by" binds it to what proves it
@reject alice spf.example

> spf bob@spf.example         a session from where this evidence comes from: EHLO, then MAIL FROM this reverse-path
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 Ok               exactly; several lines are joined by a bar; S~ begins so
M: dkim bob@dkim.example      DATA and a message by this author, with this evidence's signature
= alice inbox approved        a copy: whose, where, the code of why; all copies, and none besides
= nothing
!move 300                     seconds pass
!approve alice bob@dkim.example by dkim.example     another process decides
!reject alice spf.example
!expect alice dkim.example
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from samotop.consent.contact import Binding, Contact, Standing
from samotop.consent.identity import parse_identity
from samotop.store.database import Database
from samotop.store.ledger.opening import open_ledger
from tests.fakes.ledgerstage import Stage, Talking, message


@dataclass
class Dialog:
    name: str
    settings: list[str] = field(default_factory=list)
    steps: list[tuple[int, str]] = field(default_factory=list)


def parse_dialogs(path: Path) -> list[Dialog]:
    dialogs: list[Dialog] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("== "):
            dialogs.append(Dialog(line[3:].strip()))
        elif line.startswith("@"):
            dialogs[-1].settings.append(line[1:])
        else:
            dialogs[-1].steps.append((number, line))
    return dialogs


class Player:
    """Plays one dialog; ``play`` fails at the line that is not as written."""

    def __init__(self, dialog: Dialog, home: Path) -> None:
        owners: dict[str, str] = {}
        more, self._before = "", []
        is_lmtp = False
        for line in dialog.settings:
            word, *rest = line.split()
            targets = ", ".join(f'"{one}"' for one in rest[1:])
            match word:
                case "owner":
                    owners[rest[0]] = rest[1]
                case "alias":
                    more += f'[[alias]]\naddress = "{rest[0]}@example.org"\nto = [{targets}]\n'
                case "list":
                    more += f'[[list]]\naddress = "{rest[0]}@example.org"\nmembers = [{targets}]\n'
                    more += f'owner = {targets.partition(",")[0]}\npost = "anyone"\n'
                case "lmtp":
                    is_lmtp = True
                case "approve" | "reject":
                    self._before.append(line)
                case _:
                    raise ValueError(f"no setting: {line}")
        self._dialog = dialog
        self._stage = Stage(home, owners, more, is_lmtp=is_lmtp)
        self._talk: Talking | None = None
        self._heard = ""

    async def play(self) -> None:
        for line in self._before:
            self._decide(line.split())
        for number, line in self._dialog.steps:
            problem = await self._step(line)
            assert not problem, f"line {number}: {line}: {problem}"
        assert not self._stage.delivered(), "a copy that the dialog does not tell of"
        self._stage.close()

    async def _step(self, line: str) -> str:
        how, _, rest = line.partition(" ")
        stage = self._stage
        match how:
            case ">":
                evidence, reverse_path = rest.split()
                self._talk = await stage.open(evidence)
                self._heard = await self._talk.say(f"MAIL FROM:<{reverse_path.strip('<>')}> SIZE=500")
                return "" if self._heard == "250 2.1.0 Ok" else self._heard
            case "C:":
                assert self._talk is not None, "a session has begun"
                self._heard = await self._talk.say(rest)
            case "M:":
                assert self._talk is not None, "a session has begun"
                evidence, author = rest.split()
                self._heard = await self._talk.content(message(evidence, author))
            case "S:":
                return "" if self._heard == rest else f"heard {self._heard!r}"
            case "S~":
                return "" if self._heard.startswith(rest) else f"heard {self._heard!r}"
            case "=":
                return self._compare(rest)
            case "!move":
                stage.clock.move(float(rest))
            case _:
                self._decide([how[1:], *rest.split()])
        return ""

    def _compare(self, expected: str) -> str:
        wanted = [] if expected == "nothing" else [tuple(one.split()) for one in expected.split(", ")]
        found = self._stage.delivered()
        return "" if sorted(found) == sorted(wanted) else f"found {found}"

    def _decide(self, words: list[str]) -> None:
        verb, owner, who, *by = words
        identity = parse_identity(who)
        if verb == "expect":
            database = Database(str(self._stage.home / "state.db"))
            allowances = open_ledger(database, self._stage.home, {})[1]
            allowances.expect(owner, identity.name, self._stage.clock.time() + 900)
            database.close()
            return
        standing = {"approve": Standing.APPROVED, "reject": Standing.REJECTED}[verb]
        self._stage.decide(owner, Contact(identity, standing, Binding(by[1]) if by else Binding()))
