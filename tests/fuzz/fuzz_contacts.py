"""Fuzz target: what strangers and address books say of identities: tags, List-Id, vCards, sent mail.

Invariant. For any octets:

* every tag can be read; reading what was read gives the same; one octet more or less breaks its key;
* no tag that was not made with the secret counts as keyed or as an invitation;
* a List-Id is one short word, or there is none, and a second field takes it away;
* an address book gives identities that can be typed again, or says in words of its own why it is none.

    python tests/fuzz/fuzz_contacts.py -max_total_time=60
"""

from __future__ import annotations

import contextlib
import sys

from samotop.cli.contact_files import read_cards, read_sent
from samotop.consent.identity import NAME_LIMIT, Identity, IdentityKind, find_list_id, parse_identity
from samotop.consent.tags import find_end, format_tag, is_invitation, is_keyed, parse_tag, split_local

SECRET = bytes(range(32))
NOW = 1_800_000_000.0


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    text = octets.decode("utf-8", "surrogateescape")
    check_tag(text)
    check_list_id(octets)
    check_cards(octets)


def check_tag(text: str) -> None:
    owner, tag = split_local(text)
    assert owner + "+" * bool(tag) + tag in (text, text.removesuffix("+"))
    read = parse_tag(text)
    assert parse_tag(read.text) == read
    assert read.text.startswith(read.named)
    assert not is_keyed(read, SECRET)
    assert not is_invitation(read, SECRET, NOW)
    assert not read.key or find_end(read, NOW, SECRET)
    find_end(read, NOW, None)
    with contextlib.suppress(ValueError):
        made = format_tag(text, SECRET)
        assert is_keyed(parse_tag(made), SECRET)
        assert not is_keyed(parse_tag("x" + made), SECRET)
        assert not is_keyed(parse_tag(made[:-1]), SECRET)


def check_list_id(octets: bytes) -> None:
    for header in (octets, b"List-Id:" + octets.replace(b"\n", b"") + b"\r\n"):
        found = find_list_id(header)
        assert len(found) <= 255
        assert not any(c.isspace() or c in "<>" for c in found), found
        assert found == found.lower()
        if found:
            assert parse_identity(f"list:{found}") == Identity(IdentityKind.LIST, found)
    assert not find_list_id(b"List-Id: <a.example>\r\nList-Id: <b.example>\r\n" + octets)


def check_cards(octets: bytes) -> None:
    card = b"BEGIN:VCARD\r\nEMAIL;TYPE=work:" + octets + b"\r\nEND:VCARD\r\n"
    for found in (*read_cards(card), *read_sent(b"To: " + octets + b"\r\n\r\n"), *read_sent(octets)):
        assert len(found.name) <= NAME_LIMIT
        assert "@" in found.name


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
