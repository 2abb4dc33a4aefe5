"""Fuzz target: a request of somebody who asks over HTTP what we think of a message.

Invariant. For any octets, whole or one by one:

* the same is read, refused with the same status, or waited for;
* what is left in the buffer is what stood behind the head.

    python tests/fuzz/fuzz_check_request.py -max_total_time=60
"""

from __future__ import annotations

import sys

from samotop.checking.request import BadRequest, CheckRequest, take_request


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    for start in (b"", b"POST /checkv2 HTTP/1.1\r\n"):
        whole = bytearray(start + octets)
        found = _read(whole)
        if isinstance(found, CheckRequest):
            assert (start + octets).endswith(bytes(whole))
            assert found.length >= 0
        buffer = bytearray()
        seen: object = None
        for at in range(len(start + octets)):
            buffer += (start + octets)[at : at + 1]
            seen = _read(buffer)
            if seen is not None:
                break
        assert seen == found


def _read(buffer: bytearray) -> object:
    try:
        return take_request(buffer)
    except BadRequest as error:
        return error.status


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
