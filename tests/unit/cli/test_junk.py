"""`samotop junk`: what it learns from, what it prints, what it refuses.

The words for people are in tests/golden/junk; `GOLDEN=write pytest ...` writes them anew.
"""

from __future__ import annotations

import json
import mailbox
import os
import re
from pathlib import Path

import pytest

from samotop.cli.junk_mail import find_letters
from tests.fakes.junkmail import make_mail
from tests.unit.cli.conftest import Run

GOLDEN = Path(__file__).parents[2] / "golden" / "junk"


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Spam in a directory, ham in a Maildir, both in mboxes besides."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spam").mkdir()
    for part in ("cur", "new", "tmp"):
        (tmp_path / "ham" / part).mkdir(parents=True)
    (tmp_path / "ham" / "tmp" / "half").write_bytes(b"not delivered yet")
    (tmp_path / "ham" / "dovecot-uidlist").write_bytes(b"3 V1")
    for number in range(30):
        (tmp_path / "spam" / f"{number:03}").write_bytes(make_mail(number, is_spam=True))
        (tmp_path / "ham" / ("cur", "new")[number % 2] / f"{number:03}:2,S").write_bytes(
            make_mail(number, is_spam=False)
        )
    for name, is_spam in (("spam.mbox", True), ("ham.mbox", False)):
        box = mailbox.mbox(tmp_path / name)
        for number in range(30):
            box.add(make_mail(number, is_spam=is_spam).replace(b"\r\n", b"\n"))
        box.close()
    (tmp_path / "asked.eml").write_bytes(make_mail(99, is_spam=True))
    (tmp_path / "wanted.eml").write_bytes(make_mail(98, is_spam=False))
    return tmp_path


@pytest.fixture
def taught(corpus: Path, run: Run) -> Path:
    assert run("junk", "train", "--model", "a.junk", "--spam", "spam", "--ham", "ham")[0] == 0
    return corpus


def hold_golden(name: str, words: str) -> None:
    expected = GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        expected.write_text(words)
    assert words == expected.read_text()


def mask(words: str) -> str:
    """Without the last digits, which are the machine's."""
    words = re.sub(r"\b([01])\.\d{6}", r"\1.NNNNNN", words)
    return re.sub(r"\d+%", "N%", re.sub(r"\d+\.\d\d ms", "N ms", words))


def test_a_maildir_a_directory_and_an_mbox_hold_the_same_mail(corpus: Path) -> None:
    assert len(find_letters(["spam"])) == len(find_letters(["ham"])) == 30
    boxed = find_letters(["ham.mbox"])
    assert len(boxed) == 30
    octets = [letter.read().partition(b"\n")[2].strip() for letter in boxed]
    assert octets[7] == make_mail(7, is_spam=False).replace(b"\r\n", b"\n").strip()
    assert boxed[7].name == "ham.mbox:8"


def test_what_was_trained_scores(taught: Path, run: Run) -> None:
    status, out, _ = run("junk", "score", "--model", "a.junk", "asked.eml", "wanted.eml", "--json")
    assert status == 0
    spam, ham = json.loads(out)
    assert spam["message"] == "asked.eml"
    assert spam["probability"] > 0.7 > 0.3 > ham["probability"]
    assert spam["junk"] in (True, False)
    assert ham["junk"] is False


def test_training_again_goes_on(taught: Path, run: Run) -> None:
    status, out, _ = run("junk", "train", "--model", "a.junk", "--spam", "spam.mbox", "--ham", "ham.mbox")
    assert (status, out) == (0, "Learned 30 spam and 30 ham; 60 and 60 in all.\n")


def test_the_words_are_those_in_the_folder(taught: Path, run: Run) -> None:
    """They are for people: a change of them is to be read before it is taken."""
    hold_golden("score", mask(run("junk", "score", "--model", "a.junk", "asked.eml", "wanted.eml")[1]))
    hold_golden("stats", mask(run("junk", "stats", "--model", "a.junk")[1]))
    status, out, _ = run("junk", "evaluate", "--spam", "spam", "--ham", "ham", "--shuffles", "2")
    assert status == 0
    hold_golden("evaluate", mask(out))


def test_reasons_stand_below_their_message(taught: Path, run: Run) -> None:
    status, out, _ = run("junk", "score", "--model", "a.junk", "asked.eml", "--explain")
    first, *reasons = out.splitlines()
    assert status == 0
    assert first.endswith("asked.eml")
    assert len(reasons) == 12
    assert all(re.fullmatch(r" {10}[+-]\d\.\d{3}  (seen  |raw   |header|words )  .*", reason) for reason in reasons)


