"""Fuzz target: ARC chains in hostile header sections.

Invariant. For any octets, as a message, as the values of a set's fields and as
something put into a chain that is sound:

* there is a result of RFC 8617's three words, with a reason that is a short
  line of text, and nothing is raised;
* however the message is cut, result and questions are the same;
* a chain that does not pass proves nothing: no oldest pass, no trust;
* without our keys nothing passes, and never more keys are asked for than the rules allow.

    python tests/fuzz/fuzz_arc.py -max_total_time=60
"""

from __future__ import annotations

import sys

from samotop.msgauth.arc import ArcResult, ArcRules, Verifier, find_trusted
from samotop.msgauth.results import Result

NOW = 1_790_000_000.0
MESSAGE = b"From: Alice <alice@a.example>\r\nTo: list@lists.example.org\r\nSubject: Lunch\r\n\r\nHello all,\r\n\r\n"
SET = (
    b"ARC-Seal: i=%d; a=ed25519-sha256; d=relay.example.net; s=e; t=1790000000; cv=%s; b=QUFB\r\n"
    b"ARC-Message-Signature: i=%d; a=rsa-sha256; d=relay.example.net; s=e; c=relaxed/simple;\r\n"
    b" h=from:to:subject; l=9; x=1790000001; bh=QUFB; b=QUFB\r\n"
    b"ARC-Authentication-Results: i=%d; relay.example.net; arc=none; dmarc=pass (x) header.from=a.example\r\n"
)
CHAIN = SET % (2, b"pass", 2, 2) + SET % (1, b"none", 1, 1) + MESSAGE
KEYS = ArcRules().keys


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    check_message(octets)
    values = octets.split(b"\n", 2)
    names = (b"ARC-Seal:", b"ARC-Message-Signature:", b"ARC-Authentication-Results:")
    check_message(b"".join(b"%s%s\r\n" % pair for pair in zip(names, values, strict=False)) + MESSAGE)
    at = int.from_bytes(octets[:2], "big") % len(CHAIN)
    check_message(CHAIN[:at] + octets[2:] + CHAIN[at:])
    check_message(CHAIN[:at] + octets[2:] + CHAIN[at + len(octets) :])


def check_message(message: bytes) -> None:
    whole = Verifier()
    whole.feed(message)
    whole.end()
    cut = Verifier()
    step = 1 + len(message) // 7
    for start in range(0, len(message), step):
        cut.feed(message[start : start + step])
    cut.end()
    assert whole.queries == cut.queries
    assert len(whole.queries) <= KEYS
    result = whole.finish({}, NOW)
    assert cut.finish({}, NOW) == result
    assert result.result in (Result.NONE, Result.FAIL)
    check_result(result)


def check_result(result: ArcResult) -> None:
    assert result.reason.isprintable()
    assert 0 < len(result.reason) < 200
    assert len(result.sets) <= 50
    assert result.oldest_pass is None
    assert find_trusted(result, [one.domain for one in result.sets]) is None


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
