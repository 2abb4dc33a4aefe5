"""The verbs as a tree for cyclopts.

A mistake of usage ends with a sentence and where to read on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Final

from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError

from samotop.cli import account, check, contact, dns, init, junk, policy, queue, report, send, start, tls, verify
from samotop.cli.outcome import DONE, USAGE, settle
from samotop.cli.pages import Pages, wide_console

_EPILOGUE: Final = """\
Examples:
  samotop serve --demo                                 try it out
  samotop init --domain example.org --account alice    make a home
  samotop check                                        find every mistake
  samotop serve                                        run in the foreground

Every verb takes --home DIR. Without it: $SAMOTOP_HOME, ~/.local/share/samotop
or, for root, /var/lib/samotop. samotop VERB --help tells more.
Exit status: 0 done, 1 refused or found wrong, 2 usage, 75 try again later."""

_INIT: Final = """\
Examples:
  samotop init --domain example.org --account alice --password-file alice.txt
  samotop init --domain example.org --account alice \\
      --listen smtp=127.0.0.1:2525 --listen submission=127.0.0.1:2587 \\
      --trusted 192.0.2.0/24 --route 'lists.example.org=maildir:lists'"""

_RECORDS: Final = """\
Examples:
  samotop dns records example.org > example.org.zone
  samotop dns records example.org --address 192.0.2.1 --address 2001:db8::1"""

_VERIFY: Final = """\
Examples:
  samotop verify mail/alice/cur/1795000000.M1P1.mx
  samotop verify letter.eml --ip 192.0.2.1 --hello mx.example.net \\
      --from bob@example.net
  samotop queue show ID --content | samotop verify -"""

_REPORT: Final = """\
Examples:
  samotop report read mail/postmaster
  samotop report read google.com!example.org!1795219200!1795305599.zip
  samotop report read ~/reports --json"""

_CONTACT: Final = """\
Examples:
  samotop contact list --account alice
  samotop contact approve --account alice bob@example.net
  samotop contact expect --account alice --domain shop.example --for 15m"""

_CONTACTS: Final = """\
Examples:
  samotop contact list --account alice
  samotop contact list --account alice --standing rejected --json"""

_APPROVE: Final = """\
Examples:
  samotop contact approve --account alice bob@example.net
  samotop contact approve --account alice example.net --days 30
  samotop contact approve --account alice list:friends.example.org
  samotop contact approve --account alice bob@example.net --pin-key"""

_REJECT: Final = """\
Examples:
  samotop contact reject --account alice spam@example.net
  samotop contact reject --account alice list:news.example.net"""

_EXPECT: Final = """\
Examples:
  samotop contact expect --account alice --for 15m
  samotop contact expect --account alice --domain shop.example --for 15m"""

_ADDRESS: Final = """\
Examples:
  samotop contact address --account alice shop
  samotop contact address --account alice shop --keyed --until 2027-01-01"""

_IMPORT: Final = """\
Examples:
  samotop contact import --account alice contacts.vcf
  samotop contact import --account alice --sent mail/alice/.Sent"""

_FORGET: Final = """\
Examples:
  samotop tls forget example.net
  samotop tls forget example.net && samotop queue retry --all"""

_JUNK: Final = """\
Examples:
  samotop junk train --account alice --spam mail/alice/.Junk --ham mail/alice/cur
  samotop junk score --model alice.junk letter.eml --explain
  samotop junk evaluate --spam corpus/spam --ham corpus/ham"""

_JUNK_EVALUATE: Final = """\
Examples:
  samotop junk evaluate --spam corpus/spam --ham corpus/ham
  samotop junk evaluate --spam new/spam --ham new/ham --model alice.junk --split 0
  samotop junk evaluate --spam s.mbox --ham h.mbox --wrong 5 --json
  samotop junk evaluate --index trec07p/full/index"""

_REPLAY: Final = """\
Examples:
  samotop policy replay
  samotop policy replay policy/record-20261122.jsonl --json"""

_SEND: Final = """\
Examples:
  samotop send --server smtp://localhost:2525 --from a@example.org \\
      --to alice@example.org letter.eml
  samotop send --server smtps://bob@mail.example.net --password-file bob.txt \\
      --from bob@example.net --to alice@example.org --json < letter.eml
  samotop send --check --server bob@mail.example.net --password-file bob.txt

