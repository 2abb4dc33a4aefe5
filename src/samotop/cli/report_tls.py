"""What TLS reports of others say of our mail servers, counted while they go by, for people and for programs.

Nothing of a report is kept but numbers, words for failures and names of hosts.
Raises nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from samotop.cli.paint import Paint
from samotop.cli.report_words import REPORTER_LIMIT, format_reporters, format_span, number, short, wrap
from samotop.tlspolicy.levels import Failure
from samotop.tlspolicy.tlsrpt import PolicyType, Summary, TlsReport, Totals

DOMAIN_LIMIT: Final = 20
"""Domains that people are shown: reports on more of them are somebody's joke."""
KIND_LIMIT: Final = 20
"""Kinds of failure of a domain that people are shown, the most frequent."""

POLICIES: Final = {PolicyType.TLSA: "DANE", PolicyType.STS: "MTA-STS", PolicyType.NONE: "no policy"}

ADVICE: Final = {
    Failure.STARTTLS: "Your server did not offer TLS. If you think that it does, somebody on the way takes the offer "
    "out, and a policy that is enforced is what keeps mail from going in the clear.",
    Failure.NAME: "The certificate does not name the host that the MX record names.",
    Failure.EXPIRED: "The certificate has ended: renew it, and see that the server takes it up.",
    Failure.UNTRUSTED: "The certificate is of no authority that the sender knows, or none that the TLSA records name: "
    "samotop dns check compares them. If it is not your certificate at all, somebody stands in between.",
    Failure.VALIDATION: "The handshake failed, or your MTA-STS policy does not name the host.",
    Failure.TLSA: "None of the host's TLSA records can be used: samotop dns check compares them.",
    Failure.DNSSEC: "The DNS answers did not come, or their signatures are not valid: samotop dns check.",
    Failure.DANE_REQUIRED: "The sender insists on DANE, and there are no TLSA records.",
    Failure.STS_FETCH: "The MTA-STS policy could not be fetched: is its web server up?",
    Failure.STS_INVALID: "The MTA-STS policy cannot be read: samotop dns check tells why.",
    Failure.STS_WEBPKI: "The certificate of the policy's web server does not verify, or does not name mta-sts. with "
    "your domain.",
}
"""What each failure means for the owner of the servers."""

Kinds = list[tuple[tuple[str, str], int]]


class TlsTally:
    """Counts reports by the domain that they are on."""

    def __init__(self) -> None:
        self._all = Totals()
        self._domains: dict[str, Totals] = {}
        self.reporters: Counter[str] = Counter()
        self.problems = 0
        """Reports that lack something or garble it."""

    def count(self, report: TlsReport) -> None:
        self._all.add(report)
        self._domains.setdefault(report.domain[:253], Totals()).add(report)
        self.reporters[report.metadata.organization] += 1
        self.problems += bool(report.problems)

    @property
    def summary(self) -> Summary:
        return self._all.summary

    @property
    def domains(self) -> list[tuple[str, Summary]]:
        """Those with most failures first."""
        found = [(domain, totals.summary) for domain, totals in self._domains.items()]
        return sorted(found, key=lambda one: (-one[1].failures, one[0]))


def plain_tls(tally: TlsTally) -> dict[str, Any]:
    """Everything, for programs."""
    summary = tally.summary
    return {
        "count": summary.successes + summary.failures,
        "failed": summary.failures,
        "begin": summary.begin,
        "end": summary.end,
        "domains": [
            {
                "domain": domain,
                "count": one.successes + one.failures,
                "failed": one.failures,
                "policies": {kind: {"count": well + badly, "failed": badly} for kind, (well, badly) in _by_kind(one)},
                "failures": [
                    {"type": kind, "host": host, "count": count, "words": ADVICE.get(kind, "")}  # type: ignore[call-overload]  # words of reports are looked up as such
                    for (kind, host), count in _sort_kinds(one)
                ],
            }
            for domain, one in tally.domains
        ],
    }


def plain_tls_report(file: str, report: TlsReport) -> dict[str, Any]:
    return {
        "kind": "tls",
        "file": file,
        "reporter": report.metadata.organization,
        "id": report.metadata.report_id,
        "domain": report.domain,
        "begin": report.metadata.begin,
        "end": report.metadata.end,
        "count": report.successes + report.failures,
        "failed": report.failures,
        "problems": list(report.problems),
    }


def format_tls(tally: TlsTally, paint: Paint, own: frozenset[str] | None = None) -> Iterator[str]:
    """For people: all in a sentence, then each domain's sessions by policy, and why they failed."""
    summary = tally.summary
    sessions = number(summary.successes + summary.failures, "session")
    became = f"{summary.failures:,} failed" if summary.failures else "all of them went well"
    yield paint.strong(f"{number(summary.reports, 'TLS report')}, {sessions}: {became}.")
    span = format_span(summary.begin, summary.end)
    yield from wrap(f"They are about {span}, by {format_reporters(tally.reporters)}.", "", "")
    domains = tally.domains
    for domain, one in domains[:DOMAIN_LIMIT]:
        title = f"Connections to the mail servers of {short(domain) or 'no domain'}"
        if own is not None and domain not in own:
            title += ", which is no domain of this home"
        yield ""
        yield paint.strong(title)
        yield from _format_policies(one, paint)
        yield from _format_failures(one, paint)
    if len(domains) > DOMAIN_LIMIT:
        yield ""
        yield f"And {len(domains) - DOMAIN_LIMIT:,} more domains; --json tells all."
    if tally.problems:
        yield ""
        yield paint.faint(f"Something is missing or garbled in {number(tally.problems, 'report')}; --json tells what.")


def _format_policies(one: Summary, paint: Paint) -> Iterator[str]:
    rows = [(short(POLICIES.get(kind) or kind), well + badly, badly) for kind, (well, badly) in _by_kind(one)]  # type: ignore[call-overload]  # as above
    shown = rows[:REPORTER_LIMIT]
    width = max(map(len, ("policy", *(name for name, _, _ in shown))))
    yield paint.faint(f"  {'policy':<{width}}  {'sessions':>10}  {'failed':>10}")
    for name, count, failed in shown:
        colour = paint.bad if failed else paint.good
        yield f"  {colour(f'{name:<{width}}')}  {count:>10,}  {failed:>10,}"


def _format_failures(one: Summary, paint: Paint) -> Iterator[str]:
    """By what went wrong: at which hosts, and what that means."""
    kinds = _sort_kinds(one)
    for kind in dict.fromkeys(kind for (kind, _), _ in kinds[:KIND_LIMIT]):
        hosts = [(host, count) for (name, host), count in kinds[:KIND_LIMIT] if name == kind]
        places = ", ".join(f"{short(host) or 'no host'} {count:,}" for host, count in hosts)
        yield from wrap(f"  {paint.bad(short(kind))}: {places}", "", " " * 6)
        yield from wrap(ADVICE.get(kind, "RFC 8460 does not know this word: ask who reports."), "    ", "    ")  # type: ignore[call-overload]  # as above
    if len(kinds) > KIND_LIMIT:
        yield paint.faint(f"  and {number(len(kinds) - KIND_LIMIT, 'more kind')} of failure; --json tells all")


def _by_kind(one: Summary) -> list[tuple[str, tuple[int, int]]]:
    """The policies, those with most sessions first."""
    return sorted(one.policies.items(), key=lambda item: (-sum(item[1]), item[0]))


def _sort_kinds(one: Summary) -> Kinds:
    return sorted(one.kinds.items(), key=lambda item: (-item[1], item[0]))
