"""docs/lettre.md: every row is there, every test that it names exists and is run, and its snippets do what they say."""

from __future__ import annotations

import ast
import asyncio
import re
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from samotop import Reject, Verdict
from samotop.facts import RecipientFacts
from samotop.testing import MailCatcher

CHECKOUT: Final = Path(__file__).resolve().parents[3]
PAGE: Final = (CHECKOUT / "docs" / "lettre.md").read_text(encoding="utf-8")

ROWS: Final = [f"LET-{number:02}" for number in range(1, 24)]
"""The features of lettre 0.11 by our own list of them."""

WISHES: Final = """
    #917 #1027 #743 #605 #938 #458 #1028 #275 #542 #356 #595 #341 #589 #661 #653 #688 #812 #872 #949 #626
    #229 #309 #622 #625 #803 RUSTSEC-2020-0069 #673 #690 #923 #765 #244 #822 #571 #585 #997 #1074 #806
"""
"""What its users ask for, by its threads."""

LINK: Final = re.compile(r"\[(test_\w+)\]\(\.\./(tests/[\w/]+\.py)\)")


def rows() -> Iterator[list[str]]:
    """The cells of every row of the tables that name tests."""
    for line in PAGE[PAGE.index("## From lettre") :].splitlines():
        if line.startswith("| ") and not line.endswith("| proved by |"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


@cache
def find_tests(path: str) -> dict[str, bool]:
    """The tests of a file by their names, and whether each is run: not skipped, not expected to fail."""
    tree = ast.parse((CHECKOUT / path).read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    whole = [
        ast.unparse(node) for node in tree.body if isinstance(node, ast.Assign) and "pytestmark" in ast.unparse(node)
    ]
    never = re.compile(r"\b(skip|skipif|xfail)\b")
    return {
        one.name: not any(never.search(mark) for mark in [*map(ast.unparse, one.decorator_list), *whole])
        for one in functions
    }


def test_every_row_is_there_once() -> None:
    """Those of lettre's features, of what it leaves out, and of its users' wishes."""
    found = [cells[0] for cells in rows()]
    assert [name for name in found if name.startswith("LET-")] == ROWS
    assert len(found) == len(set(found)) > len(ROWS) + 35
    asked = PAGE[PAGE.index("### What its users ask for") :]
    assert [wish for wish in WISHES.split() if not re.search(rf"{re.escape(wish)}\b", asked)] == []


def test_every_row_names_a_test() -> None:
    assert [cells[0] for cells in rows() if not LINK.search(cells[-1])] == []


def test_every_named_test_is_there() -> None:
    """Under this name, where pytest collects it, and without a mark that would keep it from being run."""
    named = LINK.findall(PAGE)
    assert len(named) > 100
    assert [one for one in named if not re.search(r"/test_\w+\.py$", one[1])] == []
    missing = [f"{path}::{name}" for name, path in named if not find_tests(path).get(name)]
    assert missing == []


def test_every_link_leads_somewhere() -> None:
    pages = re.findall(r"\]\(([\w./-]+)\)", PAGE)
    assert [page for page in pages if not (CHECKOUT / "docs" / page).exists()] == []


# -- the snippets -----------------------------------------------------------------------------------

SNIPPETS: Final = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
LETTER: Final = b"Subject: Report\r\n\r\nAll is well.\r\n"


def test_there_is_a_before_and_an_after() -> None:
    """Short enough to be read at a glance."""
    assert len(SNIPPETS) == 6 and len(re.findall(r"```\n\nbecomes\n\n```python", PAGE)) == 3
    assert all(snippet.count("\n") < 30 for snippet in SNIPPETS)


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
async def test_a_snippet_sends_the_report(number: int, make_mail_catcher: Callable[..., MailCatcher]) -> None:
    """Before and after alike: one mail, the same text, with TLS and a login."""

    def refuse(facts: RecipientFacts) -> Verdict | None:
        return Reject("No such user", status="5.1.1") if facts.recipient.address.local == "nobody" else None

    catcher = make_mail_catcher(tls="starttls", accounts={"app": "secret"}, recipient=refuse)
    given: dict[str, Any] = {
        "host": catcher.host,
        "port": catcher.port,
        "roots": str(catcher.certificate),
        "octets": LETTER,
    }
    snippet = SNIPPETS[number]
    is_async = "await" in snippet or "async with" in snippet
    program = f"{'async ' if is_async else ''}def run():\n{textwrap.indent(snippet, '    ')}"
    exec(compile(program, "docs/lettre.md", "exec"), given)
    if is_async:
        await given["run"]()
    else:
        await asyncio.to_thread(given["run"])  # a program without a running event loop
    (mail,) = catcher.wait(1)
    assert mail.recipients == ["bob@example.net"]
    assert (mail.login, mail.is_encrypted) == ("app", True)
    assert mail.message["subject"] == "Report"
    assert mail.message.get_content().strip() == "All is well."