samotop sendmail is the drop-in for /usr/sbin/sendmail."""


def build() -> App:
    """The tree of verbs."""
    tree = _branch("samotop", "A mail server for people who decide who may write to them.", _EPILOGUE)
    _leaf(tree, init.init, "init", _INIT)
    _leaf(tree, start.serve, "serve", "Example:\n  samotop serve --home ~/mail")
    _leaf(tree, check.check, "check", "Example:\n  samotop check --home ~/mail && samotop serve --home ~/mail")
    _leaf(tree, check.config, "config", "Example:\n  samotop config --json")
    accounts = _branch("account", "Create and change accounts.", "Example:\n  samotop account add bob")
    _leaf(accounts, account.add, "add", "Example:\n  samotop account add bob --password-file bob.txt")
    _leaf(accounts, account.list_, "list", "Example:\n  samotop account list --json")
    _leaf(accounts, account.show, "show", "Example:\n  samotop account show bob")
    _leaf(accounts, account.passwd, "passwd", "Example:\n  pwgen 20 1 | samotop account passwd bob --password-file -")
    _leaf(accounts, account.remove, "remove", "Example:\n  samotop account remove bob")
    tree.command(accounts)
    queued = _branch("queue", "See what waits, and act on it.", "Example:\n  samotop queue list --state held")
    _leaf(queued, queue.list_, "list", "Example:\n  samotop queue list --state held")
    _leaf(queued, queue.show, "show", "Example:\n  samotop queue show 01JDAZ6Q3C8K5R7T0V2X")
    _leaf(queued, queue.retry, "retry", "Example:\n  samotop queue retry --all")
    _leaf(queued, queue.hold, "hold", "Example:\n  samotop queue hold 01JDAZ6Q3C8K5R7T0V2X")
    _leaf(queued, queue.release, "release", "Example:\n  samotop queue release 01JDAZ6Q3C8K5R7T0V2X")
    _leaf(queued, queue.drop, "drop", "Example:\n  samotop queue drop 01JDAZ6Q3C8K5R7T0V2X")
    tree.command(queued)
    contacts = _branch("contact", "Decide who may write, and see who asks.", _CONTACT)
    _leaf(
        contacts,
        contact.list_,
        "list",
        _CONTACTS,
    )
    _leaf(contacts, contact.approve, "approve", _APPROVE)
    _leaf(
        contacts,
        contact.reject,
        "reject",
        _REJECT,
    )
    _leaf(contacts, contact.forget, "forget", "Example:\n  samotop contact forget --account alice bob@example.net")
    _leaf(contacts, contact.expect, "expect", _EXPECT)
    _leaf(contacts, contact.address, "address", _ADDRESS)
    _leaf(contacts, contact.invite, "invite", "Example:\n  samotop contact invite --account alice")
    _leaf(contacts, contact.revoke, "revoke", "Example:\n  samotop contact revoke --account alice shop")
    _leaf(contacts, contact.import_, "import", _IMPORT)
    tree.command(contacts)
    known = _branch("tls", "See and forget what other domains' TLS was like.", "Example:\n  samotop tls list")
    _leaf(known, tls.list_, "list", "Examples:\n  samotop tls list\n  samotop tls list example.net --json")
    _leaf(known, tls.forget, "forget", _FORGET)
    tree.command(known)
    names = _branch(
        "dns",
        "Print and check the records of a domain; replace its DKIM keys.",
        "Example:\n  samotop dns check example.org",
    )
    _leaf(names, dns.records, "records", _RECORDS)
    _leaf(names, dns.check, "check", "Example:\n  samotop dns check example.org --server 192.0.2.53")
    _leaf(names, dns.rotate, "rotate", "Example:\n  samotop dns rotate example.org")
    tree.command(names)
    reports = _branch(
        "report",
        "Read what others report on mail that says it is yours.",
        "Example:\n  samotop report read mail/postmaster",
    )
    _leaf(reports, report.read, "read", _REPORT)
    tree.command(reports)
    filtered = _branch("junk", "Teach, ask and measure the filter that learns what is junk.", _JUNK)
    _leaf(filtered, junk.train, "train", "Example:\n  samotop junk train --model alice.junk --spam s.mbox --ham h.mbox")
    _leaf(filtered, junk.score, "score", "Example:\n  samotop junk score --account alice letter.eml --explain")
    _leaf(filtered, junk.evaluate, "evaluate", _JUNK_EVALUATE)
    _leaf(filtered, junk.stats, "stats", "Example:\n  samotop junk stats --account alice")
    tree.command(filtered)
    checks = _branch("policy", "Try changed rules on mail that has come in.", _REPLAY)
    _leaf(checks, policy.replay, "replay", _REPLAY)
    tree.command(checks)
    _leaf(tree, verify.verify, "verify", _VERIFY)
    _leaf(tree, send.send, "send", _SEND)
    _leaf(tree, send.sendmail, "sendmail", "Example:\n  samotop sendmail -t < letter.eml")
    return tree


def _branch(name: str, about: str, epilogue: str) -> App:
    return App(
        name=name,
        help=about,
        help_epilogue=epilogue,
        help_format="plaintext",
        help_formatter=Pages(),
        version=_version,
        default_parameter=Parameter(negative=()),
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
        sort_key=100,  # behind the verbs beside it
    )


def _leaf(branch: App, verb: Callable[..., int], name: str, epilogue: str) -> None:
    branch.command(verb, name=name, help_epilogue=epilogue, sort_key=len(list(branch)))  # in this order


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("samotop")
    except PackageNotFoundError:
        return "not installed"


def run(words: list[str]) -> int:
    """Run one command line; return the exit status."""

    def call() -> int:
        try:
            status = build()(words, console=wide_console())
        except CycloptsError as error:
            print(f"samotop: {_tell(error)}\n  {_helping(words)} --help", file=sys.stderr)
            return USAGE
        return status if isinstance(status, int) else DONE

    return settle(call)


def _tell(error: CycloptsError) -> str:
    """What is wrong, in words; cyclopts has no words for one argument too many, but a list."""
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        return f'"{error.unused_tokens[0]}" is one word too many'
    return str(error)


def _helping(words: Sequence[str]) -> str:
    """The verb that somebody tried, as far as there is one."""
    verb: list[str] = []
    branch = build()
    for word in words:
        if word.startswith("-") or word not in branch:
            break
        verb.append(word)
        branch = branch[word]
    return " ".join(["samotop", *verb])
