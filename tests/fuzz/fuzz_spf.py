"""Fuzz target: SPF records, their macros, and all that they can ask of DNS.

Invariant. For any octets,

* ``parse_record`` raises nothing but ``SpfSyntaxError``, whose text is short
  and printable, and what it reads has a term for each directive;
* ``evaluate`` raises nothing, whatever the record, the names in it, the
  sender and the hello name are;
* no more is asked than RFC 7208 §4.6.4 allows, and only for names that can be;
* a result has its reason exactly if it is none, temperror or permerror, and an
  explanation only if it is fail: short, and printable ASCII.

    python tests/fuzz/fuzz_spf.py -max_total_time=60
"""

from __future__ import annotations

import sys
from typing import Final

from samotop.dns import Answer, Mx, Status
from samotop.dns.records import Record as DnsRecord
from samotop.msgauth import spf
from samotop.msgauth.results import Result
from samotop.msgauth.spf import SpfResult, SpfSyntaxError, parse_record
from samotop.msgauth.spf.macros import EXPLANATION_LIMIT, is_name

QUESTIONS_LIMIT: Final = 1 + 10 * 11 + 11 + 1
"""The record, ten terms of an MX with its hosts, the peer's names, the explanation."""
REASON_LIMIT: Final = 300
PEERS: Final = ("192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1")


class HostileResolver:
    """Answers every question by the question's own length, with the fuzzer's octets as text."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.asked = 0

    async def lookup(self, name: str, type: str) -> Answer:
        self.asked += 1
        assert is_name(name), "that cannot be asked for"
        if self.asked == 1:
            return Answer(name, type, Status.OK, (b"v=spf1 " + self.octets,))
        turn = (len(name) + self.asked) % 11
        if turn < 4:
            return Answer(name, type, (Status.NODATA, Status.NXDOMAIN, Status.TIMEOUT, Status.SERVFAIL)[turn])
        records: dict[str, tuple[DnsRecord, ...]] = {
            "TXT": (self.octets,) if turn % 2 else (b"v=spf1 " + self.octets,),
            "A": ("192.0.2.1",) if turn == 5 else ("192.0.2.2", "198.51.100.1"),
            "AAAA": ("2001:db8::1",) if turn == 5 else ("2001:db8::2",),
            "MX": (Mx(0, ""), *(Mx(number, f"h{number}.example") for number in range(turn))),
            "PTR": tuple(f"h{number}.{'x' * number}.example" for number in range(3 * turn)),
        }
        return Answer(name, type, Status.OK, records[type])


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    for record in (octets, b"v=spf1 " + octets):
        try:
            directives = parse_record(record).directives
        except SpfSyntaxError as error:
            assert len(str(error)) < REASON_LIMIT
            assert str(error).isprintable()
        else:
            assert len(directives) <= record.count(b" ")
            assert all(" " not in directive.text for directive in directives)
    text = octets.decode("utf-8", "surrogateescape")
    for number, (hello, sender) in enumerate(
        [
            ("mail.example.net", "alice@example.org"),
            (text, "alice@example.org"),
            (text, f"{text}@example.org"),
            (text, text),
        ]
    ):
        resolver = HostileResolver(octets)
        check_result(run_now(PEERS[number % 3], hello, sender, resolver), resolver)


def run_now(ip: str, hello: str, sender: str, resolver: HostileResolver) -> SpfResult:
    """The resolver never waits, so that no event loop is needed."""
    evaluation = spf.evaluate(ip, hello, sender, resolver, now=0.0)
    try:
        evaluation.send(None)
    except StopIteration as finished:
        result = finished.value
        assert isinstance(result, SpfResult)
        return result
    raise AssertionError("it waits for something else than the resolver")


def check_result(found: SpfResult, resolver: HostileResolver) -> None:
    assert resolver.asked <= QUESTIONS_LIMIT
    assert found.lookups <= 10
    assert found.void_lookups <= 3
    assert found.void_lookups <= 2 or found.result is Result.PERMERROR
    assert bool(found.reason) is (found.result in (Result.NONE, Result.TEMPERROR, Result.PERMERROR))
    assert len(found.reason) < REASON_LIMIT
    assert found.reason.isprintable()
    assert bool(found.mechanism) is not bool(found.reason)
    assert not found.explanation or found.result is Result.FAIL
    assert len(found.explanation) <= EXPLANATION_LIMIT
    assert found.explanation.isascii()
    assert found.explanation.isprintable()
    assert not found.is_secure


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
