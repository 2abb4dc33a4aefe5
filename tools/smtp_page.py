"""Keep the generated parts of docs/smtp.md as the code says.

    tools/smtp_page.py --check     exit 1 if the page is not what the code says
    tools/smtp_page.py --write     write the parts anew

Two parts stand between markers, ``<!-- begin NAME -->`` and ``<!-- end NAME -->``:
the diagram of the engine's phases, from the tables in ``samotop.smtp.states``,
and the table of limits, from the fields of ``samotop.smtp.rules.Rules`` and
the lines of words below them. All else on the page is written by people.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from samotop.smtp.rules import Rules  # noqa: E402 - the sources of this checkout
from samotop.smtp.states import ALLOWED, LEAVES, Phase, leads_to  # noqa: E402 - the path is set above
from tools.written_page import keep_page, replace_parts  # noqa: E402 - the path is set above

PAGE: Final = ROOT / "docs" / "smtp.md"
RULES: Final = ROOT / "src" / "samotop" / "smtp" / "rules.py"


def draw_states() -> str:
    """The diagram in Mermaid's words: one arrow for all verbs that lead from one phase to another."""
    arrows: dict[tuple[Phase, Phase], list[str]] = defaultdict(list)
    for phase, ends in LEAVES.items():
        for reason, after in ends.items():
            arrows[phase, after].append(reason)
    for phase, verbs in ALLOWED.items():
        for verb in sorted(verbs):
            after = leads_to(phase, verb)
            if after is not Phase.CLOSED and after is not phase:
                arrows[phase, after].append(verb.decode())
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Phase.GREETING.name}"]
    for (phase, after), reasons in sorted(arrows.items()):
        lines.append(f"    {phase.name} --> {after.name}: {', '.join(shorten(reasons))}")
    return "\n".join([*lines, "```"])


def shorten(verbs: list[str]) -> Iterator[str]:
    """HELO, EHLO and LHLO are one step under three names."""
    hellos = {"HELO", "EHLO", "LHLO"}
    if hellos <= set(verbs):
        yield "EHLO"
        yield from (verb for verb in verbs if verb not in hellos)
    else:
        yield from verbs


def list_rules() -> str:
    """The limits as a table: name, default, and the words that stand below the field."""
    defaults = Rules()
    lines = ["| limit | default | what it bounds |", "|---|---|---|"]
    for name, words in field_words(RULES.read_text(encoding="utf-8")):
        lines.append(f"| `{name}` | {getattr(defaults, name):,} | {words} |")
    return "\n".join(lines)


def field_words(source: str) -> Iterator[tuple[str, str]]:
    """Each field of the dataclass ``Rules`` with the text below it. Raises ``ValueError`` where there is none."""
    rules = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    for field, below in zip(rules.body, [*rules.body[1:], None], strict=True):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        if not (isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)):
            raise ValueError(f"the limit {field.target.id} has no words: say what it bounds, and why at this number")
        yield field.target.id, " ".join(str(below.value.value).split())


def rewrite_page(text: str) -> str:
    """The page with its generated parts as the code says. Raises ``ValueError`` for a missing marker."""
    return replace_parts(text, {"states": draw_states(), "limits": list_rules()})


if __name__ == "__main__":
    sys.exit(keep_page(PAGE, rewrite_page))
