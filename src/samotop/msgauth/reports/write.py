"""Aggregate reports as XML (RFC 9990 §3.1.1), and the file that they travel in (§3.5.2).

``iterate_xml`` yields the document piece by piece, so that a large one need
not be in memory; ``format_report`` is all of it, ``compress_report`` with
gzip around. The same report gives the same octets, as one that is sent again
must be the same file. What XML cannot have in it (control characters) is
replaced. Raises nothing but ``ValueError`` for a report that the schema has no
room for: no row, a version that is no number.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Final

from samotop.msgauth.reports.values import NAMESPACE, AggregateReport, Evaluated, Metadata, PublishedPolicy, ReportRow

_UNFIT: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ALNUM: Final = re.compile("[A-Za-z0-9]{1,64}")
_SPF_RESULTS: Final = frozenset(("none", "pass", "fail", "softfail", "policy", "neutral", "temperror", "permerror"))
_DKIM_RESULTS: Final = _SPF_RESULTS - {"softfail"}


def format_report(report: AggregateReport) -> bytes:
    """The whole document."""
    return b"".join(iterate_xml(report))


def compress_report(report: AggregateReport) -> bytes:
    """The document in gzip (RFC 1952), without a time in it."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(map(packer.compress, iterate_xml(report))) + packer.flush()


def format_filename(report: AggregateReport, receiver: str, *, is_compressed: bool = True) -> str:
    """The attachment's name: ``receiver!policy-domain!begin!end[!unique-id].xml.gz`` (RFC 9990 §3.5.2).

    The report's id is the unique-id where it has nothing but letters and digits.
    """
    metadata = report.metadata
    parts = [receiver, report.policy.domain, str(metadata.begin), str(metadata.end)]
    if _ALNUM.fullmatch(metadata.report_id):
        parts.append(metadata.report_id)
    return "!".join(parts) + (".xml.gz" if is_compressed else ".xml")


def iterate_xml(report: AggregateReport) -> Iterator[bytes]:
    """Yield the document: its head, then one piece for each row, then its end."""
    if not report.rows:
        raise ValueError("a report has at least one row")
    if report.version and not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", report.version):
        raise ValueError("a report's version is a number")
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<feedback xmlns="{NAMESPACE}">\n'
    head += _optional(1, "version", report.version)
    yield (head + _format_metadata(report.metadata) + _format_policy(report.policy)).encode()
    for row in report.rows:
        yield _format_row(row).encode()
    yield b"</feedback>\n"


def _leaf(depth: int, name: str, text: str) -> str:
    return f"{'  ' * depth}<{name}>{_UNFIT.sub('?', text).translate(_ESCAPES)}</{name}>\n"


def _optional(depth: int, name: str, text: str) -> str:
    return _leaf(depth, name, text) if text else ""


def _node(depth: int, name: str, inner: str) -> str:
    return f"{'  ' * depth}<{name}>\n{inner}{'  ' * depth}</{name}>\n"


def _format_metadata(metadata: Metadata) -> str:
    return _node(
        1,
        "report_metadata",
        _leaf(2, "org_name", metadata.org_name)
        + _leaf(2, "email", metadata.email)
        + _optional(2, "extra_contact_info", metadata.extra_contact_info)
        + _leaf(2, "report_id", metadata.report_id)
        + _node(2, "date_range", _leaf(3, "begin", str(metadata.begin)) + _leaf(3, "end", str(metadata.end)))
        + _optional(2, "error", "; ".join(metadata.errors))
        + _optional(2, "generator", metadata.generator),
    )


def _format_policy(policy: PublishedPolicy) -> str:
    """``pct`` is left out: the schema has no room for it any more."""
    return _node(
        1,
        "policy_published",
        _leaf(2, "domain", policy.domain)
        + _optional(2, "discovery_method", policy.discovery_method)
        + _leaf(2, "p", policy.p)
        + _optional(2, "sp", policy.sp)
        + _optional(2, "np", policy.np)
        + _optional(2, "fo", policy.fo)
        + _optional(2, "adkim", policy.adkim)
        + _optional(2, "aspf", policy.aspf)
        + _optional(2, "testing", policy.testing),
    )


def _format_row(row: ReportRow) -> str:
    found = row.evaluated
    judged = _node(
        3,
        "policy_evaluated",
        _leaf(4, "disposition", found.disposition)
        + _leaf(4, "dkim", "pass" if found.dkim_aligned else "fail")
        + _leaf(4, "spf", "pass" if found.spf_aligned else "fail")
        + "".join(
            _node(4, "reason", _leaf(5, "type", why.type) + _optional(5, "comment", why.comment))
            for why in found.overrides
        ),
    )
    envelope_from = "" if found.envelope_from is None else _leaf(3, "envelope_from", found.envelope_from)
    return _node(
        1,
        "record",
        _node(2, "row", _leaf(3, "source_ip", found.source_ip) + _leaf(3, "count", str(row.count)) + judged)
        + _node(
            2,
            "identifiers",
            _leaf(3, "header_from", found.header_from) + envelope_from + _optional(3, "envelope_to", found.envelope_to),
        )
        + _format_outcomes(found),
    )


def _format_outcomes(found: Evaluated) -> str:
    """Signatures first, then at most one result of SPF, for MAIL FROM (RFC 9990 §3.1.1)."""
    inner = "".join(
        _node(
            3,
            "dkim",
            _leaf(4, "domain", outcome.domain)
            + _leaf(4, "selector", outcome.selector)
            + _leaf(4, "result", outcome.result if outcome.result in _DKIM_RESULTS else "neutral")
            + _optional(4, "human_result", outcome.human_result),
        )
        for outcome in found.dkim
    )
    for outcome in [spf for spf in found.spf if spf.scope != "helo"][:1]:
        inner += _node(
            3,
            "spf",
            _leaf(4, "domain", outcome.domain)
            + _leaf(4, "scope", "mfrom")
            + _leaf(4, "result", outcome.result if outcome.result in _SPF_RESULTS else "neutral")
            + _optional(4, "human_result", outcome.human_result),
        )
    return _node(2, "auth_results", inner)
