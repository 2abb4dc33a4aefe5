"""Fuzz target: a whole session of the SMTP engine, against any octets of a client.

Invariant. For any settings and octets:

* nothing is raised, and every reply is a reply by its grammar;
* whole, octet by octet, and cut in two at any place, the octets sent, the
  events told and the contents received are the same;
* the engine keeps at most a limit's worth of octets while it waits for more;
* an event that asks is answered by exactly the replies it needs, and a content
  comes only in a transaction with recipients;
* a content that was taken has no CR or LF on its own unless it is binary.

The first octet chooses the settings (LMTP, TLS, AUTH, small limits), the
second a place to cut at.

    python tests/fuzz/fuzz_smtp_server.py -max_total_time=60
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

if __name__ == "__main__":  # run as a script, this folder is on the path and the checkout's is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from samotop.envelope import Body
from samotop.smtp import Mail
from tests.dialogs.player import Played, Session, play
from tests.dialogs.script import Client, Dialog

PLAIN: Final = Dialog(rules=(("errors", 30),))
SMALL: Final = (
    ("command_line", 60),
    ("auth_line", 80),
    ("text_line", 20),
    ("header", 40),
    ("size", 60),
    ("recipients", 2),
    ("errors", 12),
    ("junk_commands", 6),
    ("commands", 30),
    ("transactions", 3),
)
REPLY: Final = re.compile(rb"(?:([2-5][0-9]{2})(?:-[ -~]*\r\n\1)*(?: [ -~]*)?\r\n)*")
BARE: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n")
PARTED: Final = b"\xf7\xf7"
"""Where it stands, the client's TLS handshake is done."""


def settings_of(choice: int) -> Dialog:
    return replace(
        PLAIN,
        is_lmtp=bool(choice & 1),
        tls=("", "starttls", "required", "implicit")[choice >> 1 & 3],
        mechanisms=("PLAIN", "LOGIN", "ECHO") if choice & 8 else (),
        allows_plaintext_login=bool(choice & 16),
        requires_login=bool(choice & 8 and choice & 32),
        rules=SMALL if choice & 64 else PLAIN.rules,
        mailboxes=("b@example.org",) if choice & 128 else (),
        verbs=(("XPING", "XPING 1"),),
    )


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    if len(octets) < 2:
        return
    settings, place, said = settings_of(octets[0]), octets[1], octets[2:]
    dialog = replace(settings, steps=(Client(said),))
    whole = play(dialog, ())
    check_replies(whole)
    assert play(dialog, range(1, len(said))) == whole
    assert play(dialog, (place,)) == whole
    check_with_handshakes(settings, said)
    check_contents(dialog, whole)


def check_replies(played: Played) -> None:
    assert REPLY.fullmatch(played.octets), played.octets


def check_contents(dialog: Dialog, played: Played) -> None:
    """Without BODY=BINARYMIME, what was taken can be sent on by DATA as it is."""
    is_binary = any(isinstance(e, Mail) and e.parameters.body is Body.BINARY for e in played.events)
    limits = dict(dialog.rules)
    for content in played.contents:
        assert is_binary or not BARE.search(content)
        assert len(content) <= limits.get("size", len(content))


def check_with_handshakes(settings: Dialog, said: bytes) -> None:
    """The same with TLS begun where the input says so, and memory watched."""
    session = Session(settings)
    rules = session.engine.rules
    for part in said.split(PARTED):
        for start in range(0, len(part), 16):
            session.feed(part[start : start + 16])
            assert session.engine.buffered <= max(rules.command_line, rules.auth_line)
        session.handshake()
    check_replies(session.played())


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
