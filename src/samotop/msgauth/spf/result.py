"""What an evaluation found."""

from __future__ import annotations

from dataclasses import dataclass

from samotop.msgauth.results import Result


@dataclass(frozen=True, slots=True)
class SpfResult:
    """The result of ``check_host()`` for one peer and one identity (RFC 7208 §2.6).

    ``domain`` is whose record was asked for, in A-labels and lower case: the
    reverse-path's (``scope`` "mailfrom") or, where that is null, the hello
    name (``scope`` "helo"). Empty where there is none. ``sender`` is the
    address that was evaluated, ``postmaster@`` the hello name for a null
    reverse-path (§2.4).
    """

    result: Result
    domain: str
    scope: str
    sender: str
    mechanism: str = ""
    """The directive that matched, as written in the record where the evaluation began or was redirected to:
    ``"include:example.net"``, ``"-all"``; ``"default"`` where none did (§4.7); empty without a record."""
    explanation: str = ""
    """What the domain's owner has to say to a fail (``exp=``, §6.2): one line of printable ASCII by a stranger."""
    reason: str = ""
    """Why there is no result, or what is wrong: a sentence for none, temperror and permerror."""
    lookups: int = 0
    """Terms that asked DNS; never more than the limit (§4.6.4)."""
    void_lookups: int = 0
    """Terms to whose questions there were no records."""
    is_secure: bool = False
    """Every answer that the result rests on was signed and verified (DNSSEC)."""
