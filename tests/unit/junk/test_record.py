"""A filter's file: what it brings back, and what it refuses."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from samotop.errors import SetupError
from samotop.junk import Filter
from samotop.junk.record import format_filter, parse_filter
from tests.fakes.junkmail import make_corpus, make_mail

ASKED = [make_mail(number, is_spam=is_spam) for number in range(300, 310) for is_spam in (True, False)]


def teach(learned: Filter, number: int = 30) -> Filter:
    for content, is_spam in make_corpus(number):
        learned.learn(content, is_spam)
    return learned


def test_what_was_saved_says_the_same(tmp_path: Path) -> None:
    """To the last digit, threshold and counts included: the one that was saved goes on with what it saved."""
    path = tmp_path / "alice.junk"
    learned = teach(Filter.open(path))
    before = [learned.score(content) for content in ASKED]
    learned.save()
    opened = Filter.open(path)
    assert [opened.score(content) for content in ASKED] == [learned.score(content) for content in ASKED]
    assert [opened.score(content) for content in ASKED] == pytest.approx(before, abs=0.01)
    assert (opened.ham, opened.spam, opened.threshold) == (30, 30, learned.threshold)
    opened.learn(ASKED[0], True)
    learned.learn(ASKED[0], True)
    assert opened.score(ASKED[0]) == learned.score(ASKED[0])


def test_a_new_file_is_small_and_private(tmp_path: Path) -> None:
    path = tmp_path / "alice.junk"
    teach(Filter.open(path), 10).save()
    assert path.stat().st_size < 300_000
    assert path.stat().st_mode & 0o077 == 0
    assert [each.name for each in tmp_path.iterdir()] == ["alice.junk"]


def test_the_base_is_kept_with_its_owner(tmp_path: Path) -> None:
    """And comes back with the owner's trust in it; without it, the owner's own voices speak on."""
    own, base = tmp_path / "alice.junk", tmp_path / "shared.base"
    owner = teach(Filter.open(own, base=base, teaches=True))
    owner.save()
    again = Filter.open(own, base=base)
    assert len(again.shares) == 6
    assert again.score(ASKED[0]) > 0.7
    alone = Filter.open(own)
    assert alone.score(ASKED[0]) > 0.5 > alone.score(ASKED[1])
    assert Filter.open(base).spam == 30


def test_every_cut_file_is_refused() -> None:
    octets = format_filter(teach(Filter(), 3))
    for end in [*range(60), *range(60, len(octets), max(1, len(octets) // 40))]:
        with pytest.raises(ValueError):
            parse_filter(octets[:end])


def test_every_changed_octet_is_found() -> None:
    octets = bytearray(format_filter(teach(Filter(), 3)))
    for at in [*range(60), *range(60, len(octets), max(1, len(octets) // 40))]:
        octets[at] ^= 0x40
        with pytest.raises(ValueError):
            parse_filter(bytes(octets))
        octets[at] ^= 0x40


def test_numbers_out_of_bounds_are_refused_though_the_sum_is_right() -> None:
    """A file may be made by somebody: it must not make us fetch gigabytes."""
    octets = format_filter(teach(Filter(), 3))
    for at in (26, 30, 34, 38):
        changed = bytearray(octets[:-4])
        struct.pack_into("<I", changed, at, 0xFFFFFFF0)
        with pytest.raises(ValueError):
            parse_filter(bytes(changed) + struct.pack("<I", zlib.crc32(changed)))


@pytest.mark.parametrize("content", [b"", b"no filter", b"SAMOJUNK" + bytes(100)])
def test_another_file_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.eml"
    path.write_bytes(content)
    with pytest.raises(SetupError, match=r"letter\.eml"):
        Filter.open(path)


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "none" / "alice.junk"
    with pytest.raises(SetupError, match="cannot be written"):
        teach(Filter.open(path), 1).save()
    with pytest.raises(ValueError):
        Filter().save()
