"""Which pages there are, and what is answered to a request (RFC 9110 §9, §15).

Pure; raises nothing. The only page so far is a domain's MTA-STS policy, under
the name that RFC 8461 §3.3 gives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from samotop.tlspolicy.stspolicy import StsPolicy, format_policy
from samotop.web.request import Request

STS_PATH: Final = "/.well-known/mta-sts.txt"

Pages = Mapping[tuple[str, str], bytes]
"""Texts by host and path."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body, which is always plain text. ``is_bodiless``: only how long it would be is told (HEAD)."""

    status: int
    body: bytes
    is_bodiless: bool = False


def plan_pages(domains: Iterable[str], policy: StsPolicy | None) -> Pages:
    """The pages of a server of these domains, which are in A-labels."""
    if policy is None:
        return {}
    text = format_policy(policy)
    return {(f"mta-sts.{domain}", STS_PATH): text for domain in domains}


def answer_request(request: Request, pages: Pages) -> Answer:
    """GET and HEAD of a page; everything else is not there, or not done here."""
    if request.method not in ("GET", "HEAD"):
        return answer_fault(405)
    body = pages.get((request.host, request.path))
    found = answer_fault(404) if body is None else Answer(200, body)
    return Answer(found.status, found.body, request.method == "HEAD")


def answer_fault(status: int) -> Answer:
    """``status`` in words."""
    return Answer(status, f"{status} {HTTPStatus(status).phrase}\n".encode("ascii"))


def format_answer(answer: Answer, now: float) -> bytes:
    """The response; ``now`` is in seconds since 1970. The connection ends behind it (RFC 9112 §9.6)."""
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        f"Date: {formatdate(now, usegmt=True)}",
        "Content-Type: text/plain",
        f"Content-Length: {len(answer.body)}",
        "X-Content-Type-Options: nosniff",
        *(["Allow: GET, HEAD"] if answer.status == 405 else []),
        "Connection: close",
        "",
        "",
    ]
    return "\r\n".join(lines).encode("ascii") + (b"" if answer.is_bodiless else answer.body)
