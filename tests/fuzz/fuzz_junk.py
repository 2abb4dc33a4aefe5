"""Fuzz target: the learned filter, on any octets as a message, as packed features and as a file.

Invariant. For any octets:

* as a message they have a probability from 0 to 1, features in ascending places
  of the tables, and an explanation that can be printed; learning them moves the
  probability to another one from 0 to 1;
* packed, their features come back as they were;
* as packed features they are features within the tables or ``ValueError``;
* as a filter's file, with a checksum that is right, they are a filter that scores, or ``ValueError``.

    python tests/fuzz/fuzz_junk.py -max_total_time=60
"""

from __future__ import annotations

import struct
import sys
import zlib

from samotop.junk import Features, Filter
from samotop.junk.features import PLACES
from samotop.junk.record import MAGIC, parse_filter

LEARNED = Filter()


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    check_message(octets)
    check_message(b"Content-Type: text/html; charset=utf-8\nSubject: " + octets)
    check_message(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + octets)
    check_packed(octets)
    check_packed(b"\x01" + zlib.compress(octets))
    check_file(octets)
    check_file(MAGIC + b"\x01\x00" + octets)


def check_message(content: bytes) -> None:
    features = Filter.features(content)
    places = features.places
    assert (places[1:] > places[:-1]).all()
    assert not len(places) or int(places[-1]) < PLACES
    assert (Features.unpack(features.pack()).places == places).all()
    before = LEARNED.score_features(features)
    assert 0 <= before <= 1
    decision = before < 0.5
    LEARNED.learn_features(features, decision)
    after = LEARNED.score_features(features)
    assert 0 <= after <= 1
    for reason in LEARNED.explain(content).reasons:
        assert reason.name.isprintable()


def check_packed(octets: bytes) -> None:
    try:
        features = Features.unpack(octets)
    except ValueError:
        return
    assert 0 <= LEARNED.score_features(features) <= 1


def check_file(octets: bytes) -> None:
    try:
        learned = parse_filter(octets + struct.pack("<I", zlib.crc32(octets)))
    except ValueError:
        return
    assert 0 <= learned.score(b"Subject: x\n\ny") <= 1


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
