"""`--help`: readable, with an example, for every verb."""

from __future__ import annotations

import pytest

VERBS = [
    ("init",),
    ("serve",),
    ("check",),
    ("config",),
    *(("account", verb) for verb in ("add", "list", "show", "passwd", "remove")),
    *(("queue", verb) for verb in ("list", "show", "retry", "hold", "release", "drop")),
    *(("tls", verb) for verb in ("list", "forget")),
    ("verify",),
    *(("dns", verb) for verb in ("records", "check", "rotate")),
    ("report", "read"),
    ("policy", "replay"),
]


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_the_first_page(run) -> None:
    """What somebody sees who has never seen it."""
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    assert (
        out
        == """\
Usage: samotop COMMAND

A mail server for people who decide who may write to them.

Commands:
  init        Make a home: write samotop.toml and create the first account.
  serve       Run the server of a home, in the foreground, until SIGTERM or
              Control-C.
  check       Check the home and its samotop.toml; tell every mistake with its
              line and what would be right.
  config      Print the effective configuration: every key with the value that
              holds, passwords blotted out.
  verify      Tell who a stored message is from and how anybody can know: SPF,
              DKIM, ARC, DMARC, DNSSEC, in words.
  send        Send one message to a server, and tell what became of it for each
              recipient.
  sendmail    Hand a message to the server of this home, as /usr/sbin/sendmail
              does.
  account     Create and change accounts.
  contact     Decide who may write, and see who asks.
  dns         Print and check the records of a domain; replace its DKIM keys.
  junk        Teach, ask and measure the filter that learns what is junk.
  policy      Try changed rules on mail that has come in.
  queue       See what waits, and act on it.
  report      Read what others report on mail that says it is yours.
  tls         See and forget what other domains' TLS was like.
  --help, -h  Display this message and exit.
  --version   Display application version.

Examples:
  samotop serve --demo                                 try it out
  samotop init --domain example.org --account alice    make a home
  samotop check                                        find every mistake
  samotop serve                                        run in the foreground

Every verb takes --home DIR. Without it: $SAMOTOP_HOME, ~/.local/share/samotop
or, for root, /var/lib/samotop. samotop VERB --help tells more.
Exit status: 0 done, 1 refused or found wrong, 2 usage, 75 try again later.
"""
    )


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_an_example_and_fits_the_terminal(run, verb: tuple[str, ...]) -> None:
    status, out, _ = run(*verb, "--help")
    assert status == 0
    assert f"samotop {' '.join(verb)}" in out.partition("Example")[2]
    assert "--home DIR" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    "verb", [*VERBS[2:4], ("account", "list"), ("account", "show"), ("queue", "list"), ("tls", "list"), *VERBS[-5:]]
)
def test_what_lists_or_shows_has_json(run, verb: tuple[str, ...]) -> None:
    assert "--json" in run(*verb, "--help")[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("frobnicate",), "frobnicate"),
        (("check", "--colour"), "--colour"),
        (("serve", "--demo=maybe"), "samotop serve --help"),
        (("verify", "one.eml", "two.eml"), '"two.eml" is one word too many'),
        (("account", "add"), "samotop account add --help"),
        (("queue", "drop", "--al"), "samotop queue drop --help"),
        (("serve", "--home"), "samotop serve --help"),
    ],
)
def test_a_mistake_of_usage_is_status_2_and_says_where_to_read(run, words: tuple[str, ...], told: str) -> None:
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert told in err


def test_the_version_is_printed(run) -> None:
    status, out, _ = run("--version")
    assert status == 0
    assert out.strip()
