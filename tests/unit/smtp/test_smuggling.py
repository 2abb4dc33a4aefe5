"""SMTP smuggling (2023): every way in which some server has ended a content that we must not."""

from __future__ import annotations

from itertools import product

import pytest

from samotop.smtp.replies import BARE_LINE_ENDING
from tests.dialogs.player import Played, play
from tests.dialogs.script import Client, Dialog

pytestmark = pytest.mark.slow  # every variant, cut everywhere

ENDS = (b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\n", b"\r\n\r")
VARIANTS = [before + b"." + after for before, after in product(ENDS, ENDS) if (before, after) != (b"\r\n", b"\r\n")]
BEFORE = (
    Client(b"EHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\n"),
    Client(b"DATA\r\n"),
)
SMUGGLED = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nboo\r\n.\r\n"


def say(content: bytes, *, is_lmtp: bool = False) -> tuple[Played, Dialog]:
    hello = Client(b"LHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\n") if is_lmtp else BEFORE[0]
    dialog = Dialog(steps=(hello, BEFORE[1], Client(content)), is_lmtp=is_lmtp)
    return play(dialog, ()), dialog


@pytest.mark.parametrize("is_lmtp", [False, True], ids=["smtp", "lmtp"])
@pytest.mark.parametrize("variant", VARIANTS, ids=repr)
def test_no_other_end_of_data_ends_it(variant: bytes, is_lmtp: bool) -> None:
    """Each gets 554 5.6.0 as the last word: nothing is taken, nothing behind it is a command."""
    whole, dialog = say(b"Subject: x\r\n\r\nhello" + variant + SMUGGLED, is_lmtp=is_lmtp)
    if variant.startswith(b"\r\n.\r\n"):  # a true end, and then a bare line ending where a command should be
        assert whole.contents == (b"Subject: x\r\n\r\nhello\r\n",)
    else:
        assert whole.contents == ()
    assert whole.octets.endswith(BARE_LINE_ENDING.wire)
    assert whole.octets.count(b"354 ") == 1
    assert whole.is_closed
    length = sum(len(step.octets) for step in dialog.steps if isinstance(step, Client))
    assert play(dialog, range(1, length)) == whole
    for cut in range(1, length):
        assert play(dialog, (cut,)) == whole


@pytest.mark.parametrize("end", ENDS[1:], ids=repr)
def test_no_other_end_of_data_right_at_the_beginning(end: bytes) -> None:
    """The first line has no CRLF before it that a search could find."""
    whole, dialog = say(b"." + end + SMUGGLED)
    assert whole.octets.endswith(BARE_LINE_ENDING.wire)
    assert whole.is_closed
    if end.startswith(b"\r\n"):
        assert whole.contents == (b"",)
    else:
        assert whole.contents == ()
    assert play(dialog, range(1, 1000)) == whole


@pytest.mark.parametrize("octets", [b"a\n.\nb", b"a\r.\rb", b"\n", b"a\r", b"\r\r\n", b"x\n.\r\n"], ids=repr)
@pytest.mark.parametrize("last", [b"", b" LAST"], ids=["chunk", "last"])
def test_bdat_carries_no_bare_line_ending_either(octets: bytes, last: bytes) -> None:
    """What comes by BDAT may go on by DATA; only BODY=BINARYMIME promises that it will not."""
    command = b"BDAT %d%b\r\n" % (len(octets), last)
    dialog = Dialog(steps=(BEFORE[0], Client(command + octets + b"BDAT 3 LAST\r\na\r\n")))
    whole = play(dialog, ())
    assert whole.octets.endswith(BARE_LINE_ENDING.wire)
    assert whole.is_closed
    assert whole.contents == ()
    assert play(dialog, range(1, 1000)) == whole


@pytest.mark.parametrize("end", ENDS[1:], ids=repr)
@pytest.mark.parametrize("verb", [b"NOOP", b"EHLO x", b"MAIL FROM:<a@b>", b"BDAT 3", b"AUTH PLAIN", b"."], ids=repr)
def test_only_crlf_ends_a_command(verb: bytes, end: bytes) -> None:
    """Also for commands that would have been refused anyway."""
    dialog = Dialog(steps=(Client(verb + end + b"NOOP\r\n"),))
    whole = play(dialog, ())
    assert whole.octets.endswith(BARE_LINE_ENDING.wire) or (end.startswith(b"\r\n") and b"BDAT" in verb)
    assert play(dialog, range(1, 1000)) == whole
