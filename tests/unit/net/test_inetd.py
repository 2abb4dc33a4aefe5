"""Standard error where it is the peer's."""

from __future__ import annotations

import os
import socket

from samotop.net.inetd import hush_stderr


def test_standard_error_leaves_a_socket_that_is_the_session_too() -> None:
    """inetd passes one socket as all three."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        error = os.dup(theirs.fileno())
        assert hush_stderr(theirs.fileno(), error)
        os.write(error, b"a note")
        os.close(error)
        theirs.sendall(b"220")
        assert ours.recv(100) == b"220"
        assert not hush_stderr(theirs.fileno(), error), "not open any more"


def test_any_other_standard_error_stays_as_it_is() -> None:
    """Another socket, a pipe, and a terminal that is both."""
    ours, theirs = socket.socketpair()
    source, sink = os.pipe()
    with ours, theirs:
        assert not hush_stderr(theirs.fileno(), ours.fileno())
        assert not hush_stderr(theirs.fileno(), sink)
        assert not hush_stderr(source, source)
    os.close(source)
    os.close(sink)
