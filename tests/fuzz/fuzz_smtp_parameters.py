"""Fuzz target: the arguments of MAIL, RCPT, EHLO, BDAT and AUTH, and xtext.

Invariant. For any octets, the parsers raise nothing but ``CommandRefused``
(``PeerError`` within them), with a reply that is an error; what they take

* uses no parameter whose extension was not advertised;
* written by the client's side and read again is the same, unless it had no
  such form (an empty quoted local part keeps its quotes, a route is dropped);
* is bounded: ENVID, ORCPT and AUTH= by their limits, a declared size and the
  time of a release by the rules.

    python tests/fuzz/fuzz_smtp_parameters.py -max_total_time=60
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from samotop.envelope import NO_PARAMETERS, MailParameters
from samotop.errors import PeerError
from samotop.smtp.client import format_mail, format_rcpt
from samotop.smtp.client.wishes import DeliverBy, Wishes
from samotop.smtp.commands import CommandRefused, parse_auth, parse_bdat, parse_hello, parse_mail, parse_rcpt
from samotop.smtp.rules import Rules
from samotop.smtp.xtext import format_unitext, format_xtext, parse_unitext, parse_xtext

ALL: Final = frozenset(
    (
        "SIZE",
        "8BITMIME",
        "BINARYMIME",
        "CHUNKING",
        "SMTPUTF8",
        "DSN",
        "REQUIRETLS",
        "AUTH",
        "FUTURERELEASE",
        "DELIVERBY",
    )
)
SOME: Final = frozenset(("SIZE", "8BITMIME", "DSN"))
RULES: Final = Rules(hold=30 * 86400, deliver_by=60)
NOW: Final = 1_893_456_000.0
ROOMY: Final = replace(RULES, path=5000)
LINE_LIMIT: Final = 600


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    octets = octets[:LINE_LIMIT]
    for extensions in (frozenset[str](), SOME, ALL):
        for prefix in (b"", b"FROM:", b"FROM:<a@b> "):
            check_mail(prefix + octets, extensions)
        for prefix in (b"", b"TO:", b"TO:<a@b> "):
            check_rcpt(prefix + octets, extensions, is_utf8="SMTPUTF8" in extensions)
    check_others(octets)


def check_mail(argument: bytes, extensions: frozenset[str]) -> None:
    try:
        mail = parse_mail(argument, extensions, RULES, now=NOW)
    except CommandRefused as refused:
        assert refused.reply.code in (501, 552, 553, 555)
        return
    found = mail.parameters
    if not extensions:
        assert found == NO_PARAMETERS
    if extensions is SOME:
        assert found == MailParameters(found.size, found.body, ret=found.ret, envelope_id=found.envelope_id)
    assert 0 <= found.size <= RULES.size
    assert len(found.envelope_id or "") <= 100
    assert len(found.submitter or "") <= 500
    assert found.hold_for is None or (0 < found.hold_for <= RULES.hold and found.hold_until is None)
    assert found.hold_until is None or NOW < found.hold_until <= NOW + RULES.hold
    command = format_mail(mail.reverse_path, found, extensions)[5:-2] + format_times(found)
    if found.hold_until is None or found.hold_until.is_integer():  # the client's side writes whole seconds
        assert parse_mail(command, extensions, ROOMY, now=NOW) == mail


def format_times(found: MailParameters) -> bytes:
    """As the client's side writes them, each behind a space."""
    until = None if found.hold_until is None else datetime.fromtimestamp(found.hold_until, UTC)
    by = found.deliver_by
    wishes = Wishes(found.hold_for, until, None if by is None else DeliverBy(by.seconds, by.returns, by.traces))
    hold = b" " + wishes.format_hold() if wishes.holds else b""
    return hold + (b" BY=" + wishes.deliver_by.format() if wishes.deliver_by is not None else b"")


def check_rcpt(argument: bytes, extensions: frozenset[str], *, is_utf8: bool) -> None:
    try:
        recipient = parse_rcpt(argument, extensions, RULES, is_utf8=is_utf8)
    except CommandRefused as refused:
        assert refused.reply.code in (501, 553, 555)
        return
    if not extensions:
        assert recipient.notify is None
        assert recipient.original is None
    assert len(recipient.original or "") <= 500
    kind, _, address = (recipient.original or "x;").partition(";")
    written = (
        format_unitext(address, allows_utf8=is_utf8) if kind.lower() == "utf-8" else format_xtext(address.encode())
    )
    if len(kind) + 1 + len(written) <= 500:
        command = format_rcpt(recipient, extensions, is_utf8=is_utf8)
        assert parse_rcpt(command[5:-2], extensions, ROOMY, is_utf8=is_utf8) == recipient


def check_others(octets: bytes) -> None:
    with suppress(CommandRefused):
        assert re.fullmatch("[!-~]{1,255}", parse_hello(octets))
    found = parse_bdat(octets)
    assert found is None or 0 <= found[0] < 10**20
    with suppress(CommandRefused):
        auth = parse_auth(octets)
        assert re.fullmatch("[A-Z0-9_-]{1,20}", auth.mechanism)
    with suppress(PeerError):
        decoded = parse_xtext(octets, allows_utf8=True)
        assert parse_xtext(format_xtext(decoded)) == decoded
    for allows_utf8 in (False, True):
        with suppress(PeerError):
            address = parse_unitext(octets, allows_utf8=allows_utf8)
            for way in (False, True):
                assert parse_unitext(format_unitext(address, allows_utf8=way), allows_utf8=way) == address


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
