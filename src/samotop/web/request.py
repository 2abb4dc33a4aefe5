"""One HTTP request's head out of a buffer: what it asks for, and of which host (RFC 9112 §2 to §5).

Strict, as two servers that read one request differently can be played off
against each other: lines end with CRLF, nothing is folded, no space stands
before a colon, HTTP/1.1 names its host once. No body is read: whoever sends one
with GET is answered, and the connection ends there.

Octets in, values out. Raises ``BadRequest`` with the status to answer. Time is
linear in what was received: the search for the end goes on where it stopped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

HEAD_LIMIT: Final = 8 * 1024
"""Octets of a request's head: a fetcher of policies sends two hundred, a browser with its cookies two thousand."""
TARGET_LIMIT: Final = 2000
"""Octets of what is asked for: our longest has thirty."""
FIELDS_LIMIT: Final = 100
"""Fields of a head."""

_END: Final = b"\r\n\r\n"
_BARE: Final = re.compile(rb"(?<!\r)\n|\r(?=[^\n])")
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_REQUEST: Final = re.compile(rf"({_TOKEN}{{1,32}}) ([!-~]+) HTTP/([0-9])\.([0-9])")
_FIELD: Final = re.compile(rf"({_TOKEN}{{1,256}}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_ABSOLUTE: Final = re.compile(r"https?://([^/?#]*)([/?].*)?", re.IGNORECASE)
_HOST: Final = re.compile(r"([A-Za-z0-9._-]{0,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?")


class BadRequest(ValueError):
    """This is no request that is answered. ``status`` says why; the text quotes nothing."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """``host`` is in lower case, without port and closing dot, empty if nobody said; ``path`` is without its query."""

    method: str
    host: str
    path: str


def take_request(buffer: bytearray, searched: int = 0) -> Request | None:
    """Take the head off the front of ``buffer``. ``None``: not complete yet.

    ``searched`` octets of it were looked at before. Raises ``BadRequest``.
    """
    while buffer.startswith(b"\r\n"):  # empty lines, which are no request, are passed over (RFC 9112 §2.2)
        del buffer[:2]
        searched = 0
    since = max(0, searched - len(_END) + 1)
    end = buffer.find(_END, since, HEAD_LIMIT)
    if _BARE.search(buffer, since, HEAD_LIMIT if end < 0 else end):
        raise BadRequest(400)  # at once: its end may never come
    if end < 0:
        if len(buffer) >= HEAD_LIMIT:
            raise BadRequest(414 if b"\r\n" not in buffer else 431)
        return None
    lines = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    del buffer[: end + len(_END)]
    return _read(lines)


def _read(lines: list[str]) -> Request:
    first = _REQUEST.fullmatch(lines[0])
    if first is None:
        raise BadRequest(400)
    method, target, major, minor = first.groups()
    if major != "1":
        raise BadRequest(505)
    if len(target) > TARGET_LIMIT:
        raise BadRequest(414)
    if len(lines) > FIELDS_LIMIT:
        raise BadRequest(431)
    hosts = []
    for line in lines[1:]:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise BadRequest(400)
        if field[1].lower() == "host":
            hosts.append(field[2].rstrip(" \t"))
    if len(hosts) > 1 or (not hosts and minor != "0"):
        raise BadRequest(400)
    host = _read_host(hosts[0]) if hosts else ""
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:  # what stands in the request line counts (RFC 9112 §3.2.2)
        host, target = _read_host(absolute[1]), absolute[2] or "/"
    elif not target.startswith("/") and target != "*":
        raise BadRequest(400)
    return Request(method, host, target.partition("?")[0] or "/")


def _read_host(text: str) -> str:
    found = _HOST.fullmatch(text)
    if found is None:
        raise BadRequest(400)
    return found[1].lower().removesuffix(".")
