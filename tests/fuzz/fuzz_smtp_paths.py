"""Fuzz target: paths, mailboxes and domains of MAIL, RCPT and EHLO.

Invariant. For any octets, ``take_path``, ``parse_mailbox`` and
``parse_domain`` raise nothing but ``BadPath``; what they take

* is a prefix of the input that ends on ``>``, and the rest is untouched;
* written anew and read again is the same address, so that two hops cannot
  understand two different ones;
* has no control character, no line separator, no surrogate, and a local part
  and a domain within their limits;
* is ASCII unless UTF-8 was allowed.

    python tests/fuzz/fuzz_smtp_paths.py -max_total_time=60
"""

from __future__ import annotations

import sys
import unicodedata
from contextlib import suppress
from typing import Final

from samotop.address import Address
from samotop.smtp.paths import DOMAIN_LIMIT, BadPath, parse_domain, parse_mailbox, take_path

LOCAL_LIMIT: Final = 64
FORBIDDEN: Final = {"Cc", "Cs", "Zl", "Zp"}


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    for allows_utf8 in (False, True):
        check_path(octets, allows_utf8)
        check_path(b"<" + octets + b">", allows_utf8)
    with suppress(BadPath):
        check_address(parse_mailbox(octets, local_limit=LOCAL_LIMIT), True)
    with suppress(BadPath):
        domain = parse_domain(octets, allows_utf8=True)
        assert parse_domain(domain.encode(), allows_utf8=True) == domain


def check_path(octets: bytes, allows_utf8: bool) -> None:
    try:
        path, rest = take_path(octets, allows_utf8=allows_utf8, local_limit=LOCAL_LIMIT)
    except BadPath:
        return
    assert octets.endswith(rest)
    taken = octets[: len(octets) - len(rest)]
    assert taken.startswith(b"<")
    assert taken.endswith(b">")
    again, nothing = take_path(f"<{path}>".encode(), allows_utf8=allows_utf8, local_limit=LOCAL_LIMIT)
    assert again == path
    assert nothing == b""
    if isinstance(path, Address):
        check_address(path, allows_utf8)
    else:
        assert taken == b"<>"


def check_address(address: Address, allows_utf8: bool) -> None:
    text = str(address)
    assert allows_utf8 or text.isascii()
    assert not any(unicodedata.category(c) in FORBIDDEN for c in text)
    assert len(address.local.encode()) <= LOCAL_LIMIT
    assert len(address.domain.encode()) <= DOMAIN_LIMIT
    assert address.domain or address.local.lower() == "postmaster"
    assert not set(address.domain) & set(' "<>@,;\\()')
    assert (address.literal is not None) is address.is_literal or not address.is_literal


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
