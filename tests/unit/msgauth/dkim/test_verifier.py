"""Verification: what passes, what does not, and what each is called (RFC 6376 §6, RFC 8301, RFC 8601 §2.7.1)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samotop.content import HEADER_LIMIT, Content
from samotop.dns import Answer, Status
from samotop.msgauth import dkim
from samotop.msgauth.dkim import DkimResult, DkimRules, Signer, Verifier
from samotop.msgauth.signature import BodyHashes, HeaderTaker, SignedHeader
from samotop.testing import ZoneResolver
from tests.fakes.signing import EDWARDS, KEYS, MESSAGE, NOW, RSA, TAGS, publish, quote, sign_raw

RESOLVER = publish()
SIGNER = Signer("example.org", KEYS)
SIGNED = dkim.sign(MESSAGE, SIGNER, now=NOW) + MESSAGE
RSA_TAGS = TAGS.replace("ed25519-sha256", "rsa-sha256").replace("s=e", "s=r")
ANSWERS = {
    f"{key.selector}._domainkey.example.org": Answer(
        f"{key.selector}._domainkey.example.org", "TXT", Status.OK, (dkim.format_key_record(key.private).encode(),)
    )
    for key in KEYS
}


async def verify(message: bytes, resolver: ZoneResolver = RESOLVER, **rules: object) -> list[DkimResult]:
    return await dkim.verify(message, resolver, now=NOW, rules=DkimRules(**rules))  # type: ignore[arg-type]  # the table of a case


async def verify_one(message: bytes, resolver: ZoneResolver = RESOLVER, **rules: object) -> DkimResult:
    (result,) = await verify(message, resolver, **rules)
    return result


def run(message: bytes, step: int) -> list[DkimResult]:
    verifier = Verifier()
    for at in range(0, len(message), step):
        verifier.feed(message[at : at + step])
    return verifier.finish(ANSWERS, NOW)


async def test_no_signature_is_no_result() -> None:
    assert await verify(MESSAGE) == []
    assert await verify(b"") == []


async def test_what_we_sign_verifies() -> None:
    results = await verify(SIGNED)
    assert [(one.result, one.algorithm) for one in results] == [("pass", "rsa-sha256"), ("pass", "ed25519-sha256")]
    assert not any(one.is_weak or one.is_partial or one.unsigned_duplicates for one in results)


async def test_content_and_times_come_in_any_form() -> None:
    at = datetime.fromtimestamp(NOW, UTC)
    content = Content.from_chunks((SIGNED[:100], SIGNED[100:101], b"", SIGNED[101:]))
    assert [one.result for one in await dkim.verify(content, RESOLVER, now=at)] == ["pass", "pass"]
    assert [one.result for one in await dkim.verify(SIGNED, RESOLVER)] == ["pass", "pass"]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 10_000])
def test_where_the_message_is_cut_changes_nothing(step: int) -> None:
    assert [one.result for one in run(SIGNED, step)] == ["pass", "pass"]


def test_the_questions_are_known_before_the_body_comes() -> None:
    """So that DNS answers while the content is still on its way."""
    verifier = Verifier()
    end = SIGNED.index(b"\r\n\r\n") + 4
    verifier.feed(SIGNED[: end - 1])
    assert not verifier.is_begun and verifier.queries == ()
    verifier.feed(SIGNED[end - 1 : end])
    assert verifier.is_begun
    assert verifier.queries == ("r._domainkey.example.org", "e._domainkey.example.org")
    verifier.feed(SIGNED[end:])
    verifier.end()
    assert [one.result for one in verifier.finish(ANSWERS, NOW)] == ["pass", "pass"]


def test_a_body_can_be_hashed_for_several() -> None:
    """ARC looks at the same body, which then is canonicalised once for both."""
    bodies, taker = BodyHashes(), HeaderTaker()
    first, second = Verifier(bodies=bodies), Verifier(bodies=bodies)
    rest = taker.feed(SIGNED)
    assert taker.section is not None
    header = SignedHeader(taker.section)
    first.begin(header)
    second.begin(header)
    bodies.feed(rest)
    bodies.finish()
    assert first.finish(ANSWERS, NOW) == second.finish(ANSWERS, NOW) == run(SIGNED, 1000)


SIGNED_PLACES = [
    place for place in range(SIGNED.index(b"From: Alice"), len(SIGNED.rstrip())) if SIGNED[place] not in b" \t\r\n"
]


@settings(max_examples=300)
@given(place=st.sampled_from(SIGNED_PLACES), bit=st.sampled_from([1, 2, 4, 8, 16, 64, 128]))
def test_one_changed_bit_breaks_every_signature(place: int, bit: int) -> None:
    """Letters of a field's name may change their case, and nothing else."""
    changed = bytearray(SIGNED)
    changed[place] ^= bit
    if bytes(changed).lower() == SIGNED.lower() and place < SIGNED.index(b"\r\n\r\n"):
        name = SIGNED.rindex(b"\r\n", 0, place) + 2
        if b":" not in SIGNED[name:place]:
            return
    assert all(one.result not in ("pass", "temperror") for one in run(bytes(changed), 10_000))


