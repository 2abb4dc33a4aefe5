"""The same chains in dkimpy's eyes: theirs pass here, ours pass there, and changed ones come to the same.

dkimpy gives no word for a chain that a sealer has ended (RFC 8617 §5.2, step 2,
says "fail"); it knows no Ed25519 in ARC.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import dkim
import pytest

from samotop.msgauth import arc
from tests.fakes.sealing import LIST, MESSAGE, SECOND, Sealer, publish, seal, take_fields

NOW = 1_790_000_000.0
THIRD = Sealer("third.example", "r3")
SEALERS = (LIST, SECOND, THIRD)
RECORDS = {one.name: one.record.encode() for one in SEALERS}


def ask_dkimpy(message: bytes) -> str:
    def look_up(name: bytes | str, timeout: int = 5) -> bytes | None:
        text = name.decode() if isinstance(name, bytes) else name
        return RECORDS.get(text.rstrip("."))

    word, _, _ = dkim.arc_verify(message, dnsfunc=look_up)
    return "fail" if word is None else str(word.decode())


async def ask_us(message: bytes) -> str:
    return str((await arc.verify(message, publish(*SEALERS), now=NOW)).result)


def seal_with_dkimpy(message: bytes, sealer: Sealer, cv: bytes) -> bytes:
    host = sealer.domain.encode()
    message = b"Authentication-Results: %s; arc=%s; dmarc=pass header.from=a.example\r\n%s" % (host, cv, message)
    fields = dkim.arc_sign(
        message, sealer.selector.encode(), host, sealer.pem, host, include_headers=[b"from", b"subject", b"date"]
    )
    assert len(fields) == 3
    return b"".join(fields) + message


async def test_chains_of_dkimpy_pass_here() -> None:
    message, cv = MESSAGE, b"none"
    for number, sealer in enumerate(SEALERS, 1):
        message, cv = seal_with_dkimpy(message, sealer, cv), b"pass"
        result = await arc.verify(message, publish(*SEALERS), now=NOW)
        assert (result.result, len(result.sets), result.oldest_pass) == ("pass", number, 0)
        found = result.sets[-1].authentication_results
        assert found is not None
        assert found.authserv_id == sealer.domain


async def test_chains_of_both_pass_with_both() -> None:
    """Each seals on top of the other."""
    for message in (
        seal(seal_with_dkimpy(MESSAGE, LIST, b"none"), SECOND),
        seal_with_dkimpy(seal(MESSAGE, LIST), SECOND, b"pass"),
    ):
        assert (ask_dkimpy(message), await ask_us(message)) == ("pass", "pass")


def drop(name: bytes, at: int = 0) -> Callable[[bytes], bytes]:
    def change(message: bytes) -> bytes:
        fields, rest = take_fields(message, name)
        del fields[at]
        return b"".join(fields) + rest

    return change


def double(name: bytes) -> Callable[[bytes], bytes]:
    return lambda message: take_fields(message, name)[0][0] + message


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(message: bytes) -> bytes:
        assert old in message
        return message.replace(old, new, 1)

    return change


def drop_newest(message: bytes) -> bytes:
    fields, rest = take_fields(message, *ARC)
    return b"".join(fields[3:]) + rest


ARC = (b"arc-seal", b"arc-message-signature", b"arc-authentication-results")
CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda message: message,
    "body": swap(b"see you", b"see me"),
    "empty lines at the end": lambda message: message + b"\r\n\r\n",
    "white space in the body": swap(b"Hello \t all", b"Hello all"),
    "a signed field": swap(b"Subject:  Lunch", b"Subject: Dinner"),
    "white space in a signed field": swap(b"Subject:  Lunch", b"Subject: \t Lunch"),
    "an unsigned field": swap(b"192.0.2.1", b"192.0.2.2"),
    "another From": lambda message: b"From: eve@example.com\r\n" + message,
    "what was found": swap(b"dmarc=pass", b"dmarc=fail"),
    "the newest set away": drop_newest,
    "all sets away": lambda message: take_fields(message, *ARC)[1],
    "an ended chain": lambda message: seal(message, SECOND, cv=b"fail"),
    "a chain that denies the one before": lambda message: seal(message, SECOND, cv=b"none"),
    "a gap": lambda message: seal(message, SECOND, instance=9, cv=b"pass"),
    "an instance again": lambda message: seal(message, SECOND, instance=2, cv=b"pass"),
    "a key that is not there": swap(b"d=second.example", b"d=secend.example"),
    "a seal that was cut": lambda message: re.sub(rb"(ARC-Seal: [^;]*;(?:[^;]*;)*? b=)....", rb"\1", message, count=1),
    **{f"no newest {name.decode()}": drop(name) for name in ARC},
    **{f"no oldest {name.decode()}": drop(name, -1) for name in ARC},
    **{f"two of {name.decode()}": double(name) for name in ARC},
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_chain_comes_to_the_same(change: str) -> None:
    """Whatever happens on the way, two programs must not disagree about it."""
    message = CHANGES[change](seal(seal(MESSAGE, LIST), SECOND))
    assert await ask_us(message) == ask_dkimpy(message)


@pytest.mark.parametrize("at", range(0, 1500, 29))
async def test_a_flipped_octet_comes_to_the_same(at: int) -> None:
    """Anywhere in the three newest fields and the header behind them."""
    message = bytearray(seal(seal(MESSAGE, LIST), SECOND))
    at = min(at, len(message) - 1)
    if message[at : at + 1].isalnum():
        message[at] = ord("7") if message[at] != ord("7") else ord("8")
    assert await ask_us(bytes(message)) == ask_dkimpy(bytes(message))


async def test_the_order_of_fields_in_the_header_is_nobody_s() -> None:
    """Instances say what comes after what (RFC 8617 §5.1.1); dkimpy goes by the places, and takes this for broken."""
    message = seal(seal(MESSAGE, LIST), SECOND)
    fields, rest = take_fields(message, *ARC)
    assert await ask_us(b"".join(reversed(fields)) + rest) == "pass"
