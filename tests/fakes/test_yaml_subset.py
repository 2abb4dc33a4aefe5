"""The reader of test-suites reads them rightly, or not at all."""

from __future__ import annotations

import pytest

from tests.fakes.yaml_subset import read_documents

TEXT = r"""
# a comment
---
description: Over
  two lines
tests:
  first:
    note: >-
      Folded into
      one line.

    kept: |
      as
        it is
    empty: >-
    result: [fail, "two, three"]
    quoted: "a\x96\0\"b"
    single: 'it''s'
zone:
  foo:bar/baz.example:
    - A: 1.2.3.4
    - MX: [10,mail.example]
    - TIMEOUT
  "two words":
    - SPF: [ "one", "two" ]
    - SPF: [ ]
---
- plain
-
  - nested
"""


def test_it_reads_what_suites_are_written_in() -> None:
    first, second = read_documents(TEXT)
    assert first == {
        "description": "Over two lines",
        "tests": {
            "first": {
                "note": "Folded into one line.",
                "kept": "as\n  it is\n",
                "empty": "",
                "result": ["fail", "two, three"],
                "quoted": 'a\x96\0"b',
                "single": "it's",
            }
        },
        "zone": {
            "foo:bar/baz.example": [{"A": "1.2.3.4"}, {"MX": ["10", "mail.example"]}, "TIMEOUT"],
            "two words": [{"SPF": ["one", "two"]}, {"SPF": []}],
        },
    }
    assert second == ["plain", ["nested"]]


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2",
        'a: "open',
        "a: [1",
        "a: 'open",
        'a: "x" y',
        'a: "\\q"',
        "a: |+\n  x",
        "a: 1\n b: 2\nc",
        "  a: 1\nb: 2",
    ],
)
def test_it_refuses_what_it_does_not_know(text: str) -> None:
    with pytest.raises(ValueError, match="line"):
        read_documents(text)
