"""What companions' words come to, and what several of them come to together."""

from __future__ import annotations

import pytest

from samotop.app.companions import combine
from samotop.companions import clamd, milter
from samotop.companions.asking import TEXT_LIMIT, clean, read_pieces
from samotop.content import Content
from samotop.milter.client import Outcome, Refusal
from samotop.verdict import ABSTAIN, Action, Verdict

REJECT, DEFER, HOLD = Verdict.reject("a", "no"), Verdict.defer("b", "later"), Verdict.hold("c", "look")
TAKE = Verdict.accept("d")


@pytest.mark.parametrize(
    ("refusal", "action", "status", "said"),
    [
        (Refusal(550), Action.REJECT, "5.7.1", "A filter refuses this message"),
        (Refusal(421), Action.DEFER, "4.7.1", "A filter asks you to try again later"),
        (Refusal(554, (b"5.6.0 a", b"5.6.0 b")), Action.REJECT, "5.6.0", "a 5.6.0 b"),
        (Refusal(550, (b"4.7.1 contradicts",)), Action.REJECT, "5.7.1", "contradicts"),
        (Refusal(550, (b"no status",)), Action.REJECT, "5.7.1", "no status"),
        (Refusal(451, (b"4.7.1 \xff\r\n250 x",)), Action.DEFER, "4.7.1", "250 x"),
    ],
)
def test_a_milters_refusal_is_ours(refusal: Refusal, action: Action, status: str, said: str) -> None:
    verdict = milter.refuse(refusal)
    assert (verdict.action, str(verdict.status), verdict.said) == (action, status, said)


def test_recipients_that_a_milter_refuses_have_verdicts_of_their_own() -> None:
    found = milter.judge(Outcome(recipients=(None, Refusal(550)), quarantine=b"odd"))
    assert isinstance(found, list)
    assert [one.action for one in found] == [Action.HOLD, Action.REJECT]


@pytest.mark.parametrize("answer", [b"", b"stream: OK", b"stream: x ERROR\0", b"UNKNOWN COMMAND\0", b" FOUND\0"])
def test_what_is_no_answer_of_clamd_is_none(answer: bytes) -> None:
    with pytest.raises(clamd.BadAnswer):
        clamd.judge(answer)


def test_words_are_told_on_one_line_and_not_too_long() -> None:
    assert clean(b"a\r\nb\0\x1b[1m\xff" + b"c" * 1000).startswith("a b [1m c")
    assert len(clean(b"c" * 1000)) == TEXT_LIMIT


@pytest.mark.parametrize(
    ("decisions", "found"),
    [
        ([ABSTAIN, ABSTAIN], ABSTAIN),
        ([ABSTAIN, TAKE], TAKE),
        ([TAKE, HOLD], HOLD),
        ([HOLD, REJECT], REJECT),
        ([DEFER, REJECT], DEFER),
        ([[REJECT, ABSTAIN], HOLD], [REJECT, HOLD]),
        ([ABSTAIN, [TAKE, DEFER]], [TAKE, DEFER]),
    ],
)
def test_several_are_one(decisions: list[Verdict | list[Verdict]], found: Verdict | list[Verdict]) -> None:
    assert combine(decisions, 2) == found


@pytest.mark.parametrize("size", [10, 1_000_000])
@pytest.mark.parametrize("skips", [0, 3, 300_000])
async def test_a_content_is_read_from_where_its_body_begins(size: int, skips: int) -> None:
    octets = bytes(size)[:-1] + b"x"
    chunks = tuple(octets[at : at + 1000] for at in range(0, size, 1000))
    found = [piece async for piece in read_pieces(Content.from_chunks(chunks), skips=skips)]
    assert b"".join(found) == octets[skips:]
    assert all(found)
