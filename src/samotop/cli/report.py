"""``samotop report``, as cyclopts reads and describes it: what others report on our mail and on our TLS."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from samotop.cli.flags import Home, Json
from samotop.cli.outcome import USAGE


def read(
    *paths: Annotated[
        str,
        Parameter(
            name="PATH",
            help="A report (XML or JSON, gzip, zip), a mail that brings one, or a directory of them, such as a "
            "Maildir; - is standard input.",
            required=True,
            allow_leading_hyphen=True,
        ),
    ],
    json: Json = False,
    home: Home = None,
) -> int:
    """Summarise the reports that others sent: on DMARC, which servers send in your domain's name, and whether they may;
    on TLS, how many connections to your mail servers were encrypted as you demand, and why others were not.

    Directories are searched to their ends; mail in them that brings no report is passed over. What cannot be read is
    named, and the others are read all the same. Works without a home too. Exits 1 where something could not be read.
    """
    for word in paths:
        if word.startswith("-") and word != "-":
            print(f'samotop: there is no option "{word}"\n  samotop report read --help', file=sys.stderr)
            return USAGE
    from samotop.cli.report_print import print_reports

    return print_reports(paths, json=json, home=home)
