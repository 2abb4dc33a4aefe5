"""Chains as servers on the way make them: which pass, which do not, and what is told of them (RFC 8617 §5.2)."""

from __future__ import annotations

import re

import pytest

from samotop.content import Content
from samotop.msgauth import arc
from samotop.msgauth.arc import ArcResult, ArcRules, ArcSet, Verifier
from samotop.msgauth.authres import MethodResult, Property
from samotop.msgauth.results import Result
from samotop.msgauth.signature import BodyHashes, Canonicalization, SignedHeader
from samotop.testing import ZoneResolver
from tests.fakes.sealing import LIST, MESSAGE, RELAY, SECOND, Sealer, publish, seal, sign_field, take_fields

NOW = 1_790_000_000.0
ONE = seal(MESSAGE, LIST)
TWO = seal(ONE, RELAY, results=b"relay.example.net; arc=pass; dmarc=fail header.from=a.example")
THREE = seal(TWO, SECOND, results=b"second.example; arc=pass")


async def verify(message: bytes, resolver: ZoneResolver | None = None, rules: ArcRules = ArcRules()) -> ArcResult:
    return await arc.verify(message, resolver or publish(), now=NOW, rules=rules)


async def test_a_message_without_sets_has_no_result() -> None:
    """And costs no question."""
    resolver = publish()
    result = await verify(MESSAGE, resolver)
    assert (result.result, result.sets, result.oldest_pass) == (Result.NONE, (), None)
    assert not resolver.questions


@pytest.mark.parametrize(("message", "count"), [(ONE, 1), (TWO, 2), (THREE, 3)])
async def test_a_whole_chain_passes(message: bytes, count: int) -> None:
    """RSA and Ed25519 side by side."""
    result = await verify(message)
    assert result.result == "pass"
    assert [one.instance for one in result.sets] == list(range(1, count + 1))
    assert result.oldest_pass == 0
    assert not result.is_secure


async def test_sets_tell_who_sealed_and_what_was_found() -> None:
    result = await verify(TWO)
    first, second = result.sets
    assert isinstance(first, ArcSet)
    assert (first.domain, first.selector, first.cv) == ("lists.example.org", "s", "none")
    assert (second.domain, second.selector, second.cv) == ("relay.example.net", "e", "pass")
    assert first.authentication_results is not None
    assert first.authentication_results.authserv_id == "lists.example.org"
    assert first.authentication_results.results[1] == MethodResult(
        "dmarc", "pass", properties=(Property("header", "from", "a.example"),)
    )


async def test_results_that_cannot_be_read_do_not_break_the_chain() -> None:
    """RFC 8617 §5.2 asks for the field, not for what it says."""
    result = await verify(seal(MESSAGE, LIST, results=b"not; really"))
    assert result.result is Result.PASS
    assert result.sets[0].authentication_results is None


async def test_simple_forms_verify_too() -> None:
    """A message signature has all of DKIM's forms; a seal has one (RFC 8617 §4.1.2, §4.1.3)."""
    result = await verify(seal(MESSAGE, LIST, form=Canonicalization.SIMPLE))
    assert result.result is Result.PASS


async def test_folding_and_capitals_may_change_on_the_way() -> None:
    """Relaxed forms do not see it."""
    changed = ONE.replace(b"ARC-Seal: i=1; a=", b"aRC-seAL:\r\n\t i=1;\r\n  a=").replace(b"Subject:  L", b"SUBJECT: L")
    assert changed != ONE
    assert (await verify(changed)).result is Result.PASS


async def test_a_list_that_changes_the_message_is_told() -> None:
    """RFC 8617 §5.2, step 5: that is what the chain is for; the first signature that does not fit ends the search."""
    changed = ONE.replace(b"see you.", b"see you.\r\n-- \r\nthe list's footer")
    result = await verify(seal(seal(changed, RELAY), SECOND))
    assert (result.result, result.oldest_pass) == (Result.PASS, 2)
    assert "before set 2" in result.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((b"see you", b"see me"), "message signature is not over this body"),
        ((b"Subject:  Lunch", b"Subject: Dinner"), "message signature does not verify"),
        ((b"dmarc=pass", b"dmarc=fail"), "seal of set 1 does not verify"),
        ((b"From: Alice", b"From: eve@b.example\r\nFrom: Alice"), "does not cover all From fields"),
        ((b"t=1790000000; cv=none", b"t=1790000001; cv=none"), "seal of set 1 does not verify"),
        ((b"d=lists.example.org", b"d=second.example"), "has no key: there is no key at this selector"),
    ],
)
async def test_what_was_changed_after_sealing_fails(change: tuple[bytes, bytes], reason: str) -> None:
    changed = ONE.replace(*change)
    assert changed != ONE
    result = await verify(changed)
    assert result.result == "fail"
    assert reason in result.reason
    assert result.oldest_pass is None


async def test_an_older_seal_counts_as_well() -> None:
    """RFC 8617 §5.2, step 6: all of them, though the newest would do to find a change of the message."""
    (newest, middle, oldest), rest = take_fields(THREE, b"arc-seal")
    other = re.sub(rb"b=[^;]*$", b"b=QUFBQQ==\r\n", oldest)
    result = await verify(newest + middle + other + rest)
    assert result.result is Result.FAIL


