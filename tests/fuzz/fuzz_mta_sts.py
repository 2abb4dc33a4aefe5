"""Fuzz target: MTA-STS, the record and the policy.

Invariant. For any octets:

* they are a policy or ``BadPolicy``, whose text has no line end in it; the same for a record;
* a policy that is not taken back names a host, every pattern is a name with at most one asterisk, in front,
  and its age is not negative and at most a year;
* a policy that is written reads as itself, and its record's id is one;
* each pattern of a policy matches itself, and nothing below one label more.

    python tests/fuzz/fuzz_mta_sts.py -max_total_time=60
"""

from __future__ import annotations

import sys

from samotop.dns.names import normalize_name
from samotop.tlspolicy.mtasts import (
    AGE_LIMIT,
    BadPolicy,
    Mode,
    choose_record,
    format_policy,
    format_sts_record,
    match_host,
    parse_policy,
    parse_sts_record,
)


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    check_policy(octets)
    check_policy(b"version: STSv1\nmode: enforce\nmax_age: 86400\nmx: " + octets)
    check_policy(b"version: STSv1\r\nmode: none\r\n" + octets + b"\r\nmax_age: 1\r\n")
    check_record(octets)
    check_record(b"v=STSv1; id=" + octets)
    check_record(b"v=STSv1;" + octets + b"; id=1")


def check_policy(octets: bytes) -> None:
    try:
        policy = parse_policy(octets)
    except BadPolicy as error:
        assert "\n" not in str(error)
        return
    assert policy.patterns or policy.mode is Mode.NONE
    assert 0 <= policy.max_age <= AGE_LIMIT
    assert parse_policy(format_policy(policy)) == policy
    assert parse_sts_record(format_sts_record(policy).encode())
    for pattern in policy.patterns:
        host = pattern.removeprefix("*.")
        assert "*" not in host and normalize_name(host) == host
        own = f"a.{host}" if pattern != host else host
        assert len(own) > 253 or match_host(policy, own)
        below = f"a.b.{host}"
        if len(policy.patterns) == 1 and len(below) <= 253:
            assert not match_host(policy, below)


def check_record(octets: bytes) -> None:
    try:
        found = parse_sts_record(octets)
    except BadPolicy as error:
        assert "\n" not in str(error)
        assert choose_record([octets]) == ""
        return
    assert found.isascii() and found.isalnum() and len(found) <= 32
    assert choose_record([octets]) == found and choose_record([octets, octets]) == ""


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
