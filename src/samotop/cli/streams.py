"""Standard input, output and error of a process that was started without them, as with ``>&-``.

Without this the next file that is opened would take the free number: what is
printed, or written by a library there, would go into a database. So each gap
is filled with /dev/null before anything is opened.
"""

from __future__ import annotations

import os
import sys


def fill_gaps() -> None:
    """Open what is closed of descriptors 0, 1 and 2, and give Python's streams back. Call it first of all."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            if os.open(os.devnull, os.O_RDWR) != number:
                return  # somebody else is opening files: nothing that we could do is safe
            os.set_inheritable(number, True)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - for as long as the process lives
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - as above
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - as above
