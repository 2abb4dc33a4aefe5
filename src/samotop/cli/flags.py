"""Parameters that several verbs share, as cyclopts reads and describes them.

They stand apart from what verbs do, so that ``serve`` can start without cyclopts.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

Home = Annotated[
    str | None,
    Parameter(help="The home directory; else $SAMOTOP_HOME, else the user's own.", metavar="DIR"),
]
Json = Annotated[bool, Parameter(name="--json", help="Print JSON, for programs.", show_default=False)]
PasswordFile = Annotated[
    str | None,
    Parameter(
        help="A file with the password in its first line; - is standard input. Without it you are asked.",
        metavar="FILE",
        allow_leading_hyphen=True,
    ),
]
