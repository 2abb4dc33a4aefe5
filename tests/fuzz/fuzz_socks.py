"""Fuzz target: what a SOCKS5 proxy may answer.

Invariant. For any octets from the proxy, whole or one by one:

* it ends the same way: done with the same rest, waiting, or the same refusal;
* what is sent to it is a login at most, and the request at most once.

    python tests/fuzz/fuzz_socks.py -max_total_time=60
"""

from __future__ import annotations

import sys

from samotop.net.socks import SocksExchange, SocksFault

HOST = "mail.example.org"


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    whole = _run([octets])
    assert whole == _run([octets[at : at + 1] for at in range(len(octets))])
    _end, sent, _rest = whole
    assert sent.count(HOST.encode()) <= 1 and len(sent) < 100


def _run(pieces: list[bytes]) -> tuple[str, bytes, bytes]:
    exchange = SocksExchange(HOST, 25, login=("name", "password"))
    sent, rest = b"", b""
    for piece in pieces:
        if exchange.is_done:
            rest += piece
            continue
        try:
            sent += exchange.feed(piece)
        except SocksFault as fault:
            return str(fault), b"", b""
        rest = exchange.rest
    return "done" if exchange.is_done else "waiting", sent, rest


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
