"""What a connection has reached, and whether that is enough for its plan.

The TLS library makes the handshake without verifying anything; here is decided
what the certificates that it was shown are worth. So one handshake serves every
policy, a policy that is only being tested can be reported on, and the same
words go to the queue, the bounce and the report.

Pure; raises nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from samotop.msgauth.results import Result
from samotop.status import EnhancedStatus
from samotop.tlspolicy.chain import ChainFault, Trust
from samotop.tlspolicy.dane import verify_chain
from samotop.tlspolicy.levels import Failure, Level, Source
from samotop.tlspolicy.mtasts import match_host
from samotop.tlspolicy.plan import NO_REQUIRETLS, NOT_OFFERED, NOT_PROVEN, TlsPlan
from samotop.tlspolicy.tlsa import take_public_key


@dataclass(frozen=True, slots=True)
class Session:
    """What happened up to the second EHLO.

    ``chain`` is what the server has shown, in DER, its own certificate first.
    ``fault`` is a word for a handshake that failed, empty where none was tried:
    STARTTLS was not offered, or was refused. ``offers_requiretls`` counts
    within TLS alone (RFC 8689 §4.2.1).
    """

    is_encrypted: bool
    chain: tuple[bytes, ...] = ()
    offers_requiretls: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """PASS: MAIL may follow. FAIL: it must not; ``status`` and ``reason`` say why.

    ``reached`` is what to remember (``firstuse``) after a PASS. ``failure`` is
    for reports; one may come with a PASS, where nothing demanded what failed.
    """

    result: Result
    reached: Level
    failure: Failure | None = None
    reason: str = ""
    status: EnhancedStatus | None = None


def make_permanent(status: EnhancedStatus) -> EnhancedStatus:
    """The status for the message that is returned when waiting did not help: 4.7.5 becomes 5.7.5."""
    return EnhancedStatus(5, status.subject, status.detail)


def judge_tls(plan: TlsPlan, session: Session, trust: Trust | None, now: float) -> Judgement:
    """Judge a connection. ``trust`` is ``None`` where no authority is known: then none is verified."""
    if plan.refusal is not None:
        refusal = plan.refusal
        return Judgement(Result.FAIL, Level.NONE, refusal.failure, refusal.reason, refusal.status)
    if not session.is_encrypted:
        return _judge_plain(plan, session)
    judged = _judge_chain(plan, session.chain, trust, now)
    if judged.result is Result.PASS and plan.needs_requiretls and not session.offers_requiretls:
        reason = "the sender requires TLS (REQUIRETLS), and the next server does not offer to pass that on"
        return replace(judged, result=Result.FAIL, reason=reason, status=NO_REQUIRETLS)
    return judged


def _judge_plain(plan: TlsPlan, session: Session) -> Judgement:
    if plan.level is Level.NONE:
        return Judgement(Result.PASS, Level.NONE)
    failure = Failure.VALIDATION if session.fault else Failure.STARTTLS
    happened = f"the TLS handshake failed ({session.fault})" if session.fault else "the host does not offer TLS"
    if plan.may_be_plain:
        return Judgement(Result.PASS, Level.NONE, failure, happened)
    # A server without STARTTLS cannot promise REQUIRETLS (RFC 8689 §2); a handshake may go well the next time.
    status = NOT_PROVEN if session.fault else NO_REQUIRETLS if plan.needs_requiretls else NOT_OFFERED
    return Judgement(Result.FAIL, Level.NONE, failure, f"{happened}; {plan.reason}", status)


def _judge_chain(plan: TlsPlan, chain: tuple[bytes, ...], trust: Trust | None, now: float) -> Judgement:
    """Within TLS: what the certificates prove, and what of it was asked for."""
    if plan.level is Level.PINNED:
        return _judge_pin(plan, chain)
    if plan.records:
        verdict = verify_chain(chain, plan.records, plan.names, now)
        if verdict.result is Result.PASS:
            return Judgement(Result.PASS, Level.DANE)
        reason = f"{verdict.reason}; {plan.reason}"
        return Judgement(Result.FAIL, Level.ENCRYPTED, verdict.failure, reason, NOT_PROVEN)
    fault = _verify(plan, chain, trust, now)
    reached = Level.ENCRYPTED if fault is not None else Level.VERIFIED
    if fault is not None and plan.level.rank >= Level.VERIFIED.rank:
        return Judgement(Result.FAIL, reached, fault.failure, f"{fault}; {plan.reason}", NOT_PROVEN)
    if plan.has_broken_records:
        return Judgement(Result.PASS, reached, Failure.TLSA, "none of the TLSA records can be used")
    if plan.observed is not None:
        return _observe(plan, reached, fault)
    return Judgement(Result.PASS, reached)


def _verify(plan: TlsPlan, chain: tuple[bytes, ...], trust: Trust | None, now: float) -> ChainFault | None:
    """Why no known authority vouches for the chain; ``None`` if one does."""
    if trust is None:
        return ChainFault(Failure.UNTRUSTED, "no authority is known here")
    try:
        trust.check(chain, plan.names, now)
    except ChainFault as fault:
        return fault
    except ValueError:
        return ChainFault(Failure.VALIDATION, "the certificate cannot be read")
    return None


def _judge_pin(plan: TlsPlan, chain: tuple[bytes, ...]) -> Judgement:
    try:
        digest = hashlib.sha256(take_public_key(chain[0] if chain else b"")).digest()
    except ValueError:
        reason = "the certificate cannot be read"
        return Judgement(Result.FAIL, Level.ENCRYPTED, Failure.VALIDATION, reason, NOT_PROVEN)
    if digest in plan.pins:
        return Judgement(Result.PASS, Level.PINNED)
    reason = f"the server has another key; {plan.reason}"
    return Judgement(Result.FAIL, Level.ENCRYPTED, Failure.UNTRUSTED, reason, NOT_PROVEN)


def _observe(plan: TlsPlan, reached: Level, fault: ChainFault | None) -> Judgement:
    """MTA-STS in mode testing: delivered in any case, and reported (RFC 8461 §5)."""
    if plan.policy is Source.STS and plan.sts is not None and not match_host(plan.sts, plan.host):
        return Judgement(Result.PASS, reached, Failure.VALIDATION, "the MTA-STS policy does not name this host")
    if fault is not None:
        return Judgement(Result.PASS, reached, fault.failure, str(fault))
    return Judgement(Result.PASS, reached)
