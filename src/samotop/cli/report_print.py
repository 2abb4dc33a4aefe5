"""What ``samotop report read`` does: read the reports, count, print for people or programs."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from samotop.cli.outcome import DONE, REFUSED
from samotop.cli.paint import Paint, Progress, choose_paint
from samotop.cli.place import name_home, open_home
from samotop.cli.report_files import Reading
from samotop.cli.report_sources import Meaning, Source, Tally
from samotop.cli.report_tls import TlsTally, format_tls, plain_tls, plain_tls_report
from samotop.cli.report_words import REPORTER_LIMIT, WORD_LIMIT, format_reporters, format_span, number, short, wrap
from samotop.cli.show import clean, print_json
from samotop.config.read import FILE_NAME, load_config
from samotop.dns.names import normalize_name
from samotop.msgauth.reports import AggregateReport, Summary, summarize
from samotop.tlspolicy.tlsrpt import TlsReport

SOURCE_LIMIT: Final = 20
"""Servers of one meaning that people are shown; programs get all of them."""
DOMAIN_LIMIT: Final = 20
"""Domains that people are shown: reports on more of them are somebody's joke."""
KIND: Final = "dmarc"

_DONE: Final = {"none": "let in", "pass": "let in", "quarantine": "junk", "reject": "refused"}
_HEAD: Final = ("messages", "DKIM", "SPF")


class Told:
    """What is kept of each report beside the counts."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.tls = TlsTally()
        self.reporters: Counter[str] = Counter()
        self.reports: list[dict[str, Any]] = []

    def take(self, reading: Reading) -> Iterator[AggregateReport]:
        """The DMARC reports, one by one; the others are counted on the way."""
        for found in reading.iterate():
            if isinstance(found.report, TlsReport):
                self.tls.count(found.report)
                self.reports.append(plain_tls_report(_plain_name(found.file), found.report))
                continue
            report = self.tally.count(found.report)
            self.reporters[report.metadata.org_name[:WORD_LIMIT] or "somebody without a name"] += 1
            self.reports.append(_plain_report(found.file, report))
            yield report


def print_reports(paths: Sequence[str], *, json: bool, home: str | None) -> int:
    """Summarise what is at ``paths``. Raises ``SetupError`` for a home that is named and none."""
    own = _own_domains(home)
    told, reading = Told(), Reading(paths, Progress("reading,").advance)
    summary = summarize(told.take(reading))
    if json:
        print_json(plain_reports(summary, told, reading))
    else:
        print("\n".join(format_reports(summary, told, reading, choose_paint(), own)))
        sys.stdout.flush()
        for one in reading.unread:
            print(f"samotop: {clean(one.file)}: {clean(one.reason)}", file=sys.stderr)
    return REFUSED if reading.unread else DONE


def _own_domains(home: str | None) -> frozenset[str] | None:
    """The domains of the home; ``None`` without one, which is needed only if somebody names it."""
    place = name_home(home)
    if home is None and "SAMOTOP_HOME" not in os.environ and not os.access(place / FILE_NAME, os.F_OK):
        return None
    return frozenset(map(_normalize, load_config(open_home(home)).domains))


def _normalize(domain: str) -> str:
    try:
        return normalize_name(domain)
    except ValueError:
        return domain


def plain_reports(summary: Summary, told: Told, reading: Reading) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "count": summary.count,
        "passed": summary.passed,
        "domains": list(summary.domains),
        "begin": summary.begin,
        "end": summary.end,
        "alignments": summary.alignments,
        "dispositions": summary.dispositions,
        "overrides": summary.overrides,
        "sources": [_plain_source(one) for one in told.tally.sources],
        "tls": plain_tls(told.tls),
        "reports": told.reports,
        "repeated": reading.repeated,
        "others": reading.others,
        "unread": [{"file": _plain_name(one.file), "reason": one.reason} for one in reading.unread],
    }


def _plain_source(one: Source) -> dict[str, Any]:
    return {
        "domain": one.domain,
        "address": one.address,
        "count": one.count,
        "passed": one.passed,
        "dkim": one.dkim,
        "spf": one.spf,
        "dispositions": dict(sorted(one.dispositions.items())),
        "others": one.others,
        "meaning": one.meaning.name.lower(),
        "words": one.meaning.advice,
    }


def _plain_name(file: str) -> str:
    """A file's name as JSON can have it: octets that are no UTF-8 are written out."""
    return os.fsencode(file).decode("utf-8", "backslashreplace")


def _plain_report(file: str, report: AggregateReport) -> dict[str, Any]:
    return {
        "kind": KIND,
        "file": _plain_name(file),
        "reporter": report.metadata.org_name,
        "id": report.metadata.report_id,
        "domain": report.policy.domain,
        "policy": report.policy.p,
        "begin": report.metadata.begin,
        "end": report.metadata.end,
        "count": report.message_count,
        "problems": list(report.problems),
    }


