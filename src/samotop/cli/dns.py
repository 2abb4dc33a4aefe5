"""``samotop dns``, as cyclopts reads and describes it: the records of a domain, whether they are there, new keys.

What the verbs do is imported when they are called: dnspython and cryptography cost more than the rest of a small verb.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from samotop.cli.asking import Server
from samotop.cli.flags import Home, Json

Domain = Annotated[str, Parameter(name="DOMAIN", help="One of the domains in samotop.toml.")]
Address = Annotated[
    list[str] | None,
    Parameter(
        help="The server's public address; may be repeated. Without it: what the listeners and the system tell.",
        metavar="IP",
    ),
]


def records(domain: Domain, /, *, address: Address = None, json: Json = False, home: Home = None) -> int:
    """Print the records that the domain needs, as a zone file to paste, each with its reason.

    The first time this makes the domain's DKIM keys in the home, and the server's self-signed certificate where none
    is named. Nothing else is changed, and nothing is asked.
    """
    from samotop.cli.dns_verbs import print_records

    return print_records(domain, addresses=address or (), json=json, home=home)


def check(
    domain: Domain, /, *, server: Server = None, address: Address = None, json: Json = False, home: Home = None
) -> int:
    """Compare what DNS answers with the records that the domain needs; tell what is wrong and what to paste.

    Exits 1 where something is wrong, 75 where no server answered. Advice changes nothing: it is about what could be
    better, or stands in somebody else's zone.
    """
    from samotop.cli.dns_verbs import print_check

    return print_check(domain, server=server, addresses=address or (), json=json, home=home)


def rotate(domain: Domain, /, *, server: Server = None, json: Json = False, home: Home = None) -> int:
    """Replace the domain's DKIM keys, one safe step at a time: run it, do what it says, run it again.

    First it makes a new pair, which waits while the old one signs, and prints the records to add. Once DNS answers
    with them, it lets the new pair sign. A week later it destroys the old pair and names the records to remove.
    Exits 1 while the new records are not in the DNS, 75 where no server answered.
    """
    from samotop.cli.dns_rotate import print_step

    return print_step(domain, server=server, json=json, home=home)
