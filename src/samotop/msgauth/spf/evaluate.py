"""``check_host()`` of RFC 7208: may this address send mail in the name of that domain?

    found = await spf.evaluate("192.0.2.1", "mail.example.org", "alice@example.org", resolver)
    found.result, found.mechanism        # Result.PASS, "mx"

Evaluates what the record says, and no more: it neither sees the message nor
decides about it, and it bounds the number of questions, not the time that
they take: a deadline is the caller's to set, and passing it is a temperror
(§4.6.4). Where the RFC leaves a choice:

* Names that cannot be asked for (an empty or overlong label) have no records:
  the mechanism does not match, and no question is asked (§4.8 leaves it open).
* The limit of void look-ups counts terms, as §4.6.4 says, not questions: an
  ``mx`` of five hosts without IPv6 is one. Names that the *peer's* owner
  published (what a PTR leads to) do not count, or anybody could turn a
  domain's fail into a permerror.
* A term with ``%{l}`` or ``%{s}`` matches nothing where the local part is not
  ASCII (RFC 8616 §4); U-labels are asked for as A-labels.
* ``mx`` and ``ptr`` stop at the first match.

Raises ``ValueError`` for what is no IP address, and nothing else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from samotop.dns import Resolver, normalize_name
from samotop.msgauth.addresses import parse_peer
from samotop.msgauth.results import Result
from samotop.msgauth.spf.check import Evaluation, Match, Stop
from samotop.msgauth.spf.result import SpfResult
from samotop.msgauth.spf.rules import SpfRules
from samotop.msgauth.spf.values import ADDRESS_LIMIT

DEFAULT_RULES: Final = SpfRules()


async def evaluate(
    ip: str,
    hello: str,
    reverse_path: str,
    resolver: Resolver,
    *,
    receiver: str = "unknown",
    now: float | datetime | None = None,
    rules: SpfRules = DEFAULT_RULES,
) -> SpfResult:
    """Evaluate the reverse-path's domain, or the hello name where the reverse-path is null (RFC 7208 §2.3, §2.4).

    ``reverse_path`` is ``local@domain``, empty if null, with or without angle brackets;
    pass an empty one to evaluate the hello name for itself. ``receiver`` is our
    name, for ``%{r}`` of explanations; ``now`` the time for ``%{t}``, the
    system's clock if ``None``. At most some hundred questions: 10 terms, of
    which each ``mx`` may have 10 hosts, and 10 names of the peer.

    Raises ``ValueError`` if ``ip`` is no IP address.
    """
    peer = parse_peer(ip)
    if reverse_path.startswith("<") and reverse_path.endswith(">"):
        reverse_path = reverse_path[1:-1]
    scope = "mailfrom" if reverse_path else "helo"
    local, _, written = reverse_path.rpartition("@") if reverse_path else ("", "", hello)
    local = local or "postmaster"
    sender = f"{local}@{written}"
    domain = _read_domain(written) if len(sender) <= ADDRESS_LIMIT else ""
    if not domain:
        what = "reverse-path has no" if reverse_path else "hello name is no fully qualified"
        return SpfResult(Result.NONE, "", scope, sender, reason=f"the {what} domain name")
    shown = written.removesuffix(".") if written.isascii() else domain
    evaluation = Evaluation(peer, hello, local, shown, resolver, rules, receiver, now)
    match: Match | None = None
    result, reason, explanation = Result.NONE, "", ""
    try:
        match = await evaluation.check(shown)
    except Stop as stop:
        result, reason = stop.result, stop.reason
    else:
        if match is None:
            reason = "the domain has no SPF record"
        else:
            result = match.result
            if result is Result.FAIL and match.explanation is not None and rules.explains:
                explanation = await evaluation.explain(match.explanation, match.domain)
    return SpfResult(
        result,
        domain,
        scope,
        sender,
        match.mechanism if match is not None else "",
        explanation,
        reason,
        evaluation.lookups,
        evaluation.void_lookups,
        evaluation.is_secure,
    )


def _read_domain(written: str) -> str:
    """The domain in A-labels and lower case; empty if malformed, a literal, or of one label only (RFC 7208 §4.3)."""
    try:
        domain = normalize_name(written)
    except ValueError:
        return ""
    return domain if "." in domain and " " not in domain and not domain.startswith("[") else ""
