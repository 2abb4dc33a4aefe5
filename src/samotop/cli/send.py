"""``samotop send``, as cyclopts reads and describes it."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from samotop.cli.flags import Json, PasswordFile
from samotop.cli.outcome import USAGE


def send(
    file: Annotated[
        str,
        Parameter(name="FILE", help="One message; - is standard input, as without FILE.", allow_leading_hyphen=True),
    ] = "-",
    /,
    *,
    server: Annotated[
        str, Parameter(help="Such as smtps://user@mail.example.org, smtp://host:25 or lmtp:/path.", metavar="URL")
    ],
    from_: Annotated[str, Parameter(name="--from", help="The envelope's sender; empty for none.", metavar="ADDRESS")],
    to: Annotated[list[str], Parameter(help="A recipient; may come again.", metavar="ADDRESS", consume_multiple=False)],
    password_file: PasswordFile = None,
    allow_plaintext_login: Annotated[
        bool, Parameter(help="Send a password also where there is no TLS.", show_default=False)
    ] = False,
    hello: Annotated[
        str | None, Parameter(help="What to call ourselves; else a literal that tells nothing.", metavar="NAME")
    ] = None,
    timeout: Annotated[float, Parameter(help="For all of it.", metavar="SECONDS")] = 900.0,
    json: Json = False,
) -> int:
    """Send one message to a server, and tell what became of it for each recipient.

    A user in the URL has a password from --password-file, or is asked for it. Exits 0 if every recipient was accepted,
    1 if one was refused, else 75.
    """
    if file.startswith("-") and file != "-":
        print(f'samotop: there is no option "{file}"\n  samotop send --help', file=sys.stderr)
        return USAGE
    from samotop.cli.send_print import Wanted, send_and_print

    return send_and_print(
        Wanted(server, from_, to, password_file, allow_plaintext_login, hello, timeout), file, json=json
    )
