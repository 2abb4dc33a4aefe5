"""The table of real servers that we have talked to must not promise what no test does."""

from __future__ import annotations

from tools.peers_page import FILES, PAGE, TESTS, rewrite_page


def test_the_page_says_what_the_tests_do() -> None:
    """Where this fails and the change is meant: tools/peers_page.py --write, and read the difference."""
    assert rewrite_page(PAGE.read_text("utf-8")) == PAGE.read_text("utf-8")


def test_every_file_of_peers_is_on_the_page() -> None:
    """A new file of tests with real servers gets its place in ``FILES``."""
    assert {file.name for file in TESTS.glob("test_peers*.py")} == set(FILES)
