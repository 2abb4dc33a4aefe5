"""``samotop init``: a home, its samotop.toml and the first account.

All that was asked for is checked before anything is written. samotop.toml
comes last: a home that has one is complete, and is never overwritten.
"""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from samotop.cli.create import check_wanted, create_home, refuse_second
from samotop.cli.flags import Home, PasswordFile
from samotop.cli.passwords import read_password
from samotop.cli.place import is_root, name_home
from samotop.cli.template import Wanted
from samotop.config.fault import BadValue
from samotop.config.places import parse_via
from samotop.config.read import FILE_NAME
from samotop.config.shapes import PROTOCOLS, default_listeners
from samotop.errors import SetupError


def init(
    *,
    domain: Annotated[
        list[str], Parameter(help="A domain whose mail is delivered here; may be repeated.", metavar="DOMAIN")
    ],
    account: Annotated[str, Parameter(help="The first account, which owns NAME@ of every domain.", metavar="NAME")],
    password_file: PasswordFile = None,
    listen: Annotated[
        list[str] | None,
        Parameter(
            help="A listener, such as smtp=127.0.0.1:2525 or lmtp=/run/samotop.sock; may be repeated. "
            f"Any of them replaces all default ones. Protocols: {', '.join(PROTOCOLS)}.",
            metavar="PROTOCOL=ADDRESS",
        ),
    ] = None,
    unknown: Annotated[
        Literal["accept", "request", "defer"],
        Parameter(help="What happens to a correspondent whom the owner does not know."),
    ] = "request",
    smarthost: Annotated[
        str | None, Parameter(help="The server that takes all mail for remote recipients.", metavar="URL")
    ] = None,
    trusted: Annotated[
        list[str] | None,
        Parameter(help="A network that may relay without a login; may be repeated.", metavar="NETWORK"),
    ] = None,
    route: Annotated[
        list[str] | None,
        Parameter(
            help="Where mail for a domain, an address or a pattern goes instead of a mailbox; may be repeated.",
            metavar="MATCH=VIA",
        ),
    ] = None,
    hostname: Annotated[
        str | None, Parameter(help="Our name in the greeting; mx.DOMAIN if you say nothing.", metavar="NAME")
    ] = None,
    home: Home = None,
) -> int:
    """Make a home: write samotop.toml and create the first account.

    Nothing is overwritten: a home that has a samotop.toml stays as it is.
    """
    place = name_home(home)
    wanted = Wanted(
        hostname=hostname or f"mx.{domain[0]}",
        domains=domain,
        listeners=[split_listen(one) for one in listen] if listen else default_listeners(is_root=is_root()),
        unknown=unknown,
        smarthost=smarthost,
        trusted=trusted or (),
        routes=[split_route(one) for one in route or ()],
    )
    text = check_wanted(wanted)
    refuse_second(place)
    create_home(place, text, account, read_password(password_file, account))
    print(f"Wrote {place / FILE_NAME} and created the account {account}.\n\nNext:")
    print(f"  samotop check --home {place}\n  samotop serve --home {place}")
    return 0


def split_listen(text: str) -> tuple[str, str]:
    """``smtp=127.0.0.1:2525``: the protocol and the address, neither judged yet."""
    protocol, sign, address = text.partition("=")
    if not sign:
        raise SetupError(f'"{text}" has no =', remedy="write --listen PROTOCOL=ADDRESS, like smtp=127.0.0.1:2525")
    return protocol, address


def split_route(text: str) -> tuple[str, str]:
    """``MATCH=VIA``, cut at the first ``=`` that has a destination behind it: an address may contain one."""
    fault = BadValue("", "")
    for place, character in enumerate(text):
        if character == "=":
            try:
                parse_via(text[place + 1 :])
            except BadValue as error:
                fault = error
                continue
            return text[:place], text[place + 1 :]
    raise SetupError(
        f'--route "{text}" has no destination that could be read' + (f": {fault.what}" if fault.what else ""),
        remedy=fault.remedy or "write --route MATCH=VIA, like lists.example.org=maildir:lists",
    )
