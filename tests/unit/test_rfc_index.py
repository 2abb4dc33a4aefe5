"""The RFC index tells of every way in which page and code can disagree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.rfc_index import MODULES_SHOWN, Row, check_index, find_mentions, format_where, parse_rows, rewrite_index

PAGE = """# RFCs

| RFC | Title | Status | Modules |
|---|---|---|---|
| 7677 | SCRAM-SHA-256 | done | |
| 5321 | Simple Mail Transfer Protocol | part | `old` |

The end.
"""


def row(number: int = 5321, title: str = "Mail", status: str = "done", where: str = "`smtp`") -> dict[int, Row]:
    return {number: Row(number, title, status, where)}


def test_a_page_that_agrees_has_no_fault() -> None:
    """The way back to silence must exist, or nobody runs the check."""
    assert check_index(row(), {5321: ["smtp"]}) == []


@pytest.mark.parametrize(
    ("rows", "mentions", "said"),
    [
        ({}, {5321: ["smtp"]}, "has no row"),
        (row(where=""), {}, "no module mentions it"),
        (row(status="part", where=""), {}, "no module mentions it"),
        (row(title=""), {5321: ["smtp"]}, "no title"),
        (row(status="finished"), {5321: ["smtp"]}, "'finished'"),
        (row(where="`net`"), {5321: ["smtp"]}, "run --write"),
    ],
)
def test_each_disagreement_is_told(rows: dict[int, Row], mentions: dict[int, list[str]], said: str) -> None:
    """Both directions: code without a row, and a row without code."""
    faults = check_index(rows, mentions)
    assert len(faults) == 1
    assert said in faults[0]
    assert "5321" in faults[0]


def test_a_plan_needs_no_module() -> None:
    """What is not there yet may stand in the index, and only claims are checked."""
    assert check_index(row(status="planned", where=""), {}) == []


def test_writing_fills_in_modules_sorts_and_adds_what_was_missing() -> None:
    """What people wrote stays; what is new waits for its title."""
    written = rewrite_index(PAGE, {5321: ["smtp.server"], 1870: ["smtp.parameters"]})
    assert list(parse_rows(written)) == [1870, 5321, 7677]
    assert parse_rows(written)[5321] == Row(5321, "Simple Mail Transfer Protocol", "part", "`smtp.server`")
    assert parse_rows(written)[1870].title == ""
    assert written.startswith("# RFCs\n") and written.endswith("\nThe end.\n")
    assert rewrite_index(written, {5321: ["smtp.server"], 1870: ["smtp.parameters"]}) == written


def test_a_number_cannot_have_two_rows() -> None:
    """The second one would be read and the first one believed."""
    with pytest.raises(ValueError, match="two rows"):
        parse_rows(PAGE + "| 5321 | Again | done | |\n")


def test_a_mention_is_found_across_a_line_end_and_named_by_its_module(tmp_path: Path) -> None:
    """Docstrings are wrapped, and a package's own docstring counts for the package."""
    (tmp_path / "smtp").mkdir()
    (tmp_path / "smtp" / "__init__.py").write_text('"""See RFC\n5321 §4 and RFC 1870."""\n')
    (tmp_path / "smtp" / "lines.py").write_text('"""RFC 5321 §2.3.8."""\n')
    assert find_mentions(tmp_path) == {5321: ["smtp", "smtp.lines"], 1870: ["smtp"]}


def test_a_long_list_of_modules_ends_in_a_count() -> None:
    """RFC 5321 is everywhere; its row still fits the table."""
    names = [f"m{number}" for number in range(MODULES_SHOWN + 2)]
    assert format_where(names).endswith("`m5` and 2 more")
