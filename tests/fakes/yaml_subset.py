"""A reader for the part of YAML 1.2 that published test-suites are written in, so that no library is needed for it.

    documents = read_documents(text)       # one value for each "---"

Knows block mappings and sequences, flow sequences, plain scalars over several
lines, quoted scalars on one line, ``|`` and ``>`` with or without ``-``, and
comments on lines of their own. Every scalar is a string: ``2`` is ``"2"``. No
anchors, tags, flow mappings, or merge keys. ``ValueError`` for what it does
not know, with the line: to read wrongly would be to test wrongly.
"""

from __future__ import annotations

import re
from typing import Any, Final

_KEY: Final = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'\[\]{}#&*!|>%@`-][^#]*?|-[^\s#][^#]*?):(?:\s+(.*))?"""
)
_ESCAPE: Final = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|.)")
_NAMED: Final = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "/": "/", " ": " "}


def read_documents(text: str) -> list[Any]:
    """The documents of a stream, the empty ones left out."""
    found: list[Any] = []
    lines: list[tuple[int, str]] = []
    for number, line in enumerate([*text.split("\n"), "---"], 1):
        if line.rstrip() == "---":
            reader = _Reader(lines)
            if reader.peek() is not None:
                found.append(reader.read_node(0))
                reader.expect_end()
            lines = []
        else:
            lines.append((number, line))
    return found


class _Reader:
    def __init__(self, lines: list[tuple[int, str]]) -> None:
        self.lines = lines
        self.at = 0

    def peek(self) -> tuple[int, str] | None:
        """The next line that says something, as its indent and the rest."""
        while self.at < len(self.lines):
            line = self.lines[self.at][1]
            if line.strip() and not line.lstrip().startswith("#"):
                return len(line) - len(line.lstrip(" ")), line.strip()
            self.at += 1
        return None

    def fail(self, why: str) -> ValueError:
        number = self.lines[min(self.at, len(self.lines) - 1)][0]
        return ValueError(f"line {number}: {why}")

    def expect_end(self) -> None:
        if self.peek() is not None:
            raise self.fail("something is indented less than what it belongs to")

    def read_node(self, least: int) -> Any:
        following = self.peek()
        if following is None or following[0] < least:
            return ""
        indent, line = following
        if line == "-" or line.startswith("- "):
            return self.read_sequence(indent)
        if _KEY.fullmatch(line):
            return self.read_mapping(indent)
        self.at += 1
        return self.read_scalar(line, indent)

    def read_sequence(self, indent: int) -> list[Any]:
        items: list[Any] = []
        while (following := self.peek()) is not None and following[0] == indent:
            line = following[1]
            if line != "-" and not line.startswith("- "):
                break
            inner = line[1:].lstrip()
            deeper = indent + len(line) - len(inner)
            number = self.lines[self.at][0]
            self.lines[self.at] = (number, " " * deeper + inner)  # what follows the dash is a node of its own
            items.append(self.read_node(indent + 1))
        return items

    def read_mapping(self, indent: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while (following := self.peek()) is not None and following[0] == indent:
            entry = _KEY.fullmatch(following[1])
            if entry is None:
                raise self.fail("a key is missing")
            key = self.read_flow(entry[1])
            if key in found:
                raise self.fail(f"the key {key!r} is there twice")
            self.at += 1
            rest = entry[2] or ""
            found[key] = self.read_scalar(rest, indent + 1) if rest else self.read_node(indent + 1)
        return found

    def read_scalar(self, first: str, least: int) -> Any:
        """A value that begins on a line already taken; ``least`` is the indent of lines that go on with it."""
        if first[0] in "|>":
            return self.read_block(first, least)
        if first[0] in "\"'[":
            return self.read_flow(first)
        words = [first]
        while (following := self.peek()) is not None and following[0] >= least and not _KEY.fullmatch(following[1]):
            words.append(following[1])
            self.at += 1
        return " ".join(words)

    def read_block(self, header: str, least: int) -> str:
        if header not in ("|", "|-", ">", ">-"):
            raise self.fail(f"{header!r} is not known")
        taken: list[str] = []
        indent = -1
        while self.at < len(self.lines):
            line = self.lines[self.at][1]
            depth = len(line) - len(line.lstrip(" "))
            if line.strip() and depth < max(least, indent):
                break
            indent = depth if indent < 0 and line.strip() else indent
            taken.append(line[max(indent, 0) :])
            self.at += 1
        while taken and not taken[-1].strip():
            taken.pop()
        text = "\n".join(taken) if header[0] == "|" else " ".join(line.strip() for line in taken)
        return text + ("" if header.endswith("-") else "\n")

    def read_flow(self, text: str) -> Any:
        value, rest = self.take_flow(text.strip())
        if rest.strip():
            raise self.fail(f"{rest!r} follows a value")
        return value

    def take_flow(self, text: str) -> tuple[Any, str]:
        if text[0] == '"':
            found = re.match(r'"((?:[^"\\]|\\.)*)"', text)
            if found is None:
                raise self.fail("a quote is not closed on its line")
            return _ESCAPE.sub(self.unescape, found[1]), text[found.end() :]
        if text[0] == "'":
            found = re.match(r"'((?:[^']|'')*)'", text)
            if found is None:
                raise self.fail("a quote is not closed on its line")
            return found[1].replace("''", "'"), text[found.end() :]
        if text[0] == "[":
            return self.take_flow_sequence(text[1:])
        end = re.search(r"[,\]]|\Z", text)
        assert end is not None
        return text[: end.start()].strip(), text[end.start() :]

    def take_flow_sequence(self, text: str) -> tuple[list[Any], str]:
        items: list[Any] = []
        text = text.lstrip()
        while not text.startswith("]"):
            if not text:
                raise self.fail("a bracket is not closed on its line")
            item, text = self.take_flow(text)
            items.append(item)
            text = text.lstrip().removeprefix(",").lstrip()
        return items, text[1:]

    def unescape(self, found: re.Match[str]) -> str:
        code = found[1]
        if code[0] in "xu" and len(code) > 1:
            return chr(int(code[1:], 16))
        if code not in _NAMED:
            raise self.fail(f"the escape {found[0]!r} is not known")
        return _NAMED[code]
