"""The public suffix list, for those who check a zone: RFC 9989 does not need it, and nothing here decides by it.

The tree walk has replaced the list. Two questions are left for which it still
helps, both of ``samotop dns check``: whether a record at a public suffix lacks
``psd=y``, so that everybody below would be one organization (RFC 9989 §11.8);
and what a receiver of the old sort, by RFC 7489 §3.2, takes for the
organization, where that differs from what the walk finds.

The list comes with the package ``publicsuffixlist``; it is loaded with the
first ``Suffixes``, which costs a tenth of a second and three megabytes.
"""

from __future__ import annotations

from samotop.dns.names import normalize_name


class Suffixes:
    """The list as it was when the package was made."""

    __slots__ = ("_list",)

    def __init__(self) -> None:
        from publicsuffixlist import PublicSuffixList

        self._list = PublicSuffixList(accept_unknown=True)

    def is_suffix(self, domain: str) -> bool:
        """Do others register names right below ``domain``? Raises ``ValueError`` for what is no name."""
        name = normalize_name(domain)
        return bool(name) and self._list.publicsuffix(name) == name

    def find_registered(self, domain: str) -> str:
        """The part of ``domain`` that its owner registered (RFC 7489 §3.2), in A-labels; empty for a suffix.

        Raises ``ValueError`` for what is no name.
        """
        return self._list.privatesuffix(normalize_name(domain)) or ""
