"""How ``--help`` looks: plain text in two columns, as wide as the terminal but no wider than reads well."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

WIDEST: Final = 100
NARROWEST: Final = 40
LONGEST_NAME: Final = 30
"""Characters of a name that has its text beside it; a longer one has it below."""


class Pages:
    """A help formatter for cyclopts: everything is wrapped here, the console prints it as it is."""

    def __init__(self, width: int | None = None) -> None:
        self._width = max(NARROWEST, min(WIDEST, width or shutil.get_terminal_size().columns))

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        if panel.entries:
            rows = [(_name(entry, panel.format), _text(entry)) for entry in panel.entries]
            _print(console, f"\n{panel.title}:\n{self._columns(rows)}")

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:
        words = str(usage).strip()
        words = words if words.startswith("Usage:") else f"Usage: {words}"
        _print(console, self._wrap(words, indent=" " * 7) + "\n")

    def render_description(self, console: Console, options: ConsoleOptions, description: Any) -> None:
        paragraphs = _plain(description).split("\n\n")
        _print(console, "\n\n".join(self._wrap(one) for one in paragraphs))

    def _wrap(self, text: str, indent: str = "") -> str:
        return textwrap.fill(" ".join(text.split()), self._width, subsequent_indent=indent, break_on_hyphens=False)

    def _columns(self, rows: list[tuple[str, str]]) -> str:
        widest = max((len(name) for name, _ in rows if len(name) <= LONGEST_NAME), default=LONGEST_NAME)
        margin = " " * (widest + 4)
        lines = []
        for name, text in rows:
            wrapped = textwrap.wrap(text, self._width - len(margin), break_on_hyphens=False) or [""]
            first = f"  {name}".ljust(len(margin))
            if len(name) > widest:
                lines += [first, *(margin + line for line in wrapped)]
            else:
                lines += [first + wrapped[0], *(margin + line for line in wrapped[1:])]
        return "\n".join(line.rstrip() for line in lines)


def wide_console() -> Console:
    """A console that neither wraps, nor colours, nor reads marks into a text."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            """Whoever reads has seen enough. Rich would exit with status 1."""
            raise BrokenPipeError

    return Plain(width=1000, soft_wrap=True, no_color=True, highlight=False, markup=False, emoji=False)


def _name(entry: HelpEntry, kind: str) -> str:
    if kind == "parameter":
        return ", ".join(entry.display_labels_with_metavar)
    return ", ".join((*entry.positive_names, *entry.positive_shorts))


def _text(entry: HelpEntry) -> str:
    notes = [f"One of {', '.join(entry.choices)}."] if entry.choices else []
    if entry.default is not None:
        notes.append(f"Default: {entry.default}.")
    if entry.required:
        notes.append("Required.")
    return " ".join([_plain(entry.description), *notes]).strip()


def _plain(text: Any) -> str:
    """The words of what may be a rich text."""
    if text is None:
        return ""
    plain = getattr(text, "plain", None)
    if plain is None and hasattr(text, "primary_renderable"):
        plain = text.primary_renderable.plain
    return str(text if plain is None else plain).strip()


def _print(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False, markup=False)
