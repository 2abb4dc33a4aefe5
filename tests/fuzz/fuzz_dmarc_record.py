"""Fuzz target: DMARC policy records, and the URIs in them.

Invariant. For any octets:

* they are a record exactly if they begin with the version, and reading one raises nothing;
* a policy comes from p, sp or np and is one of the three words; a record that may not give one gives "none";
* what is read does not depend on unknown tags, on the case of names, or on white space around tags;
* every report URI has an address if it is a mailto, and that address can be written and read again.

    python tests/fuzz/fuzz_dmarc_record.py -max_total_time=60
"""

from __future__ import annotations

import sys
from dataclasses import replace

from samotop.msgauth.dmarc.record import NoDmarcRecord, Policy, is_record, parse_record
from samotop.smtp.paths import parse_mailbox


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    check_record(octets)
    check_record(b"v=DMARC1;" + octets)
    check_record(b"v=DMARC1; p=reject; rua=mailto:" + octets)
    check_neutral(octets)


def check_record(octets: bytes) -> None:
    try:
        record = parse_record(octets)
    except NoDmarcRecord:
        assert not is_record(octets)
        return
    assert is_record(octets)
    for is_subdomain in (False, True):
        for exists in (False, True):
            tag, policy = record.choose_policy(is_subdomain=is_subdomain, exists=exists)
            assert tag in ("p", "sp", "np") and policy in Policy
            assert policy is Policy.NONE or not record.is_damaged
            assert is_subdomain or tag == "p"
    for uri in record.rua + record.ruf:
        assert (uri.address is not None) == (uri.scheme == "mailto")
        if uri.address is not None:
            assert parse_mailbox(str(uri.address).encode()) == uri.address


def check_neutral(octets: bytes) -> None:
    rest = octets.replace(b";", b"")[:200]
    first = parse_record(b"v=DMARC1;p=" + rest + b";sp=none")
    again = parse_record(b"V = DMARC1 ; P = " + rest + b" ; zz = 1; SP=NONE;")
    assert replace(first, text="", problems=()) == replace(again, text="", problems=())


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
