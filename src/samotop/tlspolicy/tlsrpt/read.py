"""TLS reports of others: out of a mail, out of a file, out of JSON (RFC 8460 §4, §5).

A report comes from anybody who can write mail. What is unpacked, its size, its
depth, its rows and its texts have limits; what is missing gets a default and is
told in ``problems``; what is no report at all raises.

Memory is a small multiple of the document, and time is linear in it. Raises
``BadReport``, whose text has nothing of the document in it.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

from samotop.message.reportfile import UnpackError, unpack_file
from samotop.message.reportpart import AttachmentError, ReportParts, take_part
from samotop.tlspolicy.tlsrpt.values import AppliedPolicy, FailureDetail, Metadata, PolicyReport, TlsReport

JSON_LIMIT: Final = 4 * 1024 * 1024
"""Octets of a document: some ten thousand failures told apart; honest ones have a few thousand octets."""
MESSAGE_LIMIT: Final = 2 * JSON_LIMIT
"""Octets of a mail, with base64 around a document that was not packed."""
DEPTH_LIMIT: Final = 16
"""Brackets within brackets: a report has six."""
POLICY_LIMIT: Final = 1000
"""Policies of a report."""
DETAIL_LIMIT: Final = 20_000
"""Kinds of failure of a report, all policies together."""
TEXT_LIMIT: Final = 2000
"""Characters of a text; what is longer is cut."""
LINE_LIMIT: Final = 1000
"""Lines of a policy."""
PROBLEM_LIMIT: Final = 20
"""Problems that are told."""
NUMBER_LIMIT: Final = 1 << 53
"""Counts beyond this are none: other programs could not keep them exact."""

_BRACKET: Final = re.compile(r'[\[\]{}]|"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # a text with its quotes counts as one
PARTS: Final = ReportParts(
    frozenset((b"application/tlsrpt+gzip", b"application/tlsrpt+json")), (b".json", b".json.gz"), MESSAGE_LIMIT
)
"""What the part of a mail that is a report is called (RFC 8460 §5.3)."""


class BadReport(ValueError):
    """This is no TLS report. The text says why, and quotes nothing."""


class OtherJson(BadReport):
    """It is JSON, and does not look like a report."""


def read_message(octets: bytes) -> TlsReport:
    """The report that a mail brings: the one part that is one by its type, or by its name."""
    try:
        return parse_report(unpack_report(take_part(octets, PARTS)))
    except AttachmentError as error:
        raise BadReport(str(error)) from None


def unpack_report(octets: bytes) -> bytes:
    """The document in a file: plain, or packed, of no more than ``JSON_LIMIT`` octets."""
    try:
        return unpack_file(octets, JSON_LIMIT)
    except UnpackError as error:
        raise BadReport(str(error)) from None


def parse_report(octets: bytes) -> TlsReport:
    """Read the JSON of a report."""
    if len(octets) > JSON_LIMIT:
        raise BadReport(f"larger than {JSON_LIMIT} octets")
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadReport("no JSON in UTF-8") from None
    _check_depth(text)
    try:
        tree = json.loads(text, parse_int=_parse_int, parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BadReport("no JSON") from None
    if not isinstance(tree, dict) or not isinstance(tree.get("policies"), list):
        raise OtherJson("JSON, and no TLS report")
    return _Reader().read(tree)


def _check_depth(text: str) -> None:
    """Raise before the parser builds what is nested deeper than any report."""
    depth = 0
    for token in _BRACKET.finditer(text):
        character = token[0]
        if character in "[{":
            depth += 1
            if depth > DEPTH_LIMIT:
                raise BadReport(f"nested deeper than {DEPTH_LIMIT}")
        elif character in "]}":
            depth -= 1


def _parse_int(text: str) -> int:
    return int(text) if len(text) <= 16 else NUMBER_LIMIT


def _refuse(text: str) -> None:
    """A number that is no count."""


class _Reader:
    """One report; gathers problems on the way."""

    def __init__(self) -> None:
        self._problems: list[str] = []
        self._details = 0

    def read(self, tree: dict[str, Any]) -> TlsReport:
        dates = self._take(tree, "date-range")
        metadata = Metadata(
            self._text(tree, "organization-name"),
            self._text(tree, "contact-info", is_needed=False),
            self._text(tree, "report-id"),
            self._time(dates, "start-datetime"),
            self._time(dates, "end-datetime"),
        )
        given = tree["policies"]
        if len(given) > POLICY_LIMIT:
            raise BadReport(f"more than {POLICY_LIMIT} policies")
        policies = tuple(self._policy(one) for one in given if isinstance(one, dict))
        if len(policies) != len(given) or not policies:
            self._note("a policy is missing or none")
        return TlsReport(metadata, policies, tuple(self._problems))

    def _policy(self, tree: dict[str, Any]) -> PolicyReport:
        policy, summary = self._take(tree, "policy"), self._take(tree, "summary")
        details = tree.get("failure-details")
        if not isinstance(details, list):
            details = []
        self._details += len(details)
        if self._details > DETAIL_LIMIT:
            raise BadReport(f"more than {DETAIL_LIMIT} kinds of failure")
        applied = AppliedPolicy(
            self._text(policy, "policy-type"),
            self._text(policy, "policy-domain").lower().removesuffix("."),
            self._texts(policy, "policy-string"),
            self._texts(policy, "mx-host"),
        )
        return PolicyReport(
            applied,
            self._count(summary, "total-successful-session-count"),
            self._count(summary, "total-failure-session-count"),
            tuple(self._detail(detail) for detail in details if isinstance(detail, dict)),
        )

    def _detail(self, tree: dict[str, Any]) -> FailureDetail:
        reason = self._text(tree, "failure-reason-code", is_needed=False)
        return FailureDetail(
            self._text(tree, "result-type"),
            self._text(tree, "receiving-mx-hostname", is_needed=False),
            reason or self._text(tree, "additional-information", is_needed=False),
            self._text(tree, "sending-mta-ip", is_needed=False),
            self._text(tree, "receiving-ip", is_needed=False),
            self._count(tree, "failed-session-count"),
        )

    def _take(self, tree: dict[str, Any], name: str) -> dict[str, Any]:
        found = tree.get(name)
        if isinstance(found, dict):
            return found
        self._note(f"{name} is missing")
        return {}

    def _text(self, tree: dict[str, Any], name: str, *, is_needed: bool = True) -> str:
        found = tree.get(name)
        if isinstance(found, str):
            return found[:TEXT_LIMIT]
        if is_needed:
            self._note(f"{name} is missing")
        return ""

    def _texts(self, tree: dict[str, Any], name: str) -> tuple[str, ...]:
        found = tree.get(name, [])
        lines = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        return tuple(line[:TEXT_LIMIT] for line in lines[:LINE_LIMIT] if isinstance(line, str))

    def _count(self, tree: dict[str, Any], name: str) -> int:
        found = tree.get(name)
        if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < NUMBER_LIMIT:
            return found
        self._note(f"{name} is missing or no count")
        return 0

    def _time(self, tree: dict[str, Any], name: str) -> int:
        try:
            moment = datetime.fromisoformat(self._text(tree, name)[:40])
            seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
        except (ValueError, OverflowError):
            seconds = -1
        if seconds < 0:
            self._note(f"{name} is missing or no time")
        return max(0, seconds)

    def _note(self, problem: str) -> None:
        if len(self._problems) < PROBLEM_LIMIT and problem not in self._problems:
            self._problems.append(problem)