@given(tag=st.sampled_from([b"v", b"a", b"c", b"d", b"s", b"t", b"h", b"bh"]), data=st.data())
def test_one_changed_octet_of_the_signature_field_breaks_it(tag: bytes, data: st.DataObject) -> None:
    """All its tags but b= are signed too."""
    field = dkim.sign(MESSAGE, Signer("example.org", KEYS[1:]), now=NOW)
    begin = field.index(b" %s=" % tag) + len(tag) + 2
    places = [place for place in range(begin, field.index(b";", begin)) if field[place] not in b" \t\r\n"]
    place = data.draw(st.sampled_from(places))
    octet = data.draw(st.sampled_from([octet for octet in b"abcxyz019:.-+/=" if octet != field[place]]))
    changed = field[:place] + bytes((octet,)) + field[place + 1 :]
    (result,) = run(changed + MESSAGE, 10_000)
    assert result.result != "pass"


@pytest.mark.parametrize("octets", [b"x", b"\r\nmore\r\n", b"\r\n.\r\n"])
async def test_an_appended_line_breaks_it(octets: bytes) -> None:
    for result in await verify(SIGNED + octets):
        assert result.result == "fail"
        assert "body" in result.reason


async def test_what_relaxed_forms_allow_does_not_break_it() -> None:
    """Folding, white space, names' case, empty lines at the end: what mail servers change."""
    changed = SIGNED.replace(b"Subject: Lunch\r\n\tat  twelve", b"SUBJECT:Lunch   at\r\n twelve  ")
    changed = changed.replace(b"Are you \t coming? \r\n", b"Are you coming?\t\r\n") + b"\r\n \r\n"
    assert changed != SIGNED
    assert [one.result for one in await verify(changed)] == ["pass", "pass"]


