"""Aggregate reports as values (RFC 9990 §3.1), and what one message contributes to them.

Words stand as the format spells them: results of SPF and DKIM as in RFC 8601,
dispositions "none", "pass", "quarantine", "reject". In a report that was read
they are what its sender wrote, in lower case, and may be any word; times are
seconds since 1970, UTC.

Nothing in here names a person: domains and the addresses of mail servers
(RFC 9990 §7). ``envelope_to`` tells the domains of our recipients, and is left
empty by who does not want to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from samotop.msgauth.dmarc import DmarcRecord, DmarcResult, Identified
from samotop.msgauth.results import Result

NAMESPACE: Final = "urn:ietf:params:xml:ns:dmarc-2.0"
"""Of the elements (RFC 9990 §6)."""

OVERRIDES: Final = ("local_policy", "mailing_list", "other", "policy_test_mode", "trusted_forwarder")
"""Why a receiver may do something else than the policy says (RFC 9990 §3.1.6)."""


@dataclass(frozen=True, slots=True)
class DkimOutcome:
    """One signature: its domain and selector, and the word of RFC 8601 §2.7.1."""

    domain: str
    selector: str
    result: str
    human_result: str = ""


@dataclass(frozen=True, slots=True)
class SpfOutcome:
    """The domain that SPF was asked about, and the word of RFC 8601 §2.7.2. ``scope`` is "mfrom", or old "helo"."""

    domain: str
    result: str
    scope: str = "mfrom"
    human_result: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """One of ``OVERRIDES``, and a comment: why the disposition is not what the policy asks."""

    type: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class PublishedPolicy:
    """The policy record that was found at ``domain``, defaults filled in. ``pct`` is of RFC 7489, ``None`` in ours."""

    domain: str
    p: str = "none"
    sp: str = ""
    np: str = ""
    adkim: str = "r"
    aspf: str = "r"
    fo: str = ""
    testing: str = "n"
    discovery_method: str = "treewalk"
    pct: int | None = None

    @classmethod
    def from_record(cls, domain: str, record: DmarcRecord) -> PublishedPolicy:
        """Of a record as it was read; one that is damaged counts as p=none."""
        p = record.choose_policy(is_subdomain=False)[1]
        sp, np = ("", "") if record.is_damaged else (record.sp or "", record.np or "")
        fo = ":".join(record.fo) if record.ruf else ""
        testing = "y" if record.is_testing else "n"
        return cls(domain, str(p), str(sp), str(np), str(record.adkim), str(record.aspf), fo, testing)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What is the same for all messages that one row of a report counts.

    ``spf_aligned`` and ``dkim_aligned`` say whether something passed and was
    aligned. ``envelope_from`` is empty for the null reverse-path, and ``None``
    if it is not told.
    """

    source_ip: str
    header_from: str
    disposition: str
    dkim_aligned: bool
    spf_aligned: bool
    envelope_from: str | None = None
    envelope_to: str = ""
    overrides: tuple[Override, ...] = ()
    dkim: tuple[DkimOutcome, ...] = ()
    spf: tuple[SpfOutcome, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportRow:
    """So many messages were ``evaluated`` to the same."""

    count: int
    evaluated: Evaluated


@dataclass(frozen=True, slots=True)
class Metadata:
    """Who reports, and on what time: from ``begin`` to ``end``, both included."""

    org_name: str
    email: str
    report_id: str
    begin: int
    end: int
    extra_contact_info: str = ""
    errors: tuple[str, ...] = ()
    generator: str = ""


@dataclass(frozen=True, slots=True)
class AggregateReport:
    """One report: of one policy domain. ``problems`` tell what a report that was read lacks or garbles."""

    metadata: Metadata
    policy: PublishedPolicy
    rows: tuple[ReportRow, ...]
    version: str = "1.0"
    problems: tuple[str, ...] = ()

    @property
    def message_count(self) -> int:
        return sum(row.count for row in self.rows)


@dataclass(frozen=True, slots=True)
class DmarcRow:
    """Everything that one evaluated message contributes: what reception keeps until the report is due.

    ``policy`` is the one that was found; ``rua`` are the URIs of its record,
    as written: reports are made only where there are some (RFC 9989 §4.7).
    Values are strings, integers, truth values and tuples of such, so that a
    store can keep a row in any encoding.
    """

    policy: PublishedPolicy
    evaluated: Evaluated
    rua: tuple[str, ...] = ()


class SignedBy(Identified, Protocol):
    """What a report tells of a signature."""

    @property
    def selector(self) -> str: ...


def make_row(
    source_ip: str,
    dmarc: DmarcResult,
    spf: Identified | None,
    dkim: Sequence[SignedBy],
    *,
    disposition: str = "",
    overrides: tuple[Override, ...] = (),
    envelope_from: str | None = None,
    envelope_to: str = "",
) -> DmarcRow | None:
    """The row of one message; ``None`` if there is no policy record, so that nobody wants to know.

    ``disposition`` is what was done with the message, by default what the
    policy asks. Where that is less than the policy, the reason is told: the
    owner is testing, or DNS did not answer. ``envelope_from`` and
    ``envelope_to`` are domains.
    """
    if dmarc.record is None:
        return None
    asked = str(dmarc.disposition)
    if not disposition:
        disposition = "pass" if dmarc.result is Result.PASS and dmarc.published != "none" else asked
        if dmarc.result is not Result.PASS and asked != dmarc.published and not overrides:
            is_failure = dmarc.result is Result.FAIL
            overrides = (Override("policy_test_mode") if is_failure else Override("other", str(dmarc.result)),)
    evaluated = Evaluated(
        source_ip,
        dmarc.author_domain,
        disposition,
        "dkim" in dmarc.aligned,
        "spf" in dmarc.aligned,
        envelope_from,
        envelope_to,
        overrides,
        tuple(DkimOutcome(found.domain, found.selector, str(found.result)) for found in dkim if found.domain),
        () if spf is None or not spf.domain else (SpfOutcome(spf.domain, str(spf.result)),),
    )
    rua = tuple(uri.uri if uri.size_limit is None else f"{uri.uri}!{uri.size_limit}" for uri in dmarc.record.rua)
    return DmarcRow(PublishedPolicy.from_record(dmarc.domain, dmarc.record), evaluated, rua)
