"""Where a password comes from: a file, standard input, a prompt. Never an argument, which everybody can see.

From a file or standard input the first line counts, without its end.
"""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Final

from samotop.errors import SetupError

LINE_LIMIT: Final = 4096
"""Octets read: more than any password may have."""


def read_password(file: str | None, account: str) -> str:
    """The password for ``account``. Raises ``SetupError`` where there is none to be had."""
    if file is not None and file != "-":
        try:
            with Path(file).open("rb") as opened:
                return _first_line(opened.read(LINE_LIMIT), file)
        except OSError as error:
            raise SetupError(
                f"the password file {file} cannot be read: {error.strerror}", remedy="name a file that you may read"
            ) from None
    if file == "-" or not sys.stdin.isatty():
        line = sys.stdin.readline(LINE_LIMIT)
        return _first_line(line.encode(errors="surrogateescape"), "standard input")
    password = getpass.getpass(f"New password for {account}: ")
    if password != getpass.getpass("Once more: "):
        raise SetupError("the two passwords differ", remedy="try again")
    return password


def _first_line(octets: bytes, source: str) -> str:
    line = octets.partition(b"\n")[0].rstrip(b"\r")
    try:
        password = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SetupError(f"the password from {source} is not UTF-8", remedy="save it as UTF-8") from None
    if not password:
        raise SetupError(
            f"there is no password in {source}",
            remedy="give one with --password-file FILE, or - for standard input",
        )
    return password
