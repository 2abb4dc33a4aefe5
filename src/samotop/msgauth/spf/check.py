"""The walk through a domain's record and all that it leads to, within what an evaluation may spend.

``Evaluation`` is one ``check_host()`` of RFC 7208 §4; ``spf.evaluate`` wraps it
into a result. It awaits nothing but the resolver, one question after the
other. ``Stop`` is how a temperror or permerror deep in an include ends all of
it; nothing else is raised.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from samotop.dns import Answer, Mx, Resolver, Security, Status
from samotop.msgauth.addresses import PeerAddress, is_among
from samotop.msgauth.iprev import NameClaims
from samotop.msgauth.present import seconds_at
from samotop.msgauth.results import Result
from samotop.msgauth.spf.grammar import RECORD_LIMIT, Directive, Mechanism, Record, is_record, parse_record
from samotop.msgauth.spf.macros import (
    SpfSyntaxError,
    Template,
    expand_explanation,
    expand_target,
    is_name,
    parse_explanation,
    show,
)
from samotop.msgauth.spf.rules import SpfRules
from samotop.msgauth.spf.values import make_values


class Stop(Exception):
    """An error of some term ends the whole evaluation, however deep it is (RFC 7208 §2.6.6, §2.6.7)."""

    def __init__(self, result: Result, reason: str) -> None:
        super().__init__()
        self.result = result
        self.reason = reason


class Match(NamedTuple):
    """What a record said. ``domain`` is the one whose record it was, after redirections."""

    result: Result
    mechanism: str
    explanation: Template | None
    domain: str


class Evaluation:
    """The state of one ``check_host()`` with all that it includes: what has been spent, and what macros stand for."""

    __slots__ = (
        "_claims",
        "_hello",
        "_is_counting",
        "_is_term_void",
        "_local",
        "_lookup",
        "_now",
        "_origin",
        "_peer",
        "_place",
        "_receiver",
        "_resolver",
        "_rules",
        "_values",
        "is_secure",
        "lookups",
        "void_lookups",
    )

    def __init__(
        self,
        peer: PeerAddress,
        hello: str,
        local: str,
        origin: str,
        resolver: Resolver,
        rules: SpfRules,
        receiver: str,
        now: float | datetime | None,
    ) -> None:
        self._peer = peer
        self._hello = hello
        self._local = local
        self._origin = origin
        self._place = origin
        self._resolver = resolver
        self._lookup = resolver.lookup
        self._rules = rules
        self._receiver = receiver
        self._now = now
        self._claims: NameClaims | None = None
        self._values: dict[str, str] | None = None
        self._is_counting = True
        self._is_term_void = False
        self.is_secure = True
        self.lookups = 0
        self.void_lookups = 0

    # The record, term after term (RFC 7208 §4.4 to §4.7).

    async def check(self, domain: str) -> Match | None:
        """What the record at ``domain`` says; ``None`` if there is none. Raises ``Stop``."""
        kind, number = self._peer.type, self._peer.number
        record = await self._lookup_record(domain)
        while record is not None:
            for directive in record.directives:
                mechanism = directive.mechanism
                if mechanism is Mechanism.IP4:
                    is_match = kind == "A" and number & directive.mask4 == directive.network
                elif mechanism is Mechanism.IP6:
                    is_match = kind == "AAAA" and number & directive.mask6 == directive.network
                else:
                    is_match = mechanism is Mechanism.ALL or await self._matches(directive, domain)
                if is_match:
                    return Match(directive.result, directive.text, record.explanation, domain)
            if record.redirect is None:
                return Match(Result.NEUTRAL, "default", None, domain)
            self._count_term("redirect=")
            domain = await self._expand(record.redirect, domain)
            record = await self._lookup_record(domain) if "." in domain else None
            if record is None:
                raise Stop(Result.PERMERROR, "redirect= leads to no SPF record")
        return None

    async def _lookup_record(self, domain: str) -> Record | None:
        """Raises ``Stop``: DNS did not answer, there are several records, or the one cannot be read."""
        answer = self._judge(await self._lookup(domain, "TXT"), counts_void=False)
        records = [text for text in answer.records if isinstance(text, bytes) and is_record(text)]
        if not records:
            return None
        if len(records) > 1:
            raise Stop(Result.PERMERROR, f"there are {len(records)} SPF records for {self._show_place()}")
        try:
            return parse_record(records[0])
        except SpfSyntaxError as error:
            raise Stop(Result.PERMERROR, f"in the SPF record for {self._show_place()}: {error}") from None

    async def _matches(self, directive: Directive, domain: str) -> bool:
        """Of a mechanism that asks DNS (RFC 7208 §5)."""
        self._count_term(directive.text)
        mechanism, template = directive.mechanism, directive.target
        if template is None:
            target = domain
        elif template.target is not None:
            target = template.target
        elif template.uses_local_part and not self._local.isascii():
            return False
        else:
            target = expand_target(template, await self._values_for(template, domain))
        if mechanism is Mechanism.INCLUDE:
            return await self._includes(target)
        if not target:
            return False
        if mechanism is Mechanism.A:
            return self._has_peer(self._judge(await self._lookup(target, self._peer.type)), directive)
        if mechanism is Mechanism.MX:
            return await self._exchanges_by_peer(target, directive)
        if mechanism is Mechanism.PTR:
            return await self._is_named(target)
        return self._judge(await self._lookup(target, "A")).status is Status.OK

    async def _includes(self, target: str) -> bool:
        """RFC 7208 §5.2. A domain of one label is as good as none (§4.3)."""
        match = await self.check(target) if "." in target else None
        if match is None:
            raise Stop(Result.PERMERROR, "include: leads to no SPF record")
        return match.result is Result.PASS

    def _has_peer(self, answer: Answer, directive: Directive) -> bool:
        """Is one of these addresses in the same network as the peer? (RFC 7208 §5.3)"""
        mask = directive.mask4 if self._peer.type == "A" else directive.mask6
        return is_among(self._peer, answer.records, mask)

    async def _exchanges_by_peer(self, name: str, directive: Directive) -> bool:
        """RFC 7208 §5.4."""
        answer = self._judge(await self._lookup(name, "MX"))
        exchanges = sorted(record for record in answer.records if isinstance(record, Mx))
        if len(exchanges) > self._rules.hosts:
            raise Stop(Result.PERMERROR, f"mx stands for more than {self._rules.hosts} hosts")
        for exchange in exchanges:
            if not is_name(exchange.host):  # the null MX too
                continue
            if self._has_peer(self._judge(await self._lookup(exchange.host, self._peer.type)), directive):
                return True
        return False

    async def _is_named(self, domain: str) -> bool:
        """Does the peer have a name at or below ``domain`` that leads back to it? (RFC 7208 §5.5)"""
        domain = domain.lower()
        for name in await self._lookup_names():
            if _is_at_or_below(name, domain) and await self._confirm(name):
                return True
        return False

    # What is spent (RFC 7208 §4.6.4).

    def _count_term(self, text: str) -> None:
        if self.lookups >= self._rules.lookups:
            raise Stop(Result.PERMERROR, f"more than {self._rules.lookups} terms ask DNS")
        self.lookups += 1
        self._is_term_void = False
        self._place = text

    def _note_void(self) -> None:
        if self._is_term_void or not self._is_counting:
            return
        self._is_term_void = True
        self.void_lookups += 1
        if self.void_lookups > self._rules.void_lookups:
            raise Stop(Result.PERMERROR, f"more than {self._rules.void_lookups} terms ask for what is not there")

    def _show_place(self) -> str:
        """The term at work as it was written: what its macros stand for is nobody else's business."""
        return show(self._place)

    def _judge(self, answer: Answer, *, counts_void: bool = True) -> Answer:
        """The answer again, if there is one. Raises ``Stop``."""
        if answer.security is not Security.SECURE:
            self.is_secure = False
        if answer.status is not Status.OK:
            if answer.is_temporary:
                what = "a forged or broken answer (DNSSEC)" if answer.is_bogus else "no answer"
                raise Stop(Result.TEMPERROR, f"DNS gave {what} to the {answer.type} question for {self._show_place()}")
            if counts_void:
                self._note_void()
        return answer

    # The peer's names, for ``ptr`` and ``%{p}``: an error of DNS is no error of the record (RFC 7208 §5.5).

    async def _lookup_names(self) -> tuple[str, ...]:
        if self._claims is None:
            self._claims = NameClaims(self._peer, self._resolver, self._rules.names)
        names = await self._claims.lookup_names()
        self._note_security(self._claims)
        answer = self._claims.answer
        if answer is not None and answer.status in (Status.NODATA, Status.NXDOMAIN):
            self._note_void()
        return names

    async def _confirm(self, name: str) -> bool:
        assert self._claims is not None, "the name came from there"
        is_confirmed = await self._claims.confirm(name)
        self._note_security(self._claims)
        return bool(is_confirmed)

    def _note_security(self, claims: NameClaims) -> None:
        if self._is_counting and not claims.is_secure:
            self.is_secure = False

    async def _validated_name(self, domain: str) -> str:
        """``%{p}``: the domain itself, else a name below it, else any that leads back; "unknown" without (§7.3)."""
        domain = domain.lower()
        names = await self._lookup_names()
        ranked = sorted(names, key=lambda name: (name != domain, not _is_at_or_below(name, domain)))
        for name in ranked:
            if await self._confirm(name):
                return name
        return "unknown"

    # Macros and the explanation (RFC 7208 §6.2, §7).

    async def _expand(self, template: Template, domain: str) -> str:
        """The name that a domain-spec stands for; empty if it cannot be one."""
        if template.target is not None:
            return template.target
        if template.uses_local_part and not self._local.isascii():
            return ""
        return expand_target(template, await self._values_for(template, domain))

    async def _values_for(self, template: Template, domain: str) -> dict[str, str]:
        values = self._values
        if values is None:
            values = self._values = make_values(self._peer, self._hello, self._local, self._origin, self._receiver)
        values["d"] = domain
        if "p" in template.letters:
            values["p"] = await self._validated_name(domain)
        return values

    async def explain(self, specification: Template, domain: str) -> str:
        """What the owner says to a fail; empty for any trouble on the way to it (RFC 7208 §6.2). Counts for nothing."""
        self._is_counting = False
        name = await self._expand(specification, domain)
        if not name:
            return ""
        texts = (await self._lookup(name, "TXT")).texts
        if len(texts) != 1 or len(texts[0]) > RECORD_LIMIT:
            return ""
        try:
            template = parse_explanation(texts[0].decode("ascii"))
        except (SpfSyntaxError, UnicodeDecodeError):
            return ""
        values = await self._values_for(template, domain)
        if "t" in template.letters:
            values["t"] = str(int(seconds_at(self._now)))
        return expand_explanation(template, values)


def _is_at_or_below(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")
