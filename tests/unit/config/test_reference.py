"""docs/configuration.md is what the code says."""

from __future__ import annotations

from pathlib import Path

from samotop.config.reference import format_reference

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_reference_agrees_with_the_code() -> None:
    """`python -m samotop.config.reference > docs/configuration.md` writes it anew."""
    assert PAGE.read_text() == format_reference()


def test_every_table_and_key_of_the_file_is_described() -> None:
    page = format_reference()
    for title in ("[[listen]]", "[limits]", "[policy]", "[dns]", "[consent]", "[relay]", "[tls]", "[mailbox.NAME]"):
        assert f"## `{title}`" in page
    assert "| `sessions_per_address` |" in page
