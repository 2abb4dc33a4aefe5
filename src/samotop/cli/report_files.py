"""Reports out of files, mails and directories, one after the other, whatever the files are called.

What a file is shows in its content: XML is a DMARC report, JSON one on TLS,
either plain or in gzip or zip, or in a mail with one of these attached. In
directories much else may lie: mail that brings no report and files of other
kinds are counted and passed over there. What was named on the command line, and
what is a report but a damaged or dangerous one, is kept in ``Reading.unread``
with the reason; the others are read all the same.

Anybody can send a report: files, their sizes, directories and what they unpack
to are bounded, and only one report is in memory at a time. Raises nothing.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from samotop.message.header import iterate_fields
from samotop.message.reportfile import unpack_file
from samotop.message.reportpart import NoReportError, ReportParts, take_part
from samotop.msgauth import reports as dmarc
from samotop.msgauth.reports import AggregateReport
from samotop.msgauth.reports.attachment import MESSAGE_LIMIT
from samotop.msgauth.reports.attachment import PARTS as DMARC_PARTS
from samotop.msgauth.reports.unpack import UNPACKED_LIMIT
from samotop.tlspolicy import tlsrpt
from samotop.tlspolicy.tlsrpt import OtherJson, TlsReport
from samotop.tlspolicy.tlsrpt.read import PARTS as TLS_PARTS

FILE_LIMIT: Final = 100_000
"""Files of one run: some twenty reporters every day for more than ten years."""
DEPTH_LIMIT: Final = 16
"""Directories within directories."""
TOTAL_LIMIT: Final = 512 * 1024 * 1024
"""Octets of all documents of one run, unpacked: it bounds the sources that are counted, and so the memory."""
FIRST_LOOK: Final = 4096
"""Octets in which a mail's first field ends."""

_PACKED: Final = (b"\x1f\x8b", b"PK\x03\x04")
_BEFORE: Final = b"\xef\xbb\xbf\xff\xfe \t\r\n\0"
"""What may stand before a document's first character: marks of its encoding, and blanks."""
_PARTS: Final[ReportParts] = DMARC_PARTS | TLS_PARTS
_MAILDIR: Final = frozenset(("cur", "new", "tmp"))


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that could not be read, and what was wrong with it. The reason quotes nothing of it."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """A report, and where it was."""

    file: str
    report: AggregateReport | TlsReport


class NotReportError(ValueError):
    """This is something else than a report, and does not look like one."""


def read_document(octets: bytes) -> bytes:
    """The document of a report, unpacked, from a file or a mail. Raises ``ValueError`` and ``NotReportError``."""
    if octets.startswith(_PACKED) or octets.lstrip(_BEFORE).startswith((b"<", b"{")):
        return unpack_file(octets, UNPACKED_LIMIT)
    if octets.startswith(b"From "):  # the line that an mbox puts in front
        octets = octets[octets.find(b"\n") + 1 :]
    first = next(iterate_fields(octets[:FIRST_LOOK]), None)
    if first is None or not first.name:
        raise NotReportError("neither a report (XML or JSON, gzip or zip of it) nor a mail that brings one")
    try:
        return unpack_file(take_part(octets, _PARTS), UNPACKED_LIMIT)
    except NoReportError:
        raise NotReportError("a mail without a report attached") from None


def parse_document(document: bytes) -> AggregateReport | TlsReport:
    """The report, of whichever kind. Raises ``ValueError`` and ``NotReportError``."""
    start = document[:FIRST_LOOK].lstrip(_BEFORE)[:1]
    if start == b"{":
        try:
            return tlsrpt.parse_report(document)
        except OtherJson as error:
            raise NotReportError(str(error)) from None
    if start != b"<":
        raise ValueError("neither XML nor JSON, nor gzip or zip of it")
    return dmarc.parse_report(document)


class Reading:
    """Reads what is at these paths, once. The counts are complete when ``iterate`` is through."""

    def __init__(self, paths: Sequence[str], advance: Callable[[int, int], None] = lambda done, total: None) -> None:
        self._paths = paths
        self._advance = advance
        self._total = 0
        self._seen: set[bytes] = set()
        self.unread: list[Unread] = []
        self.others = 0
        """Files in directories that hold no report."""
        self.repeated = 0
        """Files with the very report that another one held."""

    def iterate(self) -> Iterator[Found]:
        """Each report, in the order of their paths; each once."""
        files = self._list()
        for number, (file, is_named) in enumerate(files):
            self._advance(number, len(files))
            try:
                report = self._read(file)
            except NotReportError as error:
                self.others += not is_named
                if is_named:
                    self.unread.append(Unread(file, str(error)))
            except (ValueError, OSError) as error:
                self.unread.append(Unread(file, explain(error)))
            else:
                if report is not None:
                    yield Found(file, report)
        self._advance(len(files), len(files))

    def _read(self, file: str) -> AggregateReport | TlsReport | None:
        """The report, ``None`` if it was there before. Raises ``OSError`` and ``ValueError``."""
        document = read_document(_read_octets(file))
        self._total += len(document)
        if self._total > TOTAL_LIMIT:
            raise ValueError(f"more than {TOTAL_LIMIT >> 20} MiB of reports: read fewer at a time")
        digest = hashlib.sha256(document).digest()
        if digest in self._seen:
            self.repeated += 1
            return None
        report = parse_document(document)
        self._seen.add(digest)
        return report

    def _list(self) -> list[tuple[str, bool]]:
        """The files, and for each whether it was named."""
        files: list[tuple[str, bool]] = []
        for path in self._paths:
            try:
                is_directory = path != "-" and stat.S_ISDIR(Path(path).stat().st_mode)
            except (OSError, ValueError) as error:
                self.unread.append(Unread(path, explain(error)))
                continue
            for file in self._walk(path) if is_directory else (path,):
                if len(files) >= FILE_LIMIT:
                    self.unread.append(Unread(path, f"more than {FILE_LIMIT:,} files: read fewer at a time"))
                    return files
                files.append((file, not is_directory))
        return files

    def _walk(self, top: str) -> Iterator[str]:
        """The regular files below, in the order of their names. Links are not followed: they may lead in a circle."""
        waiting = [(top, 0)]
        while waiting:
            place, depth = waiting.pop()
            if depth > DEPTH_LIMIT:
                self.unread.append(Unread(place, f"directories are nested deeper than {DEPTH_LIMIT}"))
                continue
            try:
                with os.scandir(place) as listed:
                    entries = sorted(islice(listed, FILE_LIMIT + 1), key=lambda entry: entry.name)
                below = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
                is_maildir = _MAILDIR.issubset(entry.name for entry in below)
                yield from (entry.path for entry in entries if entry.is_file(follow_symlinks=False))
            except OSError as error:
                self.unread.append(Unread(place, explain(error)))
                continue
            # What is in a Maildir's tmp is not complete yet.
            waiting += [(one.path, depth + 1) for one in reversed(below) if not (is_maildir and one.name == "tmp")]


def _read_octets(file: str) -> bytes:
    if file == "-":
        octets = sys.stdin.buffer.read(MESSAGE_LIMIT + 1)
    else:
        with Path(file).open("rb") as opened:
            octets = opened.read(MESSAGE_LIMIT + 1)
    if len(octets) > MESSAGE_LIMIT:
        raise NotReportError(f"larger than {MESSAGE_LIMIT >> 20} MiB, which no report is")
    return octets


def explain(error: OSError | ValueError) -> str:
    """What was wrong, without the file's name."""
    return error.strerror or "cannot be read" if isinstance(error, OSError) else str(error)
