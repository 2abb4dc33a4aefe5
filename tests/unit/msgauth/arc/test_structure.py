"""The shape of a chain: what breaks it before any key is looked at (RFC 8617 §4, §5.2)."""

from __future__ import annotations

import pytest

from samotop.msgauth import arc
from samotop.msgauth.arc import ArcResult, ArcRules, Verifier
from samotop.msgauth.results import Result
from tests.fakes.sealing import LIST, MESSAGE, RELAY, SECOND, Sealer, publish, seal, take_fields

NOW = 1_790_000_000.0
ONE = seal(MESSAGE, LIST)
TWO = seal(ONE, RELAY)
ARC = (b"arc-seal", b"arc-message-signature", b"arc-authentication-results")


async def fail(message: bytes) -> ArcResult:
    """The result of a message whose chain must be refused without a question."""
    resolver = publish()
    result = await arc.verify(message, resolver, now=NOW)
    assert result.result is Result.FAIL
    assert not resolver.questions
    return result


@pytest.mark.parametrize("name", ARC)
async def test_a_set_has_each_field(name: bytes) -> None:
    """Step 3A. One that lost a field on the way was handled by somebody who does not know ARC."""
    assert "set 1 is not whole" in (await fail(take_fields(ONE, name)[1])).reason


@pytest.mark.parametrize("name", ARC)
@pytest.mark.parametrize("at_end", [True, False])
async def test_a_set_has_each_field_once(name: bytes, at_end: bool) -> None:
    """Else two readers might each take another one."""
    (field,), rest = take_fields(ONE, name)
    message = field + ONE if not at_end else ONE.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n", 1)
    assert "has two" in (await fail(message)).reason
    assert rest


async def test_there_are_no_gaps() -> None:
    """Step 3B."""
    assert "set 1 is not whole" in (await fail(seal(MESSAGE, LIST, instance=2, cv=b"pass"))).reason
    assert "set 2 is not whole" in (await fail(seal(ONE, LIST, instance=3, cv=b"pass"))).reason


@pytest.mark.parametrize("instance", [b"0", b"51", b"100", b"-1", b"1.0", b"", b"x", b"1" * 5000])
@pytest.mark.parametrize("name", ARC)
async def test_instances_go_from_1_to_50(instance: bytes, name: bytes) -> None:
    """RFC 8617 §4.2.1. A field that belongs to no set breaks the chain."""
    (field,), rest = take_fields(ONE, name)
    assert "ARC" in (await fail(field.replace(b"i=1;", b"i=%s;" % instance, 1) + rest)).reason


@pytest.mark.parametrize("cv", [b"pass", b"neutral", b"", b"nonesuch"])
async def test_the_first_server_found_no_chain(cv: bytes) -> None:
    """Step 3C."""
    assert "cv=" in (await fail(seal(MESSAGE, LIST, cv=cv))).reason


async def test_later_servers_found_the_chain_whole() -> None:
    """Step 3C again: "none" after a set is a lie or a mistake."""
    assert "cv=none" in (await fail(seal(ONE, RELAY, cv=b"none"))).reason
    middle = seal(seal(ONE, RELAY, cv=b"fail"), SECOND)
    assert "seal of set 2 says cv=fail" in (await fail(middle)).reason


async def test_a_chain_that_was_ended_stays_ended() -> None:
    """Step 2. Sets are told, for who wants to see who ended it."""
    result = await fail(seal(ONE, RELAY, cv=b"fail"))
    assert "found the chain broken" in result.reason
    assert [one.cv for one in result.sets] == ["none", "fail"]


async def test_a_result_is_read_whatever_its_capitals() -> None:
    """ABNF's words have none (RFC 5234 §2.3)."""
    assert (await arc.verify(seal(MESSAGE, LIST, cv=b"None"), publish(), now=NOW)).result is Result.PASS


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"seal_tags": b"; h=from"}, "has h="),
        ({"names": b"to:subject"}, "does not sign the From field"),
        ({"names": b"from:ARC-Seal"}, "signs seals"),
        ({"names": b"from::to"}, "no field's name"),
        ({"signature_tags": b"; q=dns/other"}, "not in DNS"),
        ({"signature_tags": b"; l=-1"}, "no number"),
        ({"body_hash": b"!"}, "not base64"),
        ({"signature_tags": b"; d=twice.example"}, "twice"),
    ],
)
async def test_tags_that_must_not_be(tags: dict[str, bytes], reason: str) -> None:
    """RFC 8617 §4.1.2, §4.1.3, RFC 6376 §3.5."""
    assert reason in (await fail(seal(MESSAGE, LIST, **tags))).reason  # type: ignore[arg-type]  # the table of a case


