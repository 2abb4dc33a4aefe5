"""``samotop send``, as cyclopts reads and describes it."""

from __future__ import annotations

import math
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
    from_: Annotated[
        str | None, Parameter(name="--from", help="The envelope's sender; empty for none.", metavar="ADDRESS")
    ] = None,
    to: Annotated[
        list[str] | None, Parameter(help="A recipient; may come again.", metavar="ADDRESS", consume_multiple=False)
    ] = None,
    check: Annotated[
        bool,
        Parameter(
            help="Send nothing: try the server, login included. For a mere host, or user@host, the usual ways to it are"
            " tried, and the URL of the best is printed.",
            show_default=False,
        ),
    ] = False,
    password_file: PasswordFile = None,
    allow_plaintext_login: Annotated[
        bool, Parameter(help="Send a password also where there is no TLS.", show_default=False)
    ] = False,
    hello: Annotated[
        str | None, Parameter(help="What to call ourselves; else a literal that tells nothing.", metavar="NAME")
    ] = None,
    timeout: Annotated[float, Parameter(help="For all of it.", metavar="SECONDS")] = 900.0,
    verbose: Annotated[
        bool,
        Parameter(help="Print the dialogue on standard error, without passwords and content.", show_default=False),
    ] = False,
    json: Json = False,
) -> int:
    """Send one message to a server, and tell what became of it for each recipient.

    A user in the URL has a password from --password-file, or is asked for it. Exits 0 if every recipient was accepted,
    1 if one was refused, else 75.
    """
    if file.startswith("-") and file != "-":
        return _refuse(f'there is no option "{file}"')
    if not check and (from_ is None or not to):
        return _refuse("who sends it to whom? --from and --to say so; or --check alone")
    if not 0 < timeout < math.inf:  # nor what is no number at all
        return _refuse("--timeout is a number of seconds above 0, such as 60")
    from samotop.cli.send_print import Wanted, send_and_print

    wanted = Wanted(server, from_ or "", to or (), password_file, allow_plaintext_login, hello, timeout, verbose)
    if check:
        from samotop.cli.send_check import check_and_print

        return check_and_print(wanted, json=json)
    return send_and_print(wanted, file, json=json)


def sendmail(
    *words: Annotated[
        str, Parameter(name="WORDS", help="As for /usr/sbin/sendmail.", allow_leading_hyphen=True, show_default=False)
    ],
) -> int:
    """Hand a message to the server of this home, as /usr/sbin/sendmail does."""
    from samotop.cli.sendmail import run_sendmail  # ``cli.main`` goes there by itself: this is for the list of verbs

    return run_sendmail(list(words))


def _refuse(reason: str) -> int:
    print(f"samotop: {reason}\n  samotop send --help", file=sys.stderr)
    return USAGE
