"""Lines of keys: a fault that names the wrong line is worse than one that names none."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.config.locate import Path, locate

TEXT = '''# a comment with key = "value"
hostname = "mx"   # another
domains = [
    "a",  # ["x"]
    "b#c",

    "d",
]
note = """
hidden = 1
[hidden]
"""
raw = \'\'\'
also = hidden\'\'\'
limits.size = 5
"quoted key" = 'it''s' if_not = 1
'''.replace("'it''s' if_not = 1", "'its'")

TABLES = """
[[listen]]
protocol = "smtp"
proxy = [
  "10.0.0.0/8"
]
[[listen]]
  protocol = "lmtp"
[limits]
size = 1
[mailbox.alice]
smart = []
[mailbox."b.c"]
addresses = [ "x@y" ]
[[a.b]]
k = 1
[[a.b]]
[a.b.c]
k = 2
inline = { x = 1, y = { z = "}" } }
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("hostname",), 2),
        (("domains",), 3),
        (("domains", 0), 4),
        (("domains", 1), 5),
        (("domains", 2), 7),
        (("note",), 9),
        (("raw",), 13),
        (("limits", "size"), 15),
        (("quoted key",), 16),
    ],
)
def test_keys_and_elements_have_lines(path: Path, line: int) -> None:
    """Strings over several lines and comments hide nothing and show nothing."""
    tomllib.loads(TEXT)
    assert locate(TEXT).of(path) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("listen",), 2),
        (("listen", 0), 2),
        (("listen", 0, "protocol"), 3),
        (("listen", 0, "proxy", 0), 5),
        (("listen", 1, "protocol"), 8),
        (("limits",), 9),
        (("limits", "size"), 10),
        (("mailbox", "alice"), 11),
        (("mailbox", "b.c", "addresses", 0), 14),
        (("a", "b", 1, "c", "k"), 19),
        (("a", "b", 1, "c", "inline", "y", "z"), 20),
    ],
)
def test_tables_have_lines(path: Path, line: int) -> None:
    tomllib.loads(TABLES)
    assert locate(TABLES).of(path) == line


def test_what_has_no_line_has_that_of_the_table_around_it() -> None:
    """A key that is missing is reported where it should be."""
    lines = locate(TABLES)
    assert lines.of(("listen", 1, "address")) == 7
    assert lines.of(("nowhere",)) == 0


names = st.text(st.characters(codec="utf-8", exclude_characters="\x7f", exclude_categories=("Cs", "Cc")), max_size=6)
leaves = st.one_of(st.integers(0, 9), st.booleans(), names)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write(value: Any, gap: str) -> str:
    if isinstance(value, list):
        return "[" + "".join(f"{gap}{_write(one, gap)}," for one in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else _quote(value)


@given(st.dictionaries(names, values, max_size=5), st.sampled_from([" ", "\n", " # x = [\n", "\n\n  "]))
def test_each_key_of_any_text_is_found_on_its_line(table: dict[str, Any], gap: str) -> None:
    """The scan agrees with tomllib about what is a key, whatever the strings hold."""
    text, wanted = "", {}
    for name, value in table.items():
        wanted[name] = text.count("\n") + 1
        text += f"{_quote(name)} = {_write(value, gap)}\n"
    assert list(tomllib.loads(text)) == list(table)
    lines = locate(text)
    assert {name: lines.of((name,)) for name in table} == wanted
