"""An aggregate report out of its file (RFC 9990 §3.5.2): ``message.reportfile`` unpacks, here is seen that it is XML.

Memory is the size of what comes out. Raises ``UnpackError``.
"""

from __future__ import annotations

from typing import Final

from samotop.message.reportfile import RATIO_FREE, UnpackError, unpack_file

__all__ = ["RATIO_FREE", "UNPACKED_LIMIT", "UnpackError", "unpack_report"]

UNPACKED_LIMIT: Final = 16 * 1024 * 1024
"""Octets that may come out; ``read`` would not take more."""


def unpack_report(octets: bytes) -> bytes:
    """The XML document in a file, as octets. Raises ``UnpackError``."""
    unpacked = unpack_file(octets, UNPACKED_LIMIT)
    if not unpacked.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0").startswith(b"<"):
        raise UnpackError("neither XML, nor gzip or zip of it")
    return unpacked
