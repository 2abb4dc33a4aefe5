"""The outside suite of sealing cases: what a correct sealer makes of each message must pass here.

The suite is one for sealers: it gives a message and the fields that are to be
made of it. We seal nothing, so that each case is put together again from those
fields and validated.

Two things the suite's own sealer did are not to be seen in its lists. The
seals cover message signatures whose ``b=`` was on one line, while the lists
show it folded; a fold within another field's ``b=`` is a space in the relaxed
form (RFC 6376 §3.4.2), so that the spaces are taken out of it here. And the
cases with ``cv=fail`` show what a sealer does when it finds a chain broken: the
message that comes out fails, as RFC 8617 §5.2, step 2, has it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from samotop.msgauth import arc
from samotop.testing import ZoneResolver
from tests.fakes.yaml_subset import read_documents

FILE = "arc-valimail/arc-draft-sign-tests.yml"
CASES = 17
ENDED = {"i1_base_fail", "i2_base_fail", "no_additional_sig"}
"""Cases whose result is a broken chain."""
ARRIVED = {"i1_base": "pass", "i2_base": "pass", "i1_base_fail": "fail", "i2_base_fail": "fail"}
"""What the chain was before sealing, where there was one: what the suite says in its arc= results."""


@pytest.fixture(scope="module")
def cases(suites: Path) -> dict[str, tuple[dict[str, Any], ZoneResolver]]:
    path = suites / FILE
    if not path.is_file():
        pytest.skip("suite absent")
    found: dict[str, tuple[dict[str, Any], ZoneResolver]] = {}
    for document in read_documents(path.read_text(encoding="utf-8")):
        records = document["txt-records"].items()
        resolver = ZoneResolver({name: {"TXT": [f'"{text}"'.replace("\n", "")]} for name, text in records})
        found |= {name: (case, resolver) for name, case in document["tests"].items()}
    return found


def make_message(text: str) -> bytes:
    return text.encode().replace(b"\n", b"\r\n")


def make_field(name: str, value: str) -> bytes:
    lines = [line.strip() for line in value.strip().split("\n")]
    text = "\r\n ".join(lines)
    text = re.sub(r"(?<![a-z])b=[^;]*", lambda found: "".join(found[0].split()), text)
    return f"{name}: {text}\r\n".encode()


def seal(case: dict[str, Any]) -> bytes:
    message = make_message(case["message"])
    if not case["AS"].strip():
        return message
    names = {"AS": "ARC-Seal", "AMS": "ARC-Message-Signature", "AAR": "ARC-Authentication-Results"}
    return b"".join(make_field(name, case[key]) for key, name in names.items()) + message


def test_the_suite_is_there_as_a_whole(cases: dict[str, Any]) -> None:
    """A reader that loses cases would report a success."""
    assert len(cases) == CASES
    assert set(cases) >= ENDED | set(ARRIVED)


async def test_what_a_sealer_makes_passes(cases: dict[str, tuple[dict[str, Any], ZoneResolver]]) -> None:
    """All cases, none skipped."""
    results = {}
    for name, (case, resolver) in cases.items():
        results[name] = (await arc.verify(seal(case), resolver, now=20_000)).result
    assert results == {name: "fail" if name in ENDED else "pass" for name in cases}


async def test_a_sealer_would_find_the_chains_as_the_suite_does(
    cases: dict[str, tuple[dict[str, Any], ZoneResolver]],
) -> None:
    for name, (case, resolver) in cases.items():
        if name not in ENDED - set(ARRIVED):
            result = await arc.verify(make_message(case["message"]), resolver, now=20_000)
            assert result.result == ARRIVED.get(name, "none"), name


async def test_what_was_found_can_be_read(cases: dict[str, tuple[dict[str, Any], ZoneResolver]]) -> None:
    """The results within the seals, comments and all."""
    for name, (case, resolver) in cases.items():
        result = await arc.verify(seal(case), resolver, now=20_000)
        found = result.sets[-1].authentication_results
        assert found is not None, name
        assert found.authserv_id == "lists.example.org"
        assert "arc" in {one.method for one in found.results} or name == "no_additional_sig"
