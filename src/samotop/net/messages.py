"""Reading an answer's message within a fixed amount of work.

dnspython reads names and record data, one record at a time; walking through
the message is done here. Two reasons: 22 KB can be so made (names that point
at long names, a thousand times) that the library's reader is busy for seconds,
in which the event loop stands still; and most of an ordinary message need not
be read at all. So each step of reading is counted, and a message with more
steps than any honest one is refused.

Kept are the question, and the answer and authority sections as sets of records
of class IN; of the additional section only the OPT record, without its options
(RFC 6891 §6.1). Signed messages (TSIG) are not verified.

Pure. Raises ``BadAnswer``, whose text has nothing of the message.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.OPT
import dns.rrset
import dns.wire

from samotop.errors import PeerError

MESSAGE_LIMIT: Final = 65535
"""Octets of any message: the length field of TCP has 16 bits (RFC 1035 §4.2.2)."""
RECORDS_LIMIT: Final = 256
"""Records in a message. Honest ones have a few dozen, and name servers keep to 100 records of a type by default."""
STEPS_LIMIT: Final = 5_000
"""Labels, strings and numbers read in a message, some microseconds each. A hundred MX records have 1,200."""

HEADER: Final = struct.Struct("!HHHHHH")
_RECORD: Final = struct.Struct("!HHIH")
_LONGEST: Final = 0x7FFFFFFF
_ADDITIONAL: Final = 3


class BadAnswer(PeerError):
    """An answer that cannot be read, has more in it than anybody needs, or contradicts itself."""


class _TooMuch(dns.exception.FormError):
    """More steps than any honest message has."""


class _Meter(dns.wire.Parser):
    """Counts what is read. All that dnspython reads of record data and names goes through ``get_bytes``."""

    steps = 0

    def get_bytes(self, size: int) -> bytes:
        self.steps += 1
        if self.steps > STEPS_LIMIT:
            raise _TooMuch
        return super().get_bytes(size)

    def get_name(self, origin: dns.name.Name | None = None, decompress: bool = False) -> dns.name.Name:
        """A long one costs more than its labels: it is hashed and compared. An address's has 34, others have a few."""
        name = super().get_name(origin, decompress)
        self.steps += len(name) ** 2 // 8
        return name


def parse_answer(octets: bytes) -> dns.message.Message:
    """Read a message that has one question. Raises ``BadAnswer``."""
    if not HEADER.size <= len(octets) <= MESSAGE_LIMIT:
        raise BadAnswer("an answer has an impossible length")
    identity, flags, questions, *counts = HEADER.unpack_from(octets)
    if questions > 1 or sum(counts) > RECORDS_LIMIT:
        raise BadAnswer("an answer has too many questions or records")
    message = dns.message.QueryMessage(id=identity)
    message.flags = dns.flags.Flag(flags)
    try:
        _Walk(octets, message).read(questions, counts)
    except (dns.exception.DNSException, ValueError, struct.error) as error:
        raise BadAnswer(f"an answer is malformed ({type(error).__name__})") from None
    return message


class _Walk:
    """The way through one message."""

    def __init__(self, octets: bytes, message: dns.message.Message) -> None:
        self._octets = octets
        self._meter = _Meter(octets, HEADER.size)
        self._message = message
        self._names: dict[int, dns.name.Name] = {}

    def read(self, questions: int, counts: list[int]) -> None:
        if questions:
            name = self._take_name()
            kind, klass = self._meter.get_struct("!HH")
            self._add(0, name, dns.rdataclass.RdataClass.make(klass), _kind(kind))
        for section, count in enumerate(counts, 1):
            for _ in range(count):
                self._take_record(section)

    def _take_record(self, section: int) -> None:
        meter = self._meter
        if section == _ADDITIONAL:
            self._skip_name()
            name = dns.name.root
        else:
            name = self._take_name()
        number, klass, ttl, length = _RECORD.unpack(meter.get_bytes(_RECORD.size))
        end = meter.current + length
        if number == dns.rdatatype.OPT:
            if section != _ADDITIONAL or self._message.opt is not None:
                raise ValueError("OPT is in the wrong section, or there are two")
            self._message.opt = _opt(klass, ttl)
        elif section != _ADDITIONAL and klass == dns.rdataclass.IN:
            kind = _kind(number)
            with meter.restrict_to(length):
                rdata = dns.rdata.from_wire_parser(dns.rdataclass.IN, kind, meter)
            rrset = self._add(section, name, dns.rdataclass.IN, kind, rdata.covers())
            rrset.add(rdata, ttl if ttl <= _LONGEST else 0)  # RFC 2181 §8
        meter.seek(end)

    def _take_name(self) -> dns.name.Name:
        """A name; one that was read before, or that points at one, is not read again."""
        meter, start = self._meter, self._meter.current
        octets = self._octets[start : start + 2]
        is_pointer = len(octets) == 2 and octets[0] >= 0xC0
        at = int.from_bytes(octets) & 0x3FFF if is_pointer else start
        known = self._names.get(at)
        if known is not None and is_pointer:
            meter.get_bytes(2)
            return known
        name = self._names[at] = meter.get_name(decompress=True)
        return name

    def _skip_name(self) -> None:
        meter = self._meter
        while length := meter.get_bytes(1)[0]:
            if length >= 0xC0:
                meter.get_bytes(1)
                return
            meter.get_bytes(length)

    def _add(
        self,
        section: int,
        name: dns.name.Name,
        klass: dns.rdataclass.RdataClass,
        kind: dns.rdatatype.RdataType,
        covers: dns.rdatatype.RdataType = dns.rdatatype.NONE,
    ) -> dns.rrset.RRset:
        """The set of records that one belongs to; in the message's index, as ``find_rrset`` looks there."""
        message = self._message
        key = (section, name, klass, kind, covers, None)
        rrset = message.index.get(key)
        if rrset is None:
            rrset = message.index[key] = dns.rrset.RRset(name, klass, kind, covers)
            message.sections[section].append(rrset)
        return rrset


@lru_cache(maxsize=1024)
def _kind(number: int) -> dns.rdatatype.RdataType:
    return dns.rdatatype.RdataType.make(number)


@lru_cache(maxsize=64)
def _opt(payload: int, ttl: int) -> dns.rrset.RRset:
    """An OPT record without options; a server's are all the same. Nobody changes it."""
    rdata: dns.rdata.Rdata = dns.rdtypes.ANY.OPT.OPT(payload, dns.rdatatype.OPT, ())  # type: ignore[no-untyped-call]  # untyped in dnspython
    return dns.rrset.from_rdata(dns.name.root, ttl, rdata)