@pytest.mark.parametrize("forms", ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed", "relaxed"])
async def test_all_canonical_forms_verify(forms: str) -> None:
    for message in (
        MESSAGE,
        b"From: a@example.org\r\n\r\n",
        b"From: a@example.org\r\n\r\n\r\n",
        b"From: x\r\n\r\nno end",
    ):
        signed = sign_raw(message, TAGS.replace("relaxed/relaxed", forms))
        result = await verify_one(signed)
        assert result.result == "pass", (forms, message)
        assert result.canonicalization == (forms if "/" in forms else f"{forms}/simple")


async def test_a_message_without_a_blank_line_is_all_header() -> None:
    assert (await verify_one(sign_raw(b"From: a@example.org\r\n\r\n")[:-2])).result == "pass"


# ---------------------------------------------------------------- added fields


async def test_a_second_from_is_never_accepted() -> None:
    """RFC 6376 §8.15: the signature is right, and the reader sees another author."""
    signed = sign_raw()
    assert (await verify_one(signed)).result == "pass"
    result = await verify_one(b"From: Mallory <m@example.com>\r\n" + signed)
    assert result.result == "policy"
    assert result.unsigned_duplicates == ("from",)
    assert "From" in result.reason


async def test_two_from_fields_that_are_both_signed_are_the_signers_matter() -> None:
    message = b"From: x@example.org\r\n" + MESSAGE
    assert (await verify_one(sign_raw(message, TAGS.replace("h=from:", "h=from:from:")))).result == "pass"


@pytest.mark.parametrize("name", [b"Subject", b"To", b"Date"])
async def test_another_single_field_makes_it_weak(name: bytes) -> None:
    result = await verify_one(name + b": added\r\n" + sign_raw())
    assert result.result == "pass"
    assert result.is_weak
    assert result.unsigned_duplicates == (name.decode().lower(),)
    assert "weak" in result.reason


async def test_fields_that_may_repeat_do_not_make_it_weak() -> None:
    signed = b"Received: new\r\n" + sign_raw(b"Received: old\r\n" + MESSAGE, TAGS.replace("h=from", "h=received:from"))
    result = await verify_one(signed)
    assert result.result == "pass" and not result.is_weak


@pytest.mark.parametrize("name", [b"From", b"Subject", b"Cc", b"Reply-To", b"Content-Type"])
async def test_oversigned_fields_cannot_be_added_at_all(name: bytes) -> None:
    for result in await verify(name + b": added\r\n" + SIGNED):
        assert result.result == "fail"


async def test_line_ends_of_files_are_not_repaired() -> None:
    """What was signed had CRLF (RFC 6376 §5.3). To guess would call a message intact that others read differently."""
    assert (await verify_one(sign_raw())).result == "pass"
    assert (await verify_one(sign_raw().replace(b"\r\n", b"\n"))).result == "permerror"


async def test_a_field_added_by_way_of_a_bare_line_end_is_not_overlooked() -> None:
    """Whoever takes LF for a line end sees a second From in this, whoever does not sees one: neither reading passes."""
    for ends in (b"\n", b"\r"):
        result = await verify_one(b"X: y" + ends + b"From: m@example.com\r\n" + sign_raw())
        assert result.result == "permerror"


async def test_no_from_at_all_is_no_message() -> None:
    message = MESSAGE.partition(b"\r\n")[2]
    result = await verify_one(sign_raw(message))
    assert result.result == "permerror"


# ---------------------------------------------------------------- l=, t=, x=


async def test_a_length_that_covers_everything_is_weak_already() -> None:
    """Anything could be appended, and would be shown."""
    size = len(b"Are you coming?\r\n\r\nAlice\r\n")
    result = await verify_one(sign_raw(MESSAGE, f"{TAGS}; l={size}"))
    assert (result.result, result.is_weak, result.is_partial) == ("pass", True, False)
    assert "l=" in result.reason


@pytest.mark.parametrize("size", [0, 1, 10])
async def test_octets_beyond_the_length_are_reported(size: int) -> None:
    signed = sign_raw(MESSAGE, f"{TAGS}; l={size}") + b"appended\r\n"
    result = await verify_one(signed)
    assert (result.result, result.is_weak, result.is_partial) == ("pass", True, True)
    assert f"{size} octets" in result.reason
    strict = await verify_one(signed, accepts_unsigned_rest=False)
    assert (strict.result, strict.is_partial) == ("policy", True)


async def test_a_body_shorter_than_its_length_fails() -> None:
    result = await verify_one(sign_raw(MESSAGE, f"{TAGS}; l=1000"))
    assert result.result == "fail"
    assert "shorter" in result.reason


@pytest.mark.parametrize(
    ("late", "expected"), [(-10, "pass"), (0, "pass"), (299, "pass"), (301, "policy"), (1e9, "policy")]
)
async def test_an_expired_signature_does_not_pass(late: float, expected: str) -> None:
    """RFC 6376 §3.5, x=: a few minutes are left for clocks."""
    signed = sign_raw(MESSAGE, f"{TAGS}; x={NOW}")
    (result,) = await dkim.verify(signed, RESOLVER, now=NOW + late)
    assert result.result == expected
    assert ("expired" in result.reason) == (expected == "policy")


@pytest.mark.parametrize(("early", "expected"), [(0, "pass"), (3599, "pass"), (3601, "policy")])
async def test_a_signature_of_tomorrow_does_not_pass(early: int, expected: str) -> None:
    (result,) = await dkim.verify(sign_raw(MESSAGE, f"{TAGS}; t={NOW + early}"), RESOLVER, now=NOW)
    assert result.result == expected
    assert ("future" in result.reason) == (expected == "policy")


async def test_an_expired_forgery_is_a_forgery() -> None:
    signed = sign_raw(MESSAGE, f"{TAGS}; x={NOW - 5000}").replace(b"Lunch", b"Money")
    assert (await verify_one(signed)).result == "fail"


# ---------------------------------------------------------------- keys


async def test_rsa_sha1_is_known_and_not_accepted() -> None:
    """RFC 8301 §3.1: signatures with it must not be verified; nor is DNS bothered."""
    resolver = publish()
    result = await verify_one(sign_raw(MESSAGE, RSA_TAGS.replace("sha256", "sha1"), RSA), resolver)
    assert result.result == "policy"
    assert "rsa-sha1" in result.reason
    assert not resolver.questions


async def test_a_longer_key_can_be_demanded() -> None:
    result = await verify_one(sign_raw(MESSAGE, RSA_TAGS, RSA), least_rsa_bits=2048)
    assert (result.result, result.key_bits) == ("policy", 1024)
    with pytest.raises(ValueError, match="1024"):
        DkimRules(least_rsa_bits=512)


async def test_another_key_does_not_verify() -> None:
    other = publish(e="k=ed25519; p=yi50DjK5O9pqbFpNHklsv9lqaS0ArSYu02qp1S0DW1Y=")
    result = await verify_one(sign_raw(), other)
    assert result.result == "fail"
    assert "header" in result.reason


@pytest.mark.parametrize("failure", ["TIMEOUT", "SERVFAIL"])
async def test_dns_trouble_is_temporary_unless_the_body_was_changed(failure: str) -> None:
    """No key can mend a body that is not what was signed."""
    resolver = ZoneResolver({"e._domainkey.example.org": failure})
    assert (await verify_one(sign_raw(), resolver)).result == "temperror"
    assert (await verify_one(sign_raw() + b"x", resolver)).result == "fail"


async def test_no_key_is_permanent() -> None:
    result = await verify_one(sign_raw(), ZoneResolver({}))
    assert result.result == "permerror"
    assert "no key" in result.reason


async def test_the_key_among_several_records_is_found() -> None:
    record = dkim.format_key_record(EDWARDS)
    texts = [*quote("v=spf1 -all"), *quote("k=ed25519; p=yi50DjK5O9pqbFpNHklsv9lqaS0ArSYu02qp1S0DW1Y="), *quote(record)]
    resolver = ZoneResolver({"e._domainkey.example.org": {"TXT": texts}})
    assert (await verify_one(sign_raw(), resolver)).result == "pass"


async def test_a_strict_key_is_for_its_domain_alone() -> None:
    """t=s (RFC 6376 §3.6.1)."""
    record = dkim.format_key_record(EDWARDS)
    strict = publish(e=f"{record}; t=s")
    below = sign_raw(MESSAGE, f"{TAGS}; i=a@mail.example.org")
    assert (await verify_one(below)).result == "pass"
    assert (await verify_one(below, strict)).result == "permerror"
    assert (await verify_one(sign_raw(MESSAGE, f"{TAGS}; i=a@example.org"), strict)).result == "pass"


async def test_a_test_key_says_so_passing_or_not() -> None:
    """t=y (RFC 6376 §3.6.1): who decides must be able to ignore the failure."""
    testing = publish(e=f"{dkim.format_key_record(EDWARDS)}; t=y")
    passing, failing = await verify_one(sign_raw(), testing), await verify_one(sign_raw() + b"x", testing)
    assert (passing.result, passing.is_testing) == ("pass", True)
    assert (failing.result, failing.is_testing) == ("fail", True)


async def test_dnssec_is_reported() -> None:
    zones = {"e._domainkey.example.org": {"TXT": quote(dkim.format_key_record(EDWARDS))}}
    assert (await verify_one(sign_raw(), ZoneResolver(zones, secure=True))).is_secure
    assert not (await verify_one(sign_raw(), ZoneResolver(zones))).is_secure


async def test_international_domains_verify() -> None:
    """RFC 8616 §5: U-labels in the signature, A-labels in DNS and in the result."""
    tags = TAGS.replace("d=example.org", "d=bücher.example").replace("s=e", "s=schlüssel") + "; i=é@post.bücher.example"
    resolver = ZoneResolver(
        {"xn--schlssel-95a._domainkey.xn--bcher-kva.example": {"TXT": quote(dkim.format_key_record(EDWARDS))}}
    )
    result = await verify_one(sign_raw(MESSAGE, tags), resolver)
    assert (result.result, result.domain, result.identity) == (
        "pass",
        "xn--bcher-kva.example",
        "é@post.xn--bcher-kva.example",
    )


# ---------------------------------------------------------------- many, and large


async def test_few_signatures_are_looked_at_and_the_rest_is_one_result() -> None:
    """Each costs a question and public-key work, and the sender chooses how many there are."""
    resolver = publish()
    field = sign_raw()[: -len(MESSAGE)]
    results = await verify(field * 500 + MESSAGE, resolver)
    assert [one.result for one in results] == ["pass"] * 8 + ["policy"]
    assert "492 more were not" in results[-1].reason
    assert sum(resolver.questions.values()) == 1


async def test_one_broken_signature_does_not_hide_a_good_one() -> None:
    results = await verify(b"DKIM-Signature: nonsense\r\n" + SIGNED)
    assert [one.result for one in results] == ["neutral", "pass", "pass"]
    assert results[0].domain == ""


async def test_a_signature_may_sign_another() -> None:
    """Which is the one below: its own field is never among them (RFC 6376 §3.5, h=)."""
    tags = TAGS.replace("h=from", "h=dkim-signature:dkim-signature:from")
    inner = sign_raw()
    outer = sign_raw(inner, tags)
    assert [one.result for one in await verify(outer)] == ["pass", "pass"]
    changed = outer[: len(outer) - len(inner)] + inner.replace(b"h=from:to", b"h=to:from", 1)
    assert [one.result for one in await verify(changed)] == ["fail", "fail"]


async def test_a_header_section_without_end_is_not_verified() -> None:
    filler = b"X: " + b"x" * 900 + b"\r\n"
    large = sign_raw().replace(b"\r\n\r\n", b"\r\n" + filler * (HEADER_LIMIT // len(filler) + 1) + b"\r\n", 1)
    result = await verify_one(large)
    assert result.result == "permerror"
    assert "too long" in result.reason


def test_calls_out_of_order_are_bugs() -> None:
    verifier = Verifier()
    verifier.begin(SignedHeader(b""))
    with pytest.raises(RuntimeError):
        verifier.begin(SignedHeader(b""))
