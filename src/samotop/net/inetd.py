"""What inetd does that a server must know of before its first word: standard error is the peer's, too.

inetd, and systemd with Accept=yes, make one socket standard input, output and
error. Whatever we say on standard error would then stand between the replies.
Reads no configuration and imports nothing large, so that it can come first.
"""

from __future__ import annotations

import os
import stat


def hush_stderr(input_fd: int = 0, error_fd: int = 2) -> bool:
    """Lead standard error to ``/dev/null`` where it is the same socket as standard input; was it?"""
    try:
        one, other = os.fstat(input_fd), os.fstat(error_fd)
    except OSError:  # one of them is not open
        return False
    if not stat.S_ISSOCK(one.st_mode) or (one.st_dev, one.st_ino) != (other.st_dev, other.st_ino):
        return False
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(null, error_fd)
    os.close(null)
    return True
