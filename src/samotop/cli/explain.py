"""What each result means, in sentences for somebody who runs a mail server and reads no RFC.

Every function takes results and gives ``Told``: a word, whether that is good
news, and sentences. Pure. What strangers chose (names, explanations) is quoted
as it is; who prints it makes it harmless.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from samotop.cli.evidence import Evidence, Origin
from samotop.message.authres import MethodResult
from samotop.msgauth.arc import ArcResult
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.author import Author
from samotop.msgauth.dkim import DkimResult
from samotop.msgauth.dmarc import DmarcResult, Policy
from samotop.msgauth.field import summarize
from samotop.msgauth.hello import HelloResult
from samotop.msgauth.iprev import IprevResult
from samotop.msgauth.results import Result
from samotop.msgauth.spf import SpfResult


class Tone(Enum):
    GOOD = "good"
    BAD = "bad"
    DOUBTFUL = "doubtful"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Told:
    """``method`` and ``word`` as in ``spf=pass``; ``is_secure`` where DNSSEC proves the answers behind it."""

    method: str
    word: str
    tone: Tone
    text: str
    is_secure: bool = False


_TONES = {
    Result.PASS: Tone.GOOD,
    Result.FAIL: Tone.BAD,
    Result.POLICY: Tone.BAD,
    Result.PERMERROR: Tone.DOUBTFUL,
    Result.TEMPERROR: Tone.DOUBTFUL,
    Result.SOFTFAIL: Tone.DOUBTFUL,
    Result.NEUTRAL: Tone.PLAIN,
    Result.NONE: Tone.PLAIN,
}


def explain(evidence: Evidence) -> list[Told]:
    """One entry for each method and signature, in the order in which a server finds them out."""
    found, origin = evidence.found, evidence.origin
    told: list[Told] = []
    if found.iprev is not None:
        told.append(explain_address(found.iprev, origin))
    if found.hello is not None:
        told.append(explain_hello(found.hello, origin))
    told.append(explain_spf(found.spf, origin))
    told += [explain_signature(one) for one in found.dkim]
    if not found.dkim:
        told.append(Told("dkim", "none", Tone.PLAIN, "Nobody has signed the message."))
    if found.arc is not None:
        told.append(explain_chain(found.arc))
    if found.dmarc is not None:
        told.append(explain_policy(found.dmarc, found, evidence.might_explain))
    return told


def explain_address(found: IprevResult, origin: Origin) -> Told:
    """Reverse DNS of the address that the message came from."""
    ip = origin.ip
    if found.result is Result.PASS:
        text = f"The address {ip} has the name {found.name}, and that name leads back to it."
    elif found.result is Result.FAIL:
        text = (
            f"The address {ip} claims the name {found.names[0]}, which does not lead back to it: anybody can do that."
        )
    elif found.result is Result.TEMPERROR:
        text = f"DNS did not say which name the address {ip} has."
    else:
        text = f"The address {ip} has no name in the DNS. An honest mail server nearly always has one."
    tone = Tone.DOUBTFUL if found.result is not Result.PASS else Tone.GOOD
    return Told("iprev", found.result, tone, text, found.is_secure)


def explain_hello(found: HelloResult, origin: Origin) -> Told:
    """What the client called itself."""
    if found.result is Result.PASS:
        text = f"It called itself {origin.hello}, which has that address."
    elif found.result is Result.TEMPERROR:
        text = f"It called itself {origin.hello}; DNS did not say whether that is so."
    else:
        text = f"It called itself {origin.hello}, but {found.reason}. Careless servers do that as well as forgers."
    tone = Tone.GOOD if found.result is Result.PASS else Tone.PLAIN
    return Told("hello", found.result, tone, text, found.is_secure)


def explain_spf(found: SpfResult | None, origin: Origin) -> Told:
    """Whether the domain of the reverse-path lets that address send."""
    if found is None:
        lacks = "from which address it came" if not origin.ip else "which sender the envelope had (no Return-Path)"
        text = f"Cannot be told: the message does not say {lacks}. Say --ip, --hello and --from."
        return Told("spf", "none", Tone.PLAIN, text)
    domain, ip = found.domain, origin.ip
    by = f" ({found.mechanism})" if found.mechanism else ""
    texts = {
        Result.PASS: f"{domain} allows {ip} to send in its name{by}.",
        Result.FAIL: f"{domain} says that {ip} may not send in its name{by}: the envelope's sender is forged, "
        "or somebody forwarded the message.",
        Result.SOFTFAIL: f"{domain} thinks that {ip} is none of its servers, and does not insist{by}.",
        Result.NEUTRAL: f"{domain} says neither yes nor no about {ip}{by}.",
        Result.NONE: f"{domain or 'The sender'} does not say which servers may send in its name"
        f"{'' if domain else ': it has no domain'}.",
        Result.PERMERROR: f"What {domain} publishes about its servers cannot be used: {found.reason}.",
        Result.TEMPERROR: f"DNS did not answer which servers may send for {domain}: {found.reason}.",
    }
    text = texts.get(found.result, found.reason)
    if found.scope == "helo" and domain:
        text += " (It is a bounce or a notice, which has no sender, so that the server's own name counts.)"
    if found.explanation:
        text += f' The owner of {domain} adds: "{found.explanation}"'
    return Told("spf", found.result, _TONES[found.result], text, found.is_secure)


def explain_signature(found: DkimResult) -> Told:
    """One DKIM signature."""
    who = found.domain or "Somebody"
    key = ", ".join(part for part in (f"key {found.selector}" if found.selector else "", found.algorithm) if part)
    how = f" ({key})" if key else ""
    tone = _TONES[found.result]
    if found.result is Result.PASS:
        text = f"The message was signed by {who}{how}, and the signature is intact: "
        if found.is_partial:
            text += "but only the beginning was signed, and anybody may have added to it."
        else:
            text += "nobody has changed the text on the way."
        if found.unsigned_duplicates:
            named = ", ".join(found.unsigned_duplicates)
            text += f" But there are more fields of the name {named} than were signed: which one does a reader see?"
        elif found.is_weak and not found.is_partial:
            text += " But only a part of the message is signed by its length (l=): that is weak."
        tone = Tone.DOUBTFUL if found.is_weak else tone
    elif found.result is Result.FAIL:
        text = (
            f"The message bears a signature of {who}{how}, which does not fit it: {found.reason}. "
            "Somebody changed the message on the way, as mailing lists do, or it is forged."
        )
    elif found.result is Result.TEMPERROR:
        text = f"Whether the signature of {who}{how} is good cannot be told now: {found.reason}."
    else:
        text = f"The signature of {who}{how} does not count: {found.reason}."
    if found.is_testing and found.result is not Result.PASS:
        text += f" {who} says that it is only trying signatures out."
    return Told("dkim", found.result, tone, text, found.is_secure)


def explain_chain(found: ArcResult) -> Told:
    """The ARC chain: what others saw before us."""
    if found.result is Result.NONE:
        text = "No server on the way has sealed what it saw (ARC)."
        return Told("arc", "none", Tone.PLAIN, text)
    if found.result is not Result.PASS:
        text = f"The chain of what servers on the way saw is broken: {found.reason}. It counts for nothing."
        return Told("arc", found.result, Tone.DOUBTFUL, text)
    seen = []
    for one in found.sets:
        results = one.authentication_results.results if one.authentication_results is not None else ()
        words = ", ".join(f"{result.method}={result.result}" for result in results) or "nothing that can be read"
        seen.append(f"{one.domain} saw {words}")
    text = f"Servers on the way sealed what they saw, and the seals are intact: {'; '.join(seen)}."
    text += " It is worth as much as their word."
    return Told("arc", "pass", Tone.GOOD, text, found.is_secure)


_WISHES = {
    Policy.NONE: "asks for nothing in particular (p=none)",
    Policy.QUARANTINE: "asks for such mail to be treated as junk",
    Policy.REJECT: "asks for such mail to be refused",
}


def explain_policy(found: DmarcResult, whole: Authentication, hint: str = "") -> Told:
    """DMARC: does the domain in From stand behind the message?"""
    domain = found.author_domain
    if not domain:
        author = whole.author or Author()
        text = f"It is not clear who wrote the message: {found.reason or author.reason}."
        return Told("dmarc", found.result, _TONES[found.result], text)
    if found.result is Result.PASS:
        proofs = " and ".join({"spf": "SPF", "dkim": "a DKIM signature"}[one] for one in found.aligned)
        text = f"The message claims to be from {domain}, and {domain} stands behind it. The proof: {proofs}."
    elif found.result is Result.FAIL:
        looked = "no SPF or DKIM pass is of that domain" if whole.spf is not None else "no signature is of that domain"
        text = f"The message claims to be from {domain}, and nothing proves it: {looked}. "
        text += f"{found.domain} {_WISHES[found.disposition]}"
        text += ", for it is still testing its policy." if found.is_testing else "."
        if whole.explained_by:
            text += f" But {whole.explained_by}, whose word you take, saw proof before it changed the message."
        elif hint:
            text += (
                f" {hint} saw proof before it changed the message: if you take its word, name it in trusted_sealers."
            )
    elif found.result is Result.NONE:
        text = (
            f"{domain} has no DMARC policy: it does not say what proves that mail is from it. Anybody may claim to be."
        )
    elif found.result is Result.TEMPERROR:
        text = f"Whether {domain} stands behind the message cannot be told now: {found.reason}."
    else:
        text = f"The DMARC policy of {domain} cannot be used: {found.reason}."
    tone = Tone.DOUBTFUL if found.result is Result.FAIL and whole.explained_by else _TONES[found.result]
    return Told("dmarc", found.result, tone, text, found.is_secure)


def conclude(evidence: Evidence) -> Told:
    """All of it in one sentence."""
    tone, text = _conclude(evidence.found, evidence.is_temporary)
    return Told("", "", tone, text)


def _conclude(found: Authentication, is_temporary: bool) -> tuple[Tone, str]:
    author, policy = found.author or Author(), found.dmarc
    if not author.addresses:
        return Tone.BAD, f"This message has no author that could be believed: {author.reason}."
    who = " and ".join(map(str, author.addresses))
    domain = " and ".join(author.domains)
    if policy is not None and policy.result is Result.PASS:
        return Tone.GOOD, f"This message is from {domain}, as it says ({who})."
    if found.explained_by:
        return Tone.DOUBTFUL, f"This message was changed on its way; {found.explained_by} saw that it is from {domain}."
    if policy is not None and policy.result is Result.FAIL:
        if found.spf is None:
            return Tone.DOUBTFUL, f"This message says that it is from {who}. Nothing in it proves that."
        wish = f" {policy.domain} {_WISHES[policy.disposition]}." if policy.disposition is not Policy.NONE else ""
        tone = Tone.BAD if wish else Tone.DOUBTFUL
        return tone, f"This message says that it is from {who}, and nothing proves it.{wish}"
    if any(one.result is Result.PASS and one.domain in author.domains for one in found.dkim):
        return Tone.GOOD, f"This message is signed by {domain}, so that it is from there, as it says ({who})."
    if is_temporary:
        return Tone.DOUBTFUL, "DNS did not answer everything: try again later."
    return Tone.DOUBTFUL, f"This message says that it is from {who}. Nobody can tell."


def compare_stored(evidence: Evidence) -> Iterator[str]:
    """What our own server found when the message arrived, beside what is found now."""
    for stored in evidence.stored:
        now = summarize(evidence.found, stored.authserv_id, evidence.origin.ip).results
        for one in stored.results:
            same = [other for other in now if _is_same(one, other)]
            if not same:
                yield f"{_name(one)} was {one.result} then; it is not looked at now"
            elif same[0].result == one.result:
                yield f"{_name(one)} was {one.result} then, as it is now"
            else:
                yield f"{_name(one)} was {one.result} then and is {same[0].result} now: DNS or the message has changed"


def _name(one: MethodResult) -> str:
    domain, selector = one.find("header", "d"), one.find("header", "s")
    return one.method + (f" of {domain}" if domain else "") + (f" ({selector})" if selector else "")


def _is_same(one: MethodResult, other: MethodResult) -> bool:
    if one.method != other.method:
        return False
    keys: Sequence[tuple[str, str]] = (("header", "d"), ("header", "s")) if one.method == "dkim" else ()
    return all(one.find(*key) == other.find(*key) for key in keys)
