"""DMARC: does the domain that a message claims to be from stand behind it (RFC 9989)?

    author = find_author(header)
    result = await dmarc.evaluate(author.domain, spf_result, dkim_results, resolver)
    result.result, result.policy, result.domain

``record`` reads policy records, ``discovery`` finds them by the tree walk,
``alignment`` compares domains, ``evaluate`` puts them together; ``uris`` are
the addresses for reports, which ``msgauth.reports`` writes and reads.

RFC 7489 is understood where it differs: its tags are read and reported, and
have no effect. Failure reports (RFC 9991) are not written: they leak addresses.
"""

from __future__ import annotations

from samotop.msgauth.dmarc.discovery import QUERY_LIMIT, Records, Walk, plan_walk
from samotop.msgauth.dmarc.evaluate import DmarcResult, Identified, evaluate, evaluate_author
from samotop.msgauth.dmarc.record import Alignment, DmarcRecord, NoDmarcRecord, Policy, Psd, parse_record
from samotop.msgauth.dmarc.uris import ReportUri, parse_report_uri

__all__ = [
    "QUERY_LIMIT",
    "Alignment",
    "DmarcRecord",
    "DmarcResult",
    "Identified",
    "NoDmarcRecord",
    "Policy",
    "Psd",
    "Records",
    "ReportUri",
    "Walk",
    "evaluate",
    "evaluate_author",
    "parse_record",
    "parse_report_uri",
    "plan_walk",
]
