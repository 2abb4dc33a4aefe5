"""Judge one signature, once header, body hash and keys are there (RFC 6376 §6.1.3). Pure; raises nothing."""

from __future__ import annotations

from typing import Final

from samotop.msgauth.dkim.parse import Signature, SignatureError
from samotop.msgauth.dkim.result import DkimResult, DkimRules
from samotop.msgauth.results import Result
from samotop.msgauth.signature.algorithms import verify_digest
from samotop.msgauth.signature.body import BodyDigest
from samotop.msgauth.signature.fields import SignedHeader, remove_signature
from samotop.msgauth.signature.keys import KeySearch, UsableKey

SINGLE_FIELDS: Final = frozenset(
    b"from sender reply-to to cc bcc message-id in-reply-to references subject date mime-version content-type"
    b" content-transfer-encoding content-disposition content-id content-description".split()
)
"""Fields that a message has at most once (RFC 5322 §3.6, RFC 2045 §3): which of two is shown is anybody's guess."""


def describe_error(error: SignatureError) -> DkimResult:
    """The result of a signature that could not be read."""
    return DkimResult(error.result, error.domain, error.selector, error.reason)


def describe_signature(
    signature: Signature,
    result: Result,
    reason: str,
    *,
    duplicates: tuple[str, ...] = (),
    is_partial: bool = False,
    key: UsableKey | None = None,
    search: KeySearch | None = None,
) -> DkimResult:
    """The result of a signature that could be read."""
    if key is not None:
        bits, is_testing = key.key.bits, key.is_testing
    else:
        bits, is_testing = (search.key_bits, search.is_testing) if search is not None else (0, False)
    return DkimResult(
        result=result,
        domain=signature.domain,
        selector=signature.selector,
        reason=reason,
        identity=signature.identity,
        algorithm=signature.algorithm.name,
        canonicalization=f"{signature.header_form}/{signature.body_form}",
        signed_fields=tuple(b":".join(signature.names).decode("ascii").split(":")),
        unsigned_duplicates=duplicates,
        is_partial=is_partial,
        is_weak=signature.length is not None or bool(duplicates),
        key_bits=bits,
        is_testing=is_testing,
        is_secure=search is not None and search.is_secure,
        signature_start=signature.start,
        key_digest=key.digest if key is not None else "",
    )


def evaluate_signature(
    signature: Signature,
    header: SignedHeader,
    place: int,
    body: BodyDigest,
    search: KeySearch,
    rules: DkimRules,
    now: float,
) -> DkimResult:
    """The result of a signature whose field is at ``place``; ``body`` is the hash it asked for, ``search`` its keys."""
    duplicates = _find_duplicates(signature, header)
    result, reason, key = _verify(signature, header, place, body, search)
    if result is Result.PASS:
        refusal = _refuse(signature, duplicates, body, rules, now)
        if refusal:
            result, reason = Result.POLICY, refusal
        else:
            reason = _describe_pass(signature, duplicates, body)
    return describe_signature(
        signature, result, reason, duplicates=duplicates, is_partial=body.is_partial, key=key, search=search
    )


def _verify(
    signature: Signature, header: SignedHeader, place: int, body: BodyDigest, search: KeySearch
) -> tuple[Result, str, UsableKey | None]:
    """Whether the signature is one of the keys' over header and body, and whose."""
    # First what needs no key: nothing that DNS says later can mend it.
    if body.is_short:
        return Result.FAIL, "the body is shorter than what was signed", None
    if body.digest != signature.body_hash:
        return Result.FAIL, "the body is not what was signed", None
    if not search.keys:
        return search.result, search.reason, None
    usable = [key for key in search.keys if not (key.is_strict and signature.identity_domain != signature.domain)]
    if not usable:
        return Result.PERMERROR, "the key is for no identity below its domain", None
    emptied = remove_signature(header.fields[place], signature.place)
    digest = header.digest(header.select(signature.names, without=place), signature.header_form, emptied)
    for key in usable:
        if verify_digest(key.key, signature.signature, digest):
            return Result.PASS, "", key
    return Result.FAIL, "the header is not what was signed, or not with this key", None


def _find_duplicates(signature: Signature, header: SignedHeader) -> tuple[str, ...]:
    """The single fields of which some are signed and some are not (RFC 6376 §8.15)."""
    return tuple(
        name.decode("ascii")
        for name in dict.fromkeys(signature.names)
        if name in SINGLE_FIELDS and len(header.places(name)) > signature.names.count(name)
    )


def _refuse(signature: Signature, duplicates: tuple[str, ...], body: BodyDigest, rules: DkimRules, now: float) -> str:
    """Why a signature that verifies is not accepted, or ``""``."""
    if "from" in duplicates:
        return "it verifies, but there are more From fields than were signed"
    if signature.expires is not None and now > signature.expires + rules.expiry_slack:
        return "it verifies, but has expired"
    if signature.timestamp is not None and signature.timestamp > now + rules.future_slack:
        return "it verifies, but was made in the future"
    if body.is_partial and not rules.accepts_unsigned_rest:
        return "it verifies, but the body goes on after what was signed"
    return ""


def _describe_pass(signature: Signature, duplicates: tuple[str, ...], body: BodyDigest) -> str:
    weak: list[str] = []
    if body.is_partial:
        weak.append(f"the body goes on after the {body.limit} octets that were signed")
    elif signature.length is not None:
        weak.append("anything may have been appended to the body (l=)")
    if duplicates:
        weak.append(f"another {', '.join(duplicates)} was added")
    return f"it verifies, but is weak: {'; '.join(weak)}" if weak else "it verifies"
