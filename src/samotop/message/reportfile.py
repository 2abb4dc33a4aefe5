"""A report out of its file: plain, gzip, or zip with one file in it (RFC 9990 §3.5.2, RFC 8460 §5.2).

What a file is shows in its first octets, whatever it is called. Whoever can
write mail can send one, so that nothing is unpacked further than to a limit,
and nothing that grows more than ``RATIO_LIMIT`` times: a report in gzip grows
some thirtyfold, a bomb a thousandfold. A second
member, an archive in an archive, encryption and sizes that do not agree are
refused.

Memory is the size of what comes out. Raises ``UnpackError``.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

RATIO_LIMIT: Final = 250
"""How many octets may come out for each that goes in, past the first ``RATIO_FREE``."""
RATIO_FREE: Final = 256 * 1024
"""Octets that may come out whatever the ratio: a day of equal rows packs well."""
_STEP: Final = 64 * 1024

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_CENTRAL: Final = struct.Struct("<4s4xHH4xLLLHHH8xL")
_LOCAL: Final = struct.Struct("<4s22xHH")
_END: Final = struct.Struct("<4sHHHHLLH")
_COMMENT_LIMIT: Final = 0xFFFF


class UnpackError(ValueError):
    """This is no file that a report comes in. The text says why, and quotes nothing."""


def unpack_file(octets: bytes, limit: int) -> bytes:
    """The document in a file, of ``limit`` octets at most. Raises ``UnpackError``."""
    if octets.startswith(_GZIP):
        unpacked = _inflate(octets, 31, limit)
    elif octets.startswith(_ZIP):
        unpacked = _unzip(octets, limit)
    else:
        unpacked = octets
    if unpacked.startswith((_GZIP, _ZIP)):
        raise UnpackError("an archive in an archive")
    if len(unpacked) > limit:
        raise UnpackError(f"larger than {limit} octets")
    return unpacked


def _inflate(octets: bytes, wbits: int, limit: int) -> bytes:
    """Unpack one stream, which must be all there is."""
    unpacker = zlib.decompressobj(wbits)
    most = min(limit, max(RATIO_FREE, RATIO_LIMIT * len(octets)))
    found = bytearray()
    at = 0
    try:
        while not unpacker.eof and at < len(octets):
            waiting = octets[at : at + _STEP]  # in pieces, as what is not used yet is copied at each step
            at += len(waiting)
            while waiting and not unpacker.eof:
                found += unpacker.decompress(waiting, _STEP)
                waiting = unpacker.unconsumed_tail
                if len(found) > most:
                    raise UnpackError("far more comes out than a report has: a decompression bomb")
    except zlib.error:
        raise UnpackError("damaged: it cannot be unpacked") from None
    if not unpacker.eof:
        raise UnpackError("cut off: its end is missing")
    if unpacker.unused_data.strip(b"\0") or octets[at:].strip(b"\0"):
        raise UnpackError("something follows the report: exactly one file is expected")
    return bytes(found)


def _unzip(octets: bytes, limit: int) -> bytes:
    """The single file of an archive, as its directory says; what the directory does not name is not looked at."""
    at = octets.rfind(b"PK\x05\x06", max(0, len(octets) - _COMMENT_LIMIT - _END.size))
    if at < 0 or at + _END.size > len(octets):
        raise UnpackError("a zip archive without a directory")
    _, disk, start_disk, on_disk, total, _, start, comment = _END.unpack_from(octets, at)
    if disk or start_disk or on_disk != total or at + _END.size + comment != len(octets):
        raise UnpackError("a zip archive in several parts, or with something behind it")
    if total != 1:
        raise UnpackError("a zip archive with more or less than one file")
    if start + _CENTRAL.size > at:
        raise UnpackError("a zip archive whose directory is damaged")
    signature, flags, method, crc, packed_size, size, name, extra, note, offset = _CENTRAL.unpack_from(octets, start)
    if signature != b"PK\x01\x02" or start + _CENTRAL.size + name + extra + note != at:
        raise UnpackError("a zip archive whose directory is damaged")
    if flags & 0x2041:
        raise UnpackError("a zip archive that is encrypted")
    if offset + _LOCAL.size > start:
        raise UnpackError("a zip archive whose directory is damaged")
    local, local_name, local_extra = _LOCAL.unpack_from(octets, offset)
    begin = offset + _LOCAL.size + local_name + local_extra
    if local != _ZIP or begin + packed_size > start:
        raise UnpackError("a zip archive whose directory is damaged")
    packed = octets[begin : begin + packed_size]
    if size > limit:
        raise UnpackError(f"larger than {limit} octets")
    if method == 8:
        unpacked = _inflate(packed, -15, limit)
    elif method == 0:
        unpacked = packed
    else:
        raise UnpackError("a zip archive packed in a way that is not read")
    if len(unpacked) != size or zlib.crc32(unpacked) != crc:
        raise UnpackError("damaged: what came out is not what the archive says")
    return unpacked
