"""Whose results in a chain may be taken for our own (RFC 8617 §7.2).

A chain that passes proves who said what, not that it is true: anybody may seal
anything. So each sealer from the newest on back must be one whose word the
operator takes; behind one that is not, the message may have been anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from samotop.dns.names import normalize_name
from samotop.message.authres import AuthenticationResults
from samotop.msgauth.arc.result import ArcResult, ArcSet
from samotop.msgauth.results import Result


def find_trusted(result: ArcResult, trusted_domains: Collection[str]) -> AuthenticationResults | None:
    """What the newest sealer found, if the chain passes and its ``d=`` is one of ``trusted_domains``; else ``None``.

    Domains are compared as a whole: trusting ``example.org`` trusts nothing below it.
    Results of another version than 1 are not understood (RFC 8601 §2.2), and so ``None``.
    """
    for one in iterate_trusted(result, trusted_domains):
        found = one.authentication_results
        return found if found is not None and found.version == 1 else None
    return None


def iterate_trusted(result: ArcResult, trusted_domains: Collection[str]) -> Iterator[ArcSet]:
    """The sets of a chain that passes, from the newest back, up to the first whose sealer is not trusted."""
    if result.result is not Result.PASS:
        return
    trusted = frozenset(_iterate_names(trusted_domains))
    for one in reversed(result.sets):
        if one.domain not in trusted:
            return
        yield one


def is_trusted(domain: str, trusted_domains: Collection[str]) -> bool:
    """Is this sealer, ``d=`` as in ``ArcSet``, one whose word is taken?"""
    return domain in frozenset(_iterate_names(trusted_domains))


def _iterate_names(domains: Collection[str]) -> Iterator[str]:
    for domain in domains:
        try:
            yield normalize_name(domain)
        except ValueError:
            continue  # nobody can be called that
