"""Line ends as they lie on disk: LF alone, where the wire has CRLF (RFC 5321 §2.3.8).

Works on chunks, cut anywhere. A CR that no LF follows stays. Raises nothing.
"""

from __future__ import annotations


class BareLineEnds:
    """Turns CRLF into LF, chunk by chunk; ``finish`` gives back a CR that was waiting for its LF."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting = False

    def update(self, chunk: bytes) -> bytes:
        """Take the next octets; return those that are ready."""
        if self._waiting and chunk:
            chunk = b"\r" + chunk
            self._waiting = False
        if chunk.endswith(b"\r"):
            self._waiting = True
            chunk = chunk[:-1]
        return chunk.replace(b"\r\n", b"\n")

    def finish(self) -> bytes:
        waiting, self._waiting = self._waiting, False
        return b"\r" if waiting else b""
