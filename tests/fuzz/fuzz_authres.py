"""Fuzz target: Authentication-Results, read, written, and told from forged ones.

Invariant. For any octets as a field's value:

* they are results or ``ResultsSyntaxError``, and nothing else is raised;
* what was read is written as exactly one field whose lines keep to 998 octets,
  and reading that gives what a second writing gives;
* a field that can be read claims to be ours exactly if its identifier is our
  name, or some reader might take it so; one that we write does in any case;
* stripping forged fields leaves none that claims our name, and no other is lost.

    python tests/fuzz/fuzz_authres.py -max_total_time=60
"""

from __future__ import annotations

import sys
from dataclasses import replace

from samotop.message.authres import ResultsSyntaxError, parse_results
from samotop.message.authreswriting import format_results
from samotop.message.claims import claims_to_be
from samotop.message.forged import strip_forged
from samotop.message.header import iterate_fields

HOST = "mx.example.org"


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    check_results(octets)
    check_results(b" mx.example.org; x=pass " + octets)
    check_stripped(octets)


def check_results(octets: bytes) -> None:
    try:
        results = parse_results(octets)
    except ResultsSyntaxError:
        claims_to_be(octets, HOST)
        return
    if results.authserv_id.lower().rstrip(".") == HOST:
        assert claims_to_be(octets, HOST)
    field = format_results(results)
    (one,) = iterate_fields(field)
    assert one.raw == field
    assert max(map(len, field.split(b"\r\n"))) <= 998
    again = parse_results(one.value)
    assert format_results(again) == field
    ours = format_results(replace(results, authserv_id=HOST))
    assert claims_to_be(next(iterate_fields(ours)).value, HOST)


def check_stripped(octets: bytes) -> None:
    section = b"A: b\r\nAuthentication-Results:" + octets + b"\r\nC: d\r\n"
    kept = strip_forged(section, HOST)
    for field in iterate_fields(kept):
        assert field.name.lower() != b"authentication-results" or not claims_to_be(field.value, HOST)
    assert kept.startswith(b"A: b\r\n")


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
