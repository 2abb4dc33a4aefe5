"""What becomes of a verb: its exit status, and its errors in words on standard error, never a traceback."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import Final

from samotop.errors import SetupError, TryAgainLater

DONE: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
AGAIN: Final = 75
"""EX_TEMPFAIL of sysexits.h: mail programs know it."""
INTERRUPTED: Final = 130
"""As shells have it for SIGINT."""


def settle(verb: Callable[[], int]) -> int:
    """Run ``verb``; return its exit status, or the one that its error means."""
    try:
        status = verb()
        sys.stdout.flush()
    except SetupError as error:
        print(f"samotop: {error}", file=sys.stderr)
        return REFUSED
    except TryAgainLater as error:
        print(f"samotop: {error}", file=sys.stderr)
        return AGAIN
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever reads our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"samotop: {error.filename or 'a file'} cannot be written: {error.strerror}", file=sys.stderr)
        return AGAIN
    return status
