"""Does a trusted sealer explain why a message fails DMARC (RFC 8617 §7.2.1, RFC 9989 on indirect mail flows)?

A mailing list changes what the author's domain has signed. Where the list, or
whoever else handled the message on its way, is one whose word the operator
takes (``[policy] trusted_sealers``), what it found before it changed anything
counts as if we had found it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from samotop.message.authres import AuthenticationResults, MethodResult
from samotop.msgauth.arc.trust import is_trusted, iterate_trusted
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.results import Result

_DOMAINS: Final = {
    "dkim": (("header", "d"), ("header", "i")),
    "spf": (("smtp", "mailfrom"),),
}
"""Which properties of a result tell the domain that it proves."""


def find_explanation(found: Authentication, trusted_sealers: Collection[str]) -> str:
    """The domain of the trusted sealer whose results show that the author's domain had sent this; else ``""``."""
    if found.arc is None or found.author is None or found.dmarc is None or found.dmarc.result is not Result.FAIL:
        return ""
    for one in iterate_trusted(found.arc, trusted_sealers):
        sealed = one.authentication_results
        if sealed is not None and sealed.version == 1:
            if _proves(sealed, found.author.domain, found.dmarc.organizational_domain):
                return one.domain
    return ""


def is_explanation_open(found: Authentication, trusted_sealers: Collection[str]) -> bool:
    """Did DNS keep back whether a chain that a trusted sealer ends is whole, so that it might explain a failure later?

    Anybody can put a chain into a message whose keys' names nobody answers for: who is not trusted gains nothing.
    """
    arc, dmarc = found.arc, found.dmarc
    if arc is None or not arc.is_temporary or not arc.sets or dmarc is None or dmarc.result is not Result.FAIL:
        return False
    return is_trusted(arc.sets[-1].domain, trusted_sealers)


def _proves(sealed: AuthenticationResults, author_domain: str, organizational_domain: str) -> bool:
    """Did the sealer see a DMARC pass of the author's domain, or the aligned pass that makes one?"""
    if not author_domain:  # none, or several: which of them would be proven?
        return False
    for one in sealed.results:
        if one.result != Result.PASS:
            continue
        if one.method == "dmarc":
            if _domain_of(one, "header", "from") == author_domain:
                return True
        elif any(
            _is_within(_domain_of(one, *place), organizational_domain or author_domain)
            for place in _DOMAINS.get(one.method, ())
        ):
            return True
    return False


def _domain_of(result: MethodResult, type: str, name: str) -> str:
    return (result.find(type, name) or "").rpartition("@")[2].rstrip(".").lower()


def _is_within(domain: str, organizational_domain: str) -> bool:
    return domain == organizational_domain or domain.endswith(f".{organizational_domain}")
