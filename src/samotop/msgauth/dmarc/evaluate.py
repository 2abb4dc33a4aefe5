"""Does the author's domain stand behind a message, and what does it want if not (RFC 9989 §5.3)?

``evaluate`` needs the author's domain and what SPF and DKIM found; it looks up
the rest. A message passes if SPF passed for the domain of MAIL, or one DKIM
signature did, and that domain is aligned with the author's. Nothing else
counts: no HELO identity, with the one exception of RFC 7208 §2.4 (MAIL named
the null reverse-path) that ``spf.evaluate`` has made already.

If nothing passes, and DNS failed for a domain that would have been aligned,
the result is ``temperror`` and no policy may be applied (RFC 9989 §5.3.6). A
failure for a domain that is not aligned changes nothing: otherwise anyone
could turn ``fail`` into ``temperror`` with a signature of their own.

Awaits nothing but the resolver; raises nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from samotop.dns.names import normalize_name
from samotop.dns.resolver import Resolver
from samotop.msgauth.author import Author
from samotop.msgauth.dmarc.alignment import Aligned, Aligner
from samotop.msgauth.dmarc.discovery import Found, Records, Walk
from samotop.msgauth.dmarc.record import DmarcRecord, Policy
from samotop.msgauth.results import Result

AUTHOR_LIMIT: Final = 4
"""Distinct domains of one From field that are evaluated; with more the message fails (RFC 9989 §11.5)."""


class Identified(Protocol):
    """What DMARC needs of a result of SPF or DKIM: its word, and the domain that it is about."""

    @property
    def result(self) -> str: ...

    @property
    def domain(self) -> str: ...


@dataclass(frozen=True, slots=True)
class DmarcResult:
    """What was found for one author's domain.

    ``published`` is what its owner says for it, by the ``tag`` that applies
    (p, sp or np). ``policy`` is what that asks of receivers now: one level less
    while the owner is testing (``is_testing``). ``disposition`` is what it asks
    for this message: nothing unless it failed. All are "none" where there is no
    record; ``record`` is ``None`` then. ``domain`` is where the record was found, the author's own
    domain without one. ``organizational_domain`` is empty where DNS kept it
    back. ``aligned`` has "spf" and "dkim" as they passed and are aligned.
    ``is_secure``: DNSSEC vouches for the policy, or for there being none.
    ``reason`` and ``problems`` are words for people, without names in them.
    """

    result: Result
    published: Policy = Policy.NONE
    domain: str = ""
    organizational_domain: str = ""
    aligned: tuple[str, ...] = ()
    record: DmarcRecord | None = None
    reason: str = ""
    is_secure: bool = False
    author_domain: str = ""
    tag: str = ""
    problems: tuple[str, ...] = ()

    @property
    def is_testing(self) -> bool:
        return self.record is not None and self.record.is_testing

    @property
    def policy(self) -> Policy:
        """The policy after its options are heard (RFC 9989 §4.7, tag t): ``policy.dmarc`` in Authentication-Results."""
        return self.published.lowered if self.is_testing else self.published

    @property
    def disposition(self) -> Policy:
        """What the owner asks a receiver to do with the message; the receiver decides (RFC 9989 §5.4)."""
        return self.policy if self.result is Result.FAIL else Policy.NONE


async def evaluate(
    author_domain: str,
    spf_result: Identified | None,
    dkim_results: Sequence[Identified] | None,
    resolver: Resolver,
    walks: dict[str, Walk] | None = None,
) -> DmarcResult:
    """Evaluate one author's domain, in A-labels or U-labels.

    ``spf_result`` is of the MAIL FROM identity; ``None`` if there is none.
    ``walks`` remembers between evaluations where policies were looked for, as far as DNS answered.
    The bound on questions: ``QUERY_LIMIT`` for the author's domain, as many
    for each of ``WALK_LIMIT`` others, and one.
    """
    if not author_domain or author_domain.startswith("["):
        return DmarcResult(Result.NONE, domain=author_domain, reason="no author's domain")
    try:
        author = normalize_name(author_domain)
    except ValueError:
        return DmarcResult(Result.PERMERROR, domain=author_domain, reason="the author's domain is no domain name")
    if not author:
        return DmarcResult(Result.NONE, domain=author_domain, reason="no author's domain")
    records = Records(resolver)
    walk = walks.get(author) if walks else None
    if walk is None:
        walk = await records.walk(author)
        if walks is not None and not walk.has_failed:
            walks[author] = walk
    if walk.has_failed and walk.find_record(author) is None:
        return _without_policy(walk, Result.TEMPERROR, "DNS did not answer for a policy record")
    found = walk.find_policy()
    if found is None:
        return _without_policy(walk, Result.NONE, "no policy record")
    if not found.record.is_policy:
        if found.record.is_damaged:
            return _without_policy(walk, Result.PERMERROR, "the policy record cannot be read")
        return _without_policy(walk, Result.NONE, "the record has no policy and wants no reports")
    aligned, is_unknown = await _align(Aligner(walk, records), found.record, spf_result, dkim_results or ())
    return await _conclude(walk, found, records, aligned, is_unknown)


async def _align(
    aligner: Aligner, record: DmarcRecord, spf_result: Identified | None, dkim_results: Sequence[Identified]
) -> tuple[tuple[str, ...], bool]:
    """What passed and is aligned; and whether DNS kept back something that might be."""
    aligned: list[str] = []
    is_unknown = False
    spf_results = () if spf_result is None else (spf_result,)
    for method, results, mode in (("spf", spf_results, record.aspf), ("dkim", dkim_results, record.adkim)):
        for result in results:
            if result.result not in (Result.PASS, Result.TEMPERROR):
                continue
            answer = await aligner.compare(result.domain, mode)
            if answer is Aligned.NO:
                continue
            if answer is Aligned.YES and result.result == Result.PASS:
                aligned.append(method)
                break
            is_unknown = True
    return tuple(aligned), is_unknown


async def _conclude(
    walk: Walk, found: Found, records: Records, aligned: tuple[str, ...], is_unknown: bool
) -> DmarcResult:
    is_subdomain = found.domain != walk.start
    exists: bool | None = True
    if is_subdomain and found.record.np is not None:
        exists = await records.exists(walk.start)
    tag, policy = found.record.choose_policy(is_subdomain=is_subdomain, exists=exists is not False)
    if aligned:
        result, reason = Result.PASS, ""
    elif is_unknown:
        result, reason = Result.TEMPERROR, "DNS did not answer for a domain that might be aligned"
    elif exists is None:
        result, reason = Result.TEMPERROR, "DNS did not answer whether the author's domain exists"
    else:
        result, reason = Result.FAIL, "nothing that passed is aligned"
    return DmarcResult(
        result,
        policy,
        found.domain,
        "" if walk.has_failed else walk.organizational_domain,
        aligned,
        found.record,
        reason,
        walk.is_secure,
        walk.start,
        tag,
        walk.problems + found.record.problems,
    )


def _without_policy(walk: Walk, result: Result, reason: str) -> DmarcResult:
    return DmarcResult(
        result,
        domain=walk.start,
        organizational_domain="" if walk.has_failed else walk.organizational_domain,
        reason=reason,
        is_secure=walk.is_secure,
        author_domain=walk.start,
        problems=walk.problems,
    )


_STRICTNESS: Final = (Policy.NONE, Policy.QUARANTINE, Policy.REJECT)


async def evaluate_author(
    author: Author,
    spf_result: Identified | None,
    dkim_results: Sequence[Identified],
    resolver: Resolver,
    walks: dict[str, Walk] | None = None,
) -> DmarcResult:
    """Evaluate every domain of a From field, and return the result that speaks for the message (RFC 9989 §11.5).

    With one domain that is ``evaluate``. With several it is the failure with
    the strictest disposition; without a failure the first that is neither pass
    nor none; then the first that is no pass: a message passes only if each of
    its domains does. Without an author it is the strictest failure of the
    domains that are claimed, or a time-out of one: nothing passes there, and
    the result is "none" otherwise, with the reason.
    """
    domains = author.domains or author.claimed
    if len(domains) > AUTHOR_LIMIT:
        return DmarcResult(Result.FAIL, reason=f"more than {AUTHOR_LIMIT} author's domains")
    results = [await evaluate(domain, spf_result, dkim_results, resolver, walks) for domain in domains]
    failures = [result for result in results if result.result is Result.FAIL]
    if failures:
        return max(failures, key=lambda result: _STRICTNESS.index(result.disposition))
    if not author.domains:
        late = (result for result in results if result.result is Result.TEMPERROR)
        return next(late, DmarcResult(Result.NONE, reason=author.reason or "no author's domain"))
    for settled in ((Result.PASS, Result.NONE), (Result.PASS,)):
        for result in results:
            if result.result not in settled:
                return result
    return results[0]
