"""The usual ways to write ``samotop serve``, read without cyclopts.

A server should take its first mail within a second of its start, and cyclopts
with what it imports is a good part of that. Whatever is not exactly
``serve``, ``--demo`` and ``--home DIR`` goes the long way and means the same.
"""

from __future__ import annotations


def move_home(words: list[str]) -> list[str]:
    """``--home DIR`` in front of the verb goes behind it, where the verb looks for it."""
    if words[:1] == ["--home"] and len(words) > 2:
        return [*words[2:], *words[:2]]
    if words[:1] and words[0].startswith("--home=") and len(words) > 1:
        return [*words[1:], words[0]]
    return words


def plan_serve(words: list[str]) -> tuple[bool, str | None] | None:
    """``(demo, home)`` of a plain ``serve``, or ``None`` where cyclopts must read it."""
    if words[:1] != ["serve"]:
        return None
    demo, home = False, None
    rest = list(words[1:])
    while rest:
        word = rest.pop(0)
        if word == "--demo":
            demo = True
        elif word == "--home" and rest and not rest[0].startswith("-") and home is None:
            home = rest.pop(0)
        elif word.startswith("--home=") and len(word) > 7 and home is None:
            home = word[7:]
        else:
            return None
    return demo, home
