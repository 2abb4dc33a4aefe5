"""Fuzz target: the strict reader of mailbox lists, and who it says is the author.

Invariant. For any octets:

* reading raises nothing but its own error, whose text is none of the field's;
* what was read can be written and is read again as the same;
* folding before a space changes nothing;
* a header with one From field has an author exactly if that field can be read
  and its domains are names; a second one takes the author away.

    python tests/fuzz/fuzz_mailboxes.py -max_total_time=60
"""

from __future__ import annotations

import sys

from samotop.message.mailboxes import Mailbox, MailboxSyntaxError, parse_mailboxes
from samotop.msgauth.author import find_author


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    found = read(octets)
    if found:
        plain = ", ".join(map(str, found)).encode()
        again = read(plain)
        assert again is not None
        assert [(m.display_name, m.address) for m in again] == [(m.display_name, m.address) for m in found]
        assert read(b",\r\n\t".join(str(mailbox).encode() for mailbox in found)) == again
    check_author(octets, found)


def read(octets: bytes) -> tuple[Mailbox, ...] | None:
    try:
        return parse_mailboxes(octets)
    except MailboxSyntaxError as error:
        assert str(error).isascii() and "\n" not in str(error)
        return None


def check_author(octets: bytes, found: tuple[Mailbox, ...] | None) -> None:
    author = find_author(octets)
    assert bool(author.reason) != bool(author.addresses)
    assert bool(author.domains) == bool(author.addresses)
    if b"\n" in octets:
        return
    header = b"From:" + octets + b"\r\n"
    author = find_author(header)
    assert not author.addresses or found is not None
    if found is not None and author.addresses:
        assert author.addresses == tuple(mailbox.address for mailbox in found)
    assert not find_author(header + b"From: b@example.org\r\n").addresses


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
