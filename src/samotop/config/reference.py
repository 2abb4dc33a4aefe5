"""docs/configuration.md, written from the tables themselves: ``python -m samotop.config.reference``.

A test compares the page with what this prints, so neither can lag behind.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field
from typing import Any, Final

from samotop.config.effective import format_value
from samotop.config.keys import Key, Table
from samotop.config.shapes import Config
from samotop.config.tables import members

_HEAD: Final = """\
# samotop.toml

<!-- Written by `python -m samotop.config.reference`; change src/samotop/config/shapes.py instead. -->

The one file that a person edits, in the [home directory](getting-started.md). [TOML](https://toml.io), UTF-8.
Only `hostname` and `domains` must be there; such a file is a safe server:

```toml
hostname = "mx.example.org"
domains  = ["example.org"]
```

`samotop check` names every mistake with its line and what would be right. `samotop config` prints what holds, with
passwords blotted out. A changed file is taken up when the server is started again.

**Sizes** are octets as a number or a text with a unit: `"50 MB"` (a million), `"256 KiB"` (1024).
**Durations** always have a unit: `"0s"`, `"500ms"`, `"15m"`, `"4h"`, `"1h30m"`, `"2d"`, `"1w"`.
**Networks** are addresses or networks: `"127.0.0.1"`, `"192.0.2.0/24"`, `"2001:db8::/32"`.
**Server URLs**: `smtp://` takes TLS where it is offered, `smtp://...?tls=required` insists, `smtps://` begins with it;
`lmtp://` and `lmtp:/path` likewise. A login is written `smtps://user:password@host`.
**Patterns**: `*` stands for any characters, also none, but never crosses the `@`. Addresses compare in any case.

Without a `[[listen]]` there are two listeners: for root `*:25` (smtp, starttls) and `*:587` (submission, TLS
required); for anybody else `127.0.0.1:2525` and `127.0.0.1:2587`, the same with 2000 added, on this machine alone.
"""

_TAIL: Final = """
An exact address goes before a pattern, a pattern before a domain. Patterns of two owners that match the same address
are refused by `samotop check`; a claim in a domain that is neither ours nor below one of ours holds, with a note.

```toml
[mailbox.alice]
addresses = ["alice@example.org", "a.liddell@example.org"]
smart     = ["alice+*@example.org", "*@alice.example.org"]

[mailbox.catchall]
owner     = "alice"
domains   = ["example.org"]
```
"""


def format_reference() -> str:
    """The page as Markdown."""
    lines = [_HEAD, "## Keys above all tables", "", *_format_keys(Config)]
    for _, note in members(Config):
        if isinstance(note, Table):
            lines += ["", f"## {_title(note)}", "", note.about, "", *_format_keys(note.shape)]
    return "\n".join(lines) + "\n" + _TAIL


def _title(note: Table) -> str:
    inner = note.name + (".NAME" if note.form == "[.]" else "")
    return f"`[[{inner}]]`" if note.form == "[[]]" else f"`[{inner}]`"


def _format_keys(shape: type[Any]) -> Iterator[str]:
    yield "| key | value | default | |"
    yield "|---|---|---|---|"
    for member, note in members(shape):
        if isinstance(note, Key):
            kind = f"a list; each {note.kind.words}" if note.is_list else note.kind.words
            yield f"| `{note.name or member.name}` | {kind} | {_default(member, note)} | {note.about} |"


def _default(member: Field[Any], note: Key) -> str:
    if note.default:
        return note.default
    if member.default is MISSING:
        return "must be there"
    if member.default == "":
        return "none"
    if note.is_list:
        return f"`{format_value([note.kind.show(one) for one in member.default])}`"
    return f"`{format_value(note.kind.show(member.default))}`"


if __name__ == "__main__":
    sys.stdout.write(format_reference())
