"""Fuzz target: what a name server, or somebody who passes for one, answers.

Invariant. For any octets:

* as a message to a question of ours they are matched without being read;
  ``parse_answer`` raises nothing but ``BadAnswer``, whose text has nothing of
  the message; ``read_answer`` neither;
* what is read is a status, records of the type asked, a canonical name that can
  be asked for, and a time to live from 0 to 2^31 - 1; ``None`` for a status
  comes with an alias that leads on;
* ``restore_case`` changes the question alone;
* as a stream from a server they never make ``Pipeline`` hold more than one
  message, and it raises nothing; the stream is ended when it is no DNS.

The first octet chooses what is asked for, and whether header and question are
put in front so that the rest is read at all.

    python tests/fuzz/fuzz_dns_message.py -max_total_time=60
"""

from __future__ import annotations

import asyncio
import struct
import sys
from typing import Any

from samotop.dns import Answer, Caa, Mx, Srv, Status, Tlsa
from samotop.net.answers import LONGEST, Reading, read_answer
from samotop.net.messages import HEADER, BadAnswer, parse_answer
from samotop.net.pipeline import Pipeline
from samotop.net.questions import Match, Question, is_truncated
from samotop.net.resolver import measure

TYPES: dict[str, type] = {
    "A": str,
    "AAAA": str,
    "CNAME": str,
    "PTR": str,
    "TXT": bytes,
    "MX": Mx,
    "SRV": Srv,
    "TLSA": Tlsa,
    "CAA": Caa,
    "DNSKEY": str,
    "SVCB": str,
    "LOC": str,
    "TYPE65280": str,
    "NAPTR": str,
    "SOA": str,
    "NSEC3": str,
}
NAME = "www.example.org"
IDENTITY = 0x4B4B


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    if not octets:
        return
    kind = list(TYPES)[octets[0] % len(TYPES)]
    question = Question.ask(NAME, kind)
    check_message(octets[1:], question, kind)
    flags = 0x8183 if octets[0] & 0x40 else 0x8180
    counts = bytes(octets[1:4]).ljust(3, b"\0")
    header = HEADER.pack(IDENTITY, flags, 1, counts[0] % 8, counts[1] % 4, counts[2] % 4)
    check_message(header + question.section + octets[4:], question, kind)
    # One well-framed record of the type asked, whose data is anything.
    record = b"\xc0\x0c" + question.section[-4:] + struct.pack("!IH", 300, len(octets) - 1) + octets[1:]
    check_message(HEADER.pack(IDENTITY, flags, 1, 1, 0, 0) + question.section + record, question, kind)
    check_stream(octets)


def check_message(octets: bytes, question: Question, kind: str) -> None:
    match = question.match(octets, IDENTITY)
    is_truncated(octets)
    restored = question.restore_case(octets) if match is Match.OURS else octets
    assert len(restored) == len(octets)
    assert restored == octets, "the case was not mixed, and something changed"
    try:
        message = parse_answer(octets)
        reading = read_answer(message, NAME, kind)
    except BadAnswer as refusal:
        assert str(refusal).isprintable()
        assert len(str(refusal)) < 100
        return
    check_reading(reading, kind)


def check_reading(reading: Reading, kind: str) -> None:
    assert 0 <= reading.ttl <= LONGEST
    Question.ask(reading.canonical, kind)
    assert (reading.status is Status.OK) == bool(reading.records)
    assert reading.status is not None or reading.aliases
    for record in reading.records:
        assert isinstance(record, TYPES[kind])
    assert measure(Answer(NAME, kind, Status.OK, reading.records)) > 0


class Nowhere(asyncio.Transport):
    """A transport that goes nowhere, and knows whether it was ended."""

    def __init__(self) -> None:
        super().__init__()
        self.is_ended = False

    def write(self, data: Any) -> None:
        pass

    def abort(self) -> None:
        self.is_ended = True

    def is_closing(self) -> bool:
        return self.is_ended


def check_stream(octets: bytes) -> None:
    transport = Nowhere()
    pipeline = Pipeline(pads=False, idle=1.0)
    pipeline.connection_made(transport)
    cut = octets[0] % len(octets)
    for part in (octets[:cut], octets[cut:]):
        if not transport.is_ended:
            pipeline.data_received(part)
    held = pipeline.buffered
    assert held <= 2 + 65535
    assert transport.is_ended or held < 2 or held < 2 + int.from_bytes(octets[-held:][:2])


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