async def test_a_body_is_signed_as_a_whole_or_not() -> None:
    """``l=`` would let anybody write below what a trusted list has sent (RFC 6376 §8.2)."""
    body = b"Hello all,\r\n"
    message = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    limited = seal(message, LIST, signature_tags=b"; l=%d" % len(body))
    assert (await verify(limited)).result is Result.PASS
    result = await verify(limited + b"buy this\r\n")
    assert result.result is Result.FAIL
    assert "does not cover all of the body" in result.reason


async def test_an_expired_signature_fails() -> None:
    sealed = seal(MESSAGE, LIST, signature_tags=b"; x=1790000000")
    assert (await arc.verify(sealed, publish(), now=NOW)).result is Result.PASS
    result = await arc.verify(sealed, publish(), now=NOW + 1000)
    assert result.result is Result.FAIL
    assert "expired" in result.reason


@pytest.mark.parametrize("failure", ["TIMEOUT", "SERVFAIL"])
async def test_a_key_that_dns_does_not_give_is_a_failure_for_now(failure: str) -> None:
    """RFC 8617 §5.2.1 knows no temporary error; who would like to wait can tell it from a forgery."""
    result = await verify(ONE, ZoneResolver({LIST.name: failure}))
    assert (result.result, result.is_temporary) == (Result.FAIL, True)
    assert (await verify(ONE, ZoneResolver({}))).is_temporary is False


async def test_unanswered_questions_fail_too() -> None:
    """A caller whose patience ended gives what it has."""
    verifier = Verifier()
    verifier.feed(ONE)
    verifier.end()
    result = verifier.finish({}, NOW)
    assert (result.result, result.is_temporary) == (Result.FAIL, True)


async def test_an_old_key_that_is_gone_only_ends_the_search_for_changes() -> None:
    """The older message signature is optional; its seal is not, so that it has another key here."""
    own = Sealer("lists.example.org", "seals")
    _, signed = take_fields(ONE, b"arc-seal")
    (sealed,), _ = take_fields(_reseal(ONE, own), b"arc-seal")
    result = await verify(seal(sealed + signed, RELAY), publish(own, RELAY))
    assert (result.result, result.oldest_pass) == (Result.PASS, 2)


def _reseal(message: bytes, sealer: Sealer) -> bytes:
    """``message``, of one set, with that set's seal made by another key."""
    (results,), _ = take_fields(message, b"arc-authentication-results")
    (signature,), _ = take_fields(message, b"arc-message-signature")
    _, rest = take_fields(message, b"arc-seal")
    head = f"ARC-Seal: i=1; a=rsa-sha256; d={sealer.domain}; s={sealer.selector}; cv=none; b=".encode()
    return sign_field([results, signature], head, sealer) + rest


async def test_dnssec_is_told_only_if_every_key_has_it() -> None:
    """A chain is as strong as its weakest key."""
    assert (await verify(TWO, publish(secure=True))).is_secure
    assert not (await verify(TWO, publish(secure=["example.org"]))).is_secure
    assert not (await verify(TWO.replace(b"see you", b"see me"), publish(secure=True))).is_secure


async def test_each_key_is_asked_for_once() -> None:
    resolver = publish()
    message = MESSAGE
    for _ in range(10):
        message = seal(message, LIST)
    assert (await verify(message, resolver)).result is Result.PASS
    assert resolver.questions == {(LIST.name, "TXT"): 1}


async def test_contents_and_chunks_come_to_the_same() -> None:
    """Cut anywhere."""
    expected = await verify(TWO)
    assert await arc.verify(Content.from_bytes(TWO), publish(), now=NOW) == expected
    pieces = tuple(TWO[at : at + 1] for at in range(len(TWO)))
    assert await arc.verify(Content.from_chunks(pieces), publish(), now=NOW) == expected


async def test_one_hash_of_the_body_serves_several() -> None:
    """The caller takes the header off, and feeds the body once."""
    bodies = BodyHashes()
    verifier = Verifier(bodies=bodies)
    section, _, body = TWO.partition(b"\r\n\r\n")
    verifier.begin(SignedHeader(section + b"\r\n"))
    assert verifier.is_begun
    bodies.feed(body)
    bodies.finish()
    answers = {name: await publish().lookup(name, "TXT") for name in verifier.queries}
    assert verifier.finish(answers, NOW).result is Result.PASS


async def test_questions_are_known_before_the_body() -> None:
    verifier = Verifier()
    section, blank, _ = TWO.partition(b"\r\n\r\n")
    verifier.feed(section)
    assert verifier.queries == ()
    verifier.feed(blank)
    assert set(verifier.queries) == {LIST.name, RELAY.name}


async def test_a_message_that_is_all_header_is_no_exception() -> None:
    assert (await verify(ONE.partition(b"\r\n\r\n")[0])).result is Result.FAIL
    assert (await verify(b"")).result is Result.NONE


def test_weak_keys_cannot_be_allowed() -> None:
    """RFC 8301 §3.2."""
    with pytest.raises(ValueError, match="1024"):
        ArcRules(least_rsa_bits=512)


async def test_a_key_too_short_for_the_rules_fails() -> None:
    result = await verify(ONE, rules=ArcRules(least_rsa_bits=2048))
    assert result.result is Result.FAIL
    assert "too short" in result.reason
