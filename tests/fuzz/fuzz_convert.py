"""Fuzz target: converting a content to fewer bits.

Invariant. For any octets, and as the body of a part that says it has eight bits:

* nothing but ``Unconvertible`` is raised;
* what comes out is ASCII (or has no NUL and no bare line end where eight bits may stay), and stays as it is the
  second time;
* it is not much larger than base64 makes it.

    python tests/fuzz/fuzz_convert.py -max_total_time=60
"""

from __future__ import annotations

import sys

from samotop.content import Content
from samotop.message.convert import Unconvertible, convert_content

_PART = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    for message in (octets, b"Subject: x\r\n\r\n" + octets, _PART + octets + b"\r\n--b--\r\n"):
        for keeps_8bit in (False, True):
            content = Content.from_bytes(message)
            try:
                found = convert_content(content, keeps_8bit=keeps_8bit)
            except Unconvertible:
                continue
            assert keeps_8bit or found.to_bytes().isascii()
            assert found.size == len(found.to_bytes()) <= 2 * len(message) + 2000
            if found is not content:
                assert convert_content(found, keeps_8bit=keeps_8bit).to_bytes() == found.to_bytes()


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
