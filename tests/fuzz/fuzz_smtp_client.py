"""Fuzz target: the client's reader of replies.

Invariant. For any octets, ``take_reply`` raises nothing but ``BadReply``, and

* takes whole replies only, leaving what follows them untouched;
* says the same octet by octet as at once;
* keeps at most a reply's worth of octets before it takes or refuses it;
* what it has read, written and read again is the same reply.

    python tests/fuzz/fuzz_smtp_client.py -max_total_time=60
"""

from __future__ import annotations

import sys
from typing import Final

from samotop.reply import REPLY_LINES_LIMIT, Reply
from samotop.smtp.client import REPLY_LINE_LIMIT, BadReply, take_reply

KEPT: Final = REPLY_LINES_LIMIT * REPLY_LINE_LIMIT


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    whole = read(octets, len(octets) or 1)
    assert read(octets, 1) == whole
    assert read(octets, 3) == whole
    for reply in whole[0]:
        check_again(reply)


def read(octets: bytes, length: int) -> tuple[list[Reply], bytes, bool]:
    """The replies, what is left, and whether that was refused."""
    buffer, replies = bytearray(), list[Reply]()
    for start in range(0, len(octets), length):
        buffer += octets[start : start + length]
        while True:
            before = bytes(buffer)
            try:
                reply = take_reply(buffer)
            except BadReply:
                assert buffer == before
                return replies, b"", True
            if reply is None:
                assert buffer == before
                assert len(buffer) <= KEPT + length
                break
            assert before.endswith(bytes(buffer))
            assert before[: len(before) - len(buffer)].endswith(b"\n")
            replies.append(reply)
    return replies, bytes(buffer), False


def check_again(reply: Reply) -> None:
    """One pass makes a reply plain (printable, wrapped); from then on it stays as it is."""
    plain = take_reply(bytearray(reply.wire))
    assert plain is not None
    assert plain.code == reply.code
    assert take_reply(bytearray(plain.wire)) == plain


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
