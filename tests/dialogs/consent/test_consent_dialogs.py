"""Strangers and owners: every dialog in this folder, and the table of all combinations, played before a real ledger."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.dialogs.consent.matrix import (
    BEGIN,
    END,
    HERE,
    PAGE,
    WISHES,
    Attempt,
    Row,
    attempt,
    format_dialogs,
    format_table,
    owner_of,
    play,
    play_all,
    prepare,
)
from tests.dialogs.consent.script import Dialog, Player, parse_dialogs
from tests.fakes.ledgerstage import EVIDENCE, Stage

DIALOGS = parse_dialogs(HERE / "several.txt")


@pytest.mark.parametrize("dialog", DIALOGS, ids=lambda dialog: dialog.name)
async def test_everybody_hears_what_is_written(dialog: Dialog, tmp_path: Path) -> None:
    """The text is the specification: every reply, and every copy."""
    await Player(dialog, tmp_path).play()


@pytest.mark.slow
async def test_all_combinations_are_answered_as_written(tmp_path: Path) -> None:
    """And docs/consent.md tells the same."""
    rows = await play_all(tmp_path)
    assert format_dialogs(rows) == (HERE / "matrix.txt").read_text(encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    assert page.partition(BEGIN)[2].partition(END)[0].strip() == format_table(rows).strip()
    check_claims(rows)


async def test_a_claim_is_answered_as_a_stranger_is(tmp_path: Path) -> None:
    """Nobody can find out whom the owner knows: one by one, whatever is said first."""
    check_claims(await play("request", tmp_path, ("unknown", "differs")))


def check_claims(rows: list[Row]) -> None:
    """Who lacks the evidence hears what somebody unknown hears; and RCPT says the same to friends as well."""
    by_cell = {(row.standing, row.evidence, row.wish): row.attempts for row in rows}
    for (standing, evidence, wish), attempts in by_cell.items():
        unknown = by_cell["unknown", evidence, wish]
        if standing == "differs" or (standing, evidence) == ("approved", "none"):
            assert [replies(one) for one in attempts] == [replies(one) for one in unknown], (standing, evidence, wish)
            assert all(one.folder != "inbox" for one in attempts), (standing, evidence, wish)
        if not standing.startswith("rejected"):
            assert attempts[0].recipient == unknown[0].recipient == "250 2.1.5 Ok"


def replies(one: Attempt) -> Attempt:
    return replace(one, folder="", is_flagged=False)


@pytest.mark.parametrize("wish", WISHES)
async def test_rcpt_asks_the_same_of_the_ledger_whoever_is_claimed(wish: str, tmp_path: Path) -> None:
    """What it takes to answer tells as much as the answer: each statement is counted."""
    standings = ("unknown", "pending", "approved", "differs")
    cells = [(standing, evidence) for standing in standings for evidence in EVIDENCE]
    stage = Stage(tmp_path, {owner_of(*cell): wish for cell in cells})
    counted: dict[str, set[tuple[str, ...]]] = {one: set() for one in EVIDENCE}
    for cell in cells:
        prepare(stage, *cell)
        owner, evidence = owner_of(*cell), cell[1]
        stage.decide(owner)  # so that each owner has a secret
        talk = await stage.open(evidence)
        await talk.say(f"MAIL FROM:<bob@{evidence}.example>")
        asked: list[str] = []
        reader = stage.database.reader()
        reader.exec_trace = lambda _, statement, __, asked=asked: asked.append(statement) or True
        await talk.say(f"RCPT TO:<{owner}@example.org>")
        reader.exec_trace = None
        talk.close()
        assert asked or wish == "accept"
        counted[evidence].add(tuple(one for one in asked if "owner_secret" not in one))
    stage.close()
    assert all(len(one) == 1 for one in counted.values()), counted


async def test_the_memory_of_waiting_is_forgotten_after_defer_for(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {"alice": "defer"})
    said = []
    for seconds in (0, 4 * 3600 - 1, 1):
        stage.clock.move(seconds)
        said.append(str(await attempt(stage, "alice", "spf")))
    stage.close()
    assert said == ["450 4.7.1", "450 4.7.1 at RCPT", "Requests"]