@pytest.mark.parametrize("tag", [b"a", b"b", b"cv", b"d", b"i", b"s"])
async def test_a_seal_needs_its_tags(tag: bytes) -> None:
    (field,), rest = take_fields(ONE, b"arc-seal")
    other = field.replace(b" %s=" % tag, b" x%s=" % tag, 1)
    assert other != field
    assert f"lacks {tag.decode()}=" in (await fail(other + rest)).reason


@pytest.mark.parametrize("tag", [b"a", b"b", b"bh", b"d", b"h", b"i", b"s"])
async def test_a_message_signature_needs_its_tags(tag: bytes) -> None:
    (field,), rest = take_fields(ONE, b"arc-message-signature")
    other = field.replace(b" %s=" % tag, b" x%s=" % tag, 1)
    assert other != field
    assert f"lacks {tag.decode()}=" in (await fail(other + rest)).reason


@pytest.mark.parametrize("algorithm", [b"rsa-sha1", b"rot13"])
async def test_old_and_unknown_algorithms_are_refused(algorithm: bytes) -> None:
    """RFC 8301 §3.1."""
    assert "algorithm" in (await fail(ONE.replace(b"rsa-sha256", algorithm))).reason


async def test_the_version_of_a_message_signature_is_ignored() -> None:
    """There is no ``v=`` in ARC: undefined tags say nothing (RFC 8617 §4.1.2)."""
    sealed = seal(MESSAGE, LIST, signature_tags=b"; v=7", seal_tags=b"; v=8")
    assert (await arc.verify(sealed, publish(), now=NOW)).result is Result.PASS


@pytest.mark.parametrize(
    "start", [b"i=1;", b" i = 1 ;", b"(a (nested) comment) i=(x)1(\\));", b"I=1;", b"i=01;", b"\r\n\ti=1;"]
)
async def test_the_instance_of_results_may_have_comments(start: bytes) -> None:
    """RFC 8617 §4.1.1: white space and comments, as everywhere in such a field; the structure holds."""
    (field,), rest = take_fields(ONE, b"arc-authentication-results")
    result = await arc.verify(field.replace(b"i=1;", start, 1) + rest, publish(), now=NOW)
    assert "does not verify" in result.reason or result.result is Result.PASS


@pytest.mark.parametrize("start", [b"", b"i=1", b"1;", b"(i=1;", b"lists.example.org; i=1;", b"i:1;"])
async def test_results_without_an_instance_break_the_chain(start: bytes) -> None:
    (field,), rest = take_fields(ONE, b"arc-authentication-results")
    assert "ARC-Authentication-Results" in (await fail(field.replace(b"i=1;", start, 1) + rest)).reason


async def test_line_ends_that_are_none_break_the_chain() -> None:
    """Which fields there are would be a matter of opinion (RFC 5321 §2.3.8)."""
    assert "line ends" in (await fail(ONE.replace(b"Subject:", b"X: y\nSubject:"))).reason


async def test_fifty_sets_pass_and_more_do_not() -> None:
    """RFC 8617 §5.2, step 1; the work for them is bounded."""
    message = MESSAGE
    for _ in range(50):
        message = seal(message, RELAY)
    result = await arc.verify(message, publish(), now=NOW)
    assert (result.result, len(result.sets), result.oldest_pass) == (Result.PASS, 50, 0)
    more = message.replace(b"From:", take_fields(ONE, b"arc-seal")[0][0] + b"From:", 1)
    assert "more than 50" in (await fail(more)).reason


async def test_a_chain_cannot_make_us_ask_without_end() -> None:
    """Seventeen sealers of their own keys are no honest way of a message."""
    message = MESSAGE
    for number in range(17):
        message = seal(message, Sealer(f"d{number}.example", key=RELAY.key))
    verifier = Verifier()
    verifier.feed(message)
    assert verifier.queries == ()
    assert "more than 16 keys" in (await fail(message)).reason


async def test_older_signatures_are_checked_as_far_as_keys_are_left() -> None:
    """What is optional comes last (RFC 8617 §5.2, step 5)."""
    sealed = seal(seal(ONE, RELAY), SECOND)
    verifier = Verifier(ArcRules(keys=3))
    verifier.feed(sealed)
    assert len(verifier.queries) == 3
    assert (await arc.verify(sealed, publish(), now=NOW, rules=ArcRules(keys=3))).oldest_pass == 0


async def test_reasons_quote_nothing() -> None:
    """They may be logged, and nobody's words belong there."""
    for message in (ONE.replace(b"cv=none", b"cv=secret"), ONE.replace(b"s=s", b"secret=s"), ONE.replace(b"d=", b"=")):
        assert "secret" not in (await fail(message)).reason
