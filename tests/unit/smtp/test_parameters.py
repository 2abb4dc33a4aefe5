"""Parameters of MAIL and RCPT beyond what the dialogs show."""

from __future__ import annotations

import pytest

from samotop.envelope import Body, MailParameters, Notify, Ret
from samotop.smtp.parameters import (
    PARAMETERS_LIMIT,
    RecipientParameters,
    UnknownParameter,
    parse_mail_parameters,
    parse_recipient_parameters,
)
from samotop.smtp.times import BadParameter

ALL = frozenset(("SIZE", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8", "DSN", "REQUIRETLS", "AUTH"))


def test_all_parameters_of_mail_together() -> None:
    octets = b"SIZE=7 BODY=BINARYMIME SMTPUTF8 RET=FULL ENVID=a+2Bb REQUIRETLS AUTH=c+3Dd@example.com"
    assert parse_mail_parameters(octets, ALL) == MailParameters(
        7, Body.BINARY, True, Ret.FULL, "a+b", True, "c=d@example.com"
    )


def test_all_parameters_of_rcpt_together() -> None:
    found = parse_recipient_parameters(b"ORCPT=rfc822;a+2Bb@c NOTIFY=FAILURE,DELAY", ALL, is_utf8=False)
    assert found == RecipientParameters(Notify.FAILURE | Notify.DELAY, "rfc822;a+b@c")


@pytest.mark.parametrize("missing", ["BINARYMIME", "CHUNKING"])
def test_binary_needs_both_of_its_extensions(missing: str) -> None:
    """RFC 3030 §3: BINARYMIME without CHUNKING could not be sent at all."""
    with pytest.raises(BadParameter):
        parse_mail_parameters(b"BODY=BINARYMIME", ALL - {missing})
    assert parse_mail_parameters(b"BODY=8BITMIME", ALL - {missing}).body is Body.EIGHT_BIT


def test_more_parameters_than_there_are_extensions_are_not_read() -> None:
    words = [b"X%d" % number for number in range(PARAMETERS_LIMIT + 1)]
    with pytest.raises(UnknownParameter):
        parse_mail_parameters(b" ".join(words[:-1]), ALL)
    with pytest.raises(BadParameter, match="too many"):
        parse_mail_parameters(b" ".join(words), ALL)


@pytest.mark.parametrize("octets", [b"ENVID=+0A", b"ENVID=a+0D+0Ab", b"AUTH=+7F", b"AUTH=+C3+28", b"AUTH=+E2+80+A8"])
def test_nothing_unprintable_hides_in_xtext(octets: bytes) -> None:
    """It would come out as a line of its own in a notification."""
    with pytest.raises(BadParameter):
        parse_mail_parameters(octets, ALL)
