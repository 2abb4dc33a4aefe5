"""Fuzz target: the head of an HTTP request, and what is answered to it.

Invariant. For any octets:

* they are a request, or not complete yet, or ``BadRequest`` with a status of the kind 4xx or 5xx;
* fed in two pieces they are the same as whole, unless the first piece alone is refused;
* nothing waits for more once ``HEAD_LIMIT`` octets are there;
* host and path hold no space, no line end and no upper case host;
* the answer is one response: a status line, an end of the head, a body as long as it says, none to HEAD.

    python tests/fuzz/fuzz_http_request.py -max_total_time=60
"""

from __future__ import annotations

import sys

from samotop.tlspolicy.stspolicy import Mode, StsPolicy, format_policy
from samotop.web.pages import answer_fault, answer_request, format_answer, plan_pages
from samotop.web.request import HEAD_LIMIT, BadRequest, Request, take_request

POLICY = StsPolicy(Mode.ENFORCE, ("mx.example.org",), 86400)
PAGES = plan_pages(["example.org"], POLICY)
HOST = b"Host: mta-sts.example.org\r\n\r\n"


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    check(octets)
    check(octets + b" HTTP/1.1\r\n" + HOST)
    check(b"GET " + octets + b" HTTP/1.1\r\n" + HOST)
    check(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n" + octets + b"\r\n" + HOST)
    check(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + octets + b"\r\n\r\n")


def check(octets: bytes) -> None:
    whole = take(bytearray(octets), 0)
    cut = octets[0] % len(octets) if octets else 0
    buffer = bytearray(octets[:cut])
    first = take(buffer, 0)
    if first is None:
        searched = len(buffer)
        buffer += octets[cut:]
        again = take(buffer, searched)
        assert again == whole or (isinstance(again, int) and isinstance(whole, int)), (again, whole)
    if whole is None:
        assert len(octets.lstrip(b"\r\n")) < HEAD_LIMIT + 2
        return
    if isinstance(whole, int):
        assert 400 <= whole < 600
        answered = format_answer(answer_fault(whole), 0.0)
        check_response(answered, has_body=True)
        return
    assert whole.host == whole.host.lower() and not set(whole.host + whole.path) & set(" \r\n\0"), whole
    answer = answer_request(whole, PAGES)
    assert (answer.status == 200) <= (answer.body == format_policy(POLICY))
    check_response(format_answer(answer, 0.0), has_body=whole.method != "HEAD")


def take(buffer: bytearray, searched: int) -> Request | int | None:
    try:
        return take_request(buffer, searched)
    except BadRequest as error:
        assert "\n" not in str(error)
        return error.status


def check_response(octets: bytes, *, has_body: bool) -> None:
    head, end, body = octets.partition(b"\r\n\r\n")
    status, *fields = head.decode("ascii").split("\r\n")
    assert end and status.startswith("HTTP/1.1 ")
    (length,) = [int(field[16:]) for field in fields if field.startswith("Content-Length: ")]
    assert len(body) == (length if has_body else 0)


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
