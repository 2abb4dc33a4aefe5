"""Validation of ARC chains beside dkimpy, interleaved in one run, as ratios of medians.

    python bench/arc_bench.py [--rounds 15]

dkimpy seals the messages, as servers on the way would, with RSA keys of 2048
bits; both validate the same chain and take the keys from memory instead of from
DNS. Both must say pass first, and both check the seal and the message signature
of every set, since nothing was changed on the way. Ratios are what counts;
the times are this machine's.
"""

from __future__ import annotations

import argparse

import dkim as dkimpy
from dkim_bench import Measurement, build, measure, run

from samotop.msgauth import arc, dkim
from samotop.testing import ZoneResolver

SIZES = {"2 KiB": 2 * 1024, "50 KiB": 50 * 1024}
SETS = (1, 3)
INCLUDE = [b"from", b"to", b"subject", b"date", b"message-id"]


def seal(message: bytes, sets: int, pem: bytes) -> bytes:
    """``message`` as it comes after so many servers."""
    for number in range(1, sets + 1):
        name = b"hop%d.example.org" % number
        found = b"arc=%s; dkim=pass header.d=example.org" % (b"none" if number == 1 else b"pass")
        message = b"Authentication-Results: %s; %s\r\n" % (name, found) + message
        added = dkimpy.arc_sign(message, b"s", b"example.org", pem, name, include_headers=INCLUDE)
        message = b"".join(added) + message
    return message


def compare_all(rounds: int = 15) -> list[Measurement]:
    """Each size and length of a chain. Raises ``AssertionError`` if either does not find it good."""
    key = dkim.generate_key("rsa")
    record, pem = dkim.format_key_record(key), dkim.format_private_key(key)
    resolver = ZoneResolver({"s._domainkey.example.org": {"TXT": [f'"{record}"']}})
    found = []
    for label, size in SIZES.items():
        for sets in SETS:
            sealed = seal(build(size), sets, pem)
            title = f"validate {sets} set{'s' if sets > 1 else ''}, {label}"
            found.append(compare(title, sealed, resolver, record.encode(), rounds))
    return found


def compare(title: str, sealed: bytes, resolver: ZoneResolver, record: bytes, rounds: int) -> Measurement:
    def validate_ours() -> str:
        return str(run(arc.verify(sealed, resolver)).result)

    def validate_theirs() -> bytes:
        state: bytes = dkimpy.arc_verify(sealed, dnsfunc=lambda name, timeout=5: record)[0]
        return state

    assert validate_ours() == "pass", validate_ours()
    assert validate_theirs() == b"pass", validate_theirs()
    found = measure(rounds, {"ours": validate_ours, "theirs": validate_theirs}, 20)
    return Measurement(title, found["ours"], found["theirs"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    print("| ARC | Samotop | dkimpy | Samotop is |")
    print("|---|---|---|---|")
    for one in compare_all(parser.parse_args().rounds):
        print(f"| {one.title} | {one.ours * 1e3:.3f} ms | {one.theirs * 1e3:.3f} ms | {one.ratio:.1f} x as fast |")


if __name__ == "__main__":
    main()
