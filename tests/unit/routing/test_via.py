"""What a route may lead to, and how a mistake is told."""

from __future__ import annotations

import pytest

from samotop.errors import SetupError
from samotop.routing.via import JOURNAL_AGE, JOURNAL_SIZE, Target, check_available, parse_via


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("discard", Target("discard")),
        (" console ", Target("console")),
        ("maildir:mail/lists", Target("maildir", "mail/lists")),
        ("mbox:/var/mail/x", Target("mbox", "/var/mail/x")),
        ("directory:a b", Target("directory", "a b")),
        ("journal:j", Target("journal", "j", JOURNAL_SIZE, JOURNAL_AGE)),
        ("journal:j?size=100MB&age=12h", Target("journal", "j", 100_000_000, 43_200.0)),
        ("journal:j?size=1MiB", Target("journal", "j", 1_048_576)),
        ("lmtp:/run/lists.sock", Target("lmtp", "lmtp:/run/lists.sock")),
        ("smtp:/run/relay.sock?hello=a", Target("smtp", "smtp:/run/relay.sock?hello=a")),
        ("smtp://hop.example", Target("smtp", "smtp://hop.example")),
        ("child:/usr/bin/list --post", Target("child", "/usr/bin/list --post")),
    ],
)
def test_each_kind_is_read(text: str, target: Target) -> None:
    """The kinds of the configuration."""
    assert parse_via(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "discard:",
        "maildir",
        "maildir:",
        "mbox: ",
        "pigeon:x",
        "smtp:hop",
        "journal:j?size=0",
        "journal:j?age=1y",
        "journal:?age=1d",
        "journal:j?colour=red",
        "maildir:a\0b",
    ],
)
def test_a_mistake_is_told_with_its_remedy(text: str) -> None:
    """Nothing starts on a guess."""
    with pytest.raises(SetupError) as raised:
        parse_via(text)
    assert raised.value.remedy


@pytest.mark.parametrize("text", ["lmtp:/run/x", "smtp://x", "smtps://x", "child:x"])
def test_next_hops_are_not_available_yet(text: str) -> None:
    """They are read, and refused in plain words."""
    with pytest.raises(SetupError, match="not yet available"):
        check_available(parse_via(text))
    check_available(parse_via("discard"))