def test_evaluating_says_it_all_to_programs(corpus: Path, run: Run) -> None:
    words = ["junk", "evaluate", "--spam", "spam", "--ham", "ham", "--split", "50", "--wrong", "5", "--json"]
    status, out, _ = run(*words)
    told = json.loads(out)
    assert status == 0
    assert told["messages"] == 60
    assert told["ham"] + told["spam"] == 30
    assert 0 <= told["1-AUC"] < 0.1
    assert set(told["caught"]) == {"0.001", "0.005", "0.01"}
    assert told["roc"][-1] == [1, 1]
    assert not list(corpus.glob("*.junk"))


def test_an_index_gives_the_order(corpus: Path, run: Run) -> None:
    """TREC's corpora have one, and their order is that in which the mail came."""
    lines = [
        f"{kind} ../{path}\n" for n in range(30) for kind, path in (("spam", f"spam/{n:03}"), ("ham", "wanted.eml"))
    ]
    (corpus / "full").mkdir()
    (corpus / "full" / "index").write_text("".join(lines))
    status, out, _ = run("junk", "evaluate", "--index", "full/index", "--json")
    assert status == 0
    assert (json.loads(out)["messages"], json.loads(out)["orders"]) == (60, 1)
    (corpus / "full" / "index").write_text("junk ../spam/000\n")
    status, _, err = run("junk", "evaluate", "--index", "full/index")
    assert status == 1
    assert "full/index:1" in err


def test_evaluating_a_filter_leaves_it_as_it_is(taught: Path, run: Run) -> None:
    before = (taught / "a.junk").read_bytes()
    words = ["junk", "evaluate", "--model", "a.junk", "--spam", "spam.mbox", "--ham", "ham.mbox", "--split", "0"]
    assert run(*words)[0] == 0
    assert (taught / "a.junk").read_bytes() == before


def test_an_account_has_a_filter_in_the_home(corpus: Path, home: Path, run: Run) -> None:
    assert run("junk", "train", "--account", "alice", "--spam", "spam", "--ham", "ham", "--home", str(home))[0] == 0
    assert (home / "junk").stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in (home / "junk").iterdir()) == ["alice.junk"]
    status, out, _ = run("junk", "stats", "--account", "alice", "--json", "--home", str(home))
    assert status == 0
    assert (json.loads(out)["spam"], len(json.loads(out)["voices"])) == (30, 3)


def test_what_is_shared_helps_a_new_account(corpus: Path, home: Path, run: Run) -> None:
    at = ["--home", str(home)]
    assert run("account", "add", "bob", "--password-file", str(home.parent / "pw"), *at)[0] != 2
    words = ["junk", "train", "--account", "alice", "--spam", "spam", "--ham", "ham", "--share", *at]
    assert run(*words)[0] == 0
    assert sorted(path.name for path in (home / "junk").iterdir()) == ["alice.junk", "shared.base"]
    assert len(json.loads(run("junk", "stats", "--account", "alice", "--json", *at)[1])["voices"]) == 6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["score", "asked.eml"], "--account NAME, or --model FILE"),
        (["score", "--model", "none.junk", "asked.eml"], "samotop junk train"),
        (["score", "--model", "asked.eml", "asked.eml"], "no file of a filter"),
        (["score", "--model", "a.junk", "nobody.eml"], "nobody.eml cannot be read"),
        (["score", "--model", "a.junk", "--loud"], "no option"),
        (["train", "--model", "a.junk"], "--spam PATH... --ham PATH..."),
        (["train", "--model", "b.junk", "--share", "--spam", "spam"], "--share goes with --account"),
        (["evaluate", "--spam", "spam"], "both spam and ham are needed"),
        (["evaluate", "--spam", "spam", "--ham", "ham", "--wrong", "80"], "--wrong 0 to 49"),
        (["evaluate", "--spam", "spam", "--ham", "ham", "--skip", "60"], "both ham and spam are needed"),
        (["stats", "--model", "a.junk", "--account", "alice"], "one of them"),
    ],
)
def test_what_cannot_be_done_is_told_with_a_remedy(taught: Path, run: Run, words: list[str], said: str) -> None:
    status, _, err = run("junk", *words)
    assert status == 1
    assert said in err


@pytest.mark.parametrize("verb", ["train", "score", "evaluate", "stats"])
def test_help_has_an_example(run: Run, verb: str) -> None:
    status, out, _ = run("junk", verb, "--help")
    assert status == 0
    assert f"samotop junk {verb}" in out
    assert "Example" in out
