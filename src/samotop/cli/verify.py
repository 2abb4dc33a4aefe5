"""``samotop verify``, as cyclopts reads and describes it."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from samotop.cli.asking import Server
from samotop.cli.flags import Home, Json
from samotop.cli.outcome import USAGE


def verify(
    file: Annotated[
        str,
        Parameter(
            name="FILE",
            help="One message, such as a file of a Maildir; - is standard input.",
            allow_leading_hyphen=True,
        ),
    ],
    /,
    *,
    server: Server = None,
    ip: Annotated[
        str | None, Parameter(name="--ip", help="The address that it came from; else as Received tells.", metavar="IP")
    ] = None,
    hello: Annotated[
        str | None, Parameter(help="What the client called itself; else as Received tells.", metavar="NAME")
    ] = None,
    from_: Annotated[
        str | None,
        Parameter(
            name="--from", help="The envelope's sender, empty for none; else as Return-Path tells.", metavar="ADDRESS"
        ),
    ] = None,
    json: Json = False,
    home: Home = None,
) -> int:
    """Tell who a stored message is from and how anybody can know: SPF, DKIM, ARC, DMARC, DNSSEC, in words.

    What the message does not hold, our own delivery wrote on top of it: the address that it came from, the name that
    the client gave, the sender. Works without a home too. Exits 0 whatever is found, 75 where DNS kept an answer back.
    """
    if file.startswith("-") and file != "-":
        print(f'samotop: there is no option "{file}"\n  samotop verify --help', file=sys.stderr)
        return USAGE
    from samotop.cli.evidence import Said
    from samotop.cli.verify_print import print_evidence

    return print_evidence(file, Said(ip, hello, from_), server=server, json=json, home=home)
