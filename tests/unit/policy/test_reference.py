"""docs/policy.md is what the checks are."""

from __future__ import annotations

from pathlib import Path

import pytest

from samotop.policy.reference import format_rows, rewrite_page
from samotop.policy.stage import TABLE

PAGE = Path(__file__).parents[3] / "docs" / "policy.md"


def test_the_page_agrees_with_the_checks() -> None:
    """`tools/policy_page.py --write` writes its table anew."""
    text = PAGE.read_text("utf-8")
    assert rewrite_page(text) == text


def test_every_code_is_explained() -> None:
    rows = list(format_rows())
    for cause in {cause for row in TABLE for cause in row.causes}:
        assert any(f"| `{cause.code}` | {cause.reply} |" in row for row in rows)


def test_a_page_without_a_place_for_the_table_is_left_alone() -> None:
    with pytest.raises(ValueError, match="no place"):
        rewrite_page("# Policy\n")
