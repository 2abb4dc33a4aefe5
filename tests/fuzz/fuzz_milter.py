"""Fuzz target: what a mail server or a filter may send in the milter protocol.

Invariant. For any octets, whole or one by one, on either side:

* it ends the same way: the same events, waiting or refused;
* nothing but ``MilterSyntaxError`` is raised;
* what a filter's changes leave is one header section, with one end.

    python tests/fuzz/fuzz_milter.py -max_total_time=60
"""

from __future__ import annotations

import sys

from samotop.milter.changes import apply_changes, split_fields
from samotop.milter.client import Asked, MilterClient
from samotop.milter.commands import Connect, MailFrom, Offer, RcptTo, format_command
from samotop.milter.frames import MilterSyntaxError
from samotop.milter.negotiation import ALL_ACTIONS, ALL_STEPS, Actions, Negotiation
from samotop.milter.responses import AddHeader, Change, ChangeHeader, InsertHeader, Word
from samotop.milter.server import MilterServer

ASKED = Asked(Connect(b"x", b"U"), b"x", MailFrom(b"<>"), (RcptTo(b"<a@b>"), RcptTo(b"<c@d>")))
HEADER = b"A: 1\r\nB: 2\r\n 3\r\n\r\n"
OFFER = format_command(Offer(Negotiation(6, ALL_ACTIONS, ALL_STEPS)))


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    single = [octets[at : at + 1] for at in range(len(octets))]
    for start in (b"", OFFER):
        assert _serve([start, octets]) == _serve([start, *single])
    assert _ask([octets]) == _ask(single)
    name, _, value = octets.partition(b"\0")
    name = bytes(octet for octet in name if 33 <= octet < 127 and octet != 58) or b"X"
    changes: list[Change] = [AddHeader(name, value), InsertHeader(1, name, value), ChangeHeader(1, b"A", value)]
    changed = apply_changes(HEADER, changes)
    assert changed.endswith(b"\r\n\r\n") and changed.find(b"\r\n\r\n") == len(changed) - 4
    assert len(split_fields(changed)) in (3, 4)


def _serve(pieces: list[bytes]) -> list[object]:
    server = MilterServer(Actions.ADD_HEADER)
    seen: list[object] = []
    try:
        for piece in pieces:
            server.receive_data(piece)
            while (event := server.next_event()) is not None or server.is_waiting:
                seen.append(event)
                if server.is_waiting:
                    server.answer(Word.CONTINUE)
    except MilterSyntaxError as error:
        seen.append(str(error))
    return [*seen, server.data_to_send(), server.state]


def _ask(pieces: list[bytes]) -> tuple[object, ...]:
    client = MilterClient(ASKED, HEADER)
    client.finish()
    try:
        for piece in pieces:
            client.receive_data(piece)
    except MilterSyntaxError as error:
        return (str(error),)
    return client.outcome, client.is_waiting, client.data_to_send()


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
