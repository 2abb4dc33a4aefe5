"""A request with a message in it out of a buffer: method, path, fields, and how long the body is (RFC 9112 §2 to §6).

Strict, as ``web.request`` is: lines end with CRLF, nothing is folded, no space
stands before a colon. A body has its length in Content-Length, once; no
transfer coding is read. Octets in, values out; raises ``BadRequest``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

HEAD_LIMIT: Final = 64 * 1024
"""Octets of a head: each recipient has a field of its own."""
FIELDS_LIMIT: Final = 1200

_END: Final = b"\r\n\r\n"
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_REQUEST: Final = re.compile(rf"({_TOKEN}{{1,32}}) (/[!-~]{{0,2000}}) HTTP/1\.([01])")
_FIELD: Final = re.compile(rf"({_TOKEN}{{1,256}}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_LENGTH: Final = re.compile(r"[0-9]{1,15}")


class BadRequest(ValueError):
    """This is no request that is answered. ``status`` says why; the text quotes nothing."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """``fields`` by their names in lower case, in their order; ``length`` of the body in octets."""

    method: str
    path: str
    fields: tuple[tuple[str, str], ...]
    length: int
    expects_continue: bool = False

    def find(self, name: str) -> str:
        """A field's value, the first one's; empty where there is none."""
        return next((value for one, value in self.fields if one == name), "")

    def find_all(self, name: str) -> list[str]:
        return [value for one, value in self.fields if one == name]


def take_request(buffer: bytearray) -> CheckRequest | None:
    """Take a head off the front of ``buffer``; the body follows. ``None``: not complete yet. Raises ``BadRequest``."""
    end = buffer.find(_END, 0, HEAD_LIMIT)
    if end < 0:
        if len(buffer) >= HEAD_LIMIT:
            raise BadRequest(431)
        return None
    lines = bytes(buffer[:end]).decode("utf-8", "replace").split("\r\n")
    del buffer[: end + len(_END)]
    first = _REQUEST.fullmatch(lines[0])
    if first is None or len(lines) > FIELDS_LIMIT:
        raise BadRequest(400)
    fields: list[tuple[str, str]] = []
    for line in lines[1:]:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise BadRequest(400)
        fields.append((field[1].lower(), field[2].rstrip(" \t")))
    return _judge(first[1], unquote(first[2].partition("?")[0]), tuple(fields))


def _judge(method: str, path: str, fields: tuple[tuple[str, str], ...]) -> CheckRequest:
    lengths = [value for name, value in fields if name == "content-length"]
    names = {name for name, _ in fields}
    if "transfer-encoding" in names:
        raise BadRequest(411)
    if "content-encoding" in names or "compression" in names:
        raise BadRequest(415)
    if len(lengths) > 1 or not all(_LENGTH.fullmatch(one) for one in lengths):
        raise BadRequest(400)
    expects = any(name == "expect" and value.lower() == "100-continue" for name, value in fields)
    return CheckRequest(method, path, fields, int(lengths[0]) if lengths else 0, expects)