def format_reports(
    summary: Summary, told: Told, reading: Reading, paint: Paint, own: frozenset[str] | None = None
) -> list[str]:
    """For people: all in a sentence, then each domain's servers by what became of their mail; then TLS likewise.

    ``own`` are the domains of the home; ``None`` without one.
    """
    lines: list[str] = []
    if summary.reports or not told.tls.summary.reports:
        lines += _format_dmarc(summary, told, paint, own)
    if told.tls.summary.reports:
        lines += ["", ""] if lines else []
        lines += format_tls(told.tls, paint, own)
    notes = list(_note(summary, told, reading))
    if notes:
        lines += ["", *(paint.faint(line) for note in notes for line in wrap(note, "", ""))]
    return lines


def _format_dmarc(summary: Summary, told: Told, paint: Paint, own: frozenset[str] | None) -> Iterator[str]:
    yield paint.strong(_conclude(summary))
    if summary.reports:
        span = format_span(summary.begin, summary.end)
        yield from wrap(f"They are about {span}, by {format_reporters(told.reporters)}.", "", "")
    by_domain = [(domain, list(group)) for domain, group in groupby(told.tally.sources, key=lambda one: one.domain)]
    for domain, sources in by_domain[:DOMAIN_LIMIT]:
        yield ""
        yield from _format_domain(domain, sources, paint, own)
    if len(by_domain) > DOMAIN_LIMIT:
        yield ""
        yield f"And {len(by_domain) - DOMAIN_LIMIT:,} more domains; --json tells all."


def _conclude(summary: Summary) -> str:
    if not summary.reports:
        return "No report was found."
    failed = summary.count - summary.passed
    became = "all of them pass" if not failed else f"{summary.passed:,} pass, {failed:,} fail"
    return f"{number(summary.reports, 'report')}, {number(summary.count, 'message')}: {became}."


def _format_domain(domain: str, sources: list[Source], paint: Paint, own: frozenset[str] | None) -> Iterator[str]:
    title = f"Mail that says it is from {short(domain) or 'no domain'}"
    if own is not None and _normalize(domain) not in own:
        title += ", which is no domain of this home"
    yield paint.strong(title)
    for meaning, group in groupby(sources, key=lambda one: one.meaning):
        yield from _format_group(meaning, list(group), paint)


def _format_group(meaning: Meaning, sources: list[Source], paint: Paint) -> Iterator[str]:
    """One meaning: in a word, in a table, in words."""
    colour = _colour(meaning, paint)
    shown = sources[:SOURCE_LIMIT]
    rows = [(one.address, *(f"{number:,}" for number in (one.count, one.dkim, one.spf))) for one in shown]
    widths = [max(map(len, column)) for column in zip(*rows, (meaning.word, *_HEAD), strict=True)]
    head = [f"{word:>{width}}" for word, width in zip(_HEAD, widths[1:], strict=True)]
    yield f"  {colour(f'{meaning.word:<{widths[0]}}')}  {paint.faint('  '.join((*head, 'what became of it')))}"
    for one, (address, *numbers) in zip(shown, rows, strict=True):
        cells = [f"{number:>{width}}" for number, width in zip(numbers, widths[1:], strict=True)]
        yield from wrap(f"  {'  '.join((f'{address:<{widths[0]}}', *cells, _format_outcome(one)))}", "", " " * 6)
    if len(sources) > SOURCE_LIMIT:
        rest = sources[SOURCE_LIMIT:]
        count = number(sum(one.count for one in rest), "message")
        yield paint.faint(f"  and {number(len(rest), 'more server')} with {count}; --json tells all")
    yield from wrap(meaning.advice, "    ", "    ")


def _colour(meaning: Meaning, paint: Paint) -> Any:
    if meaning is Meaning.FAILS:
        return paint.bad
    return paint.doubtful if meaning in (Meaning.PARTLY, Meaning.SPF_ALONE) else paint.good


def _format_outcome(one: Source) -> str:
    """``junk 20, let in 14; passes as mailer.example``."""
    done: Counter[str] = Counter()
    for word, count in one.dispositions.items():
        done[_DONE.get(word) or short(word)] += count
    told = sorted(done.items(), key=lambda item: (-item[1], item[0]))
    text = told[0][0] if len(told) == 1 else ", ".join(f"{word} {count:,}" for word, count in told[:REPORTER_LIMIT])
    return text + (f"; passes as {', '.join(map(short, one.others))}" if one.others else "")


def _note(summary: Summary, told: Told, reading: Reading) -> Iterator[str]:
    if summary.overrides:
        words = ", ".join(f"{short(word)} {count:,}" for word, count in list(summary.overrides.items())[:DOMAIN_LIMIT])
        yield f"Receivers did otherwise than your policy asks, and say why: {words}."
    if told.tally.problems:
        yield f"Something is missing or garbled in {number(told.tally.problems, 'report')}; --json tells what."
    if reading.repeated:
        yield f"Left out, as the very same was there before: {number(reading.repeated, 'report')}."
    if reading.others:
        yield f"Passed over, as there is no report in it: {number(reading.others, 'file')}."
