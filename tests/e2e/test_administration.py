"""The command line beside a running server: what it changes is obeyed at once, by one process and by several."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import pytest

from tests.fakes.serving import PASSWORD, Home, MakeHome, ReservedPort, Served, StartServer, poll
from tests.fakes.talk import Talk, check_stored, message, trusting

Mark = Callable[[], str]

CONFIG: Final = """\
hostname = "mx.example.org"
domains = ["example.org"]
workers = {workers}

[[listen]]
protocol = "smtp"
address = "127.0.0.1:{port}"

[[listen]]
protocol = "lmtp"
address = "{{lmtp}}"

[relay]
trusted = ["127.0.0.1"]
smarthost = "smtp://127.0.0.1:1"

[limits]
sessions_per_address = 500
"""


@pytest.fixture(params=[1, 2], ids=["one process", "two workers"])
def running(request: pytest.FixtureRequest, make_home: MakeHome, start_server: StartServer) -> Iterator[Served]:
    """A server whose loopback peers may relay: what they send to other domains waits for a smarthost that is down."""
    port = ReservedPort()
    config = CONFIG.format(workers=request.param, port=port.number if request.param > 1 else 0)
    yield start_server(make_home(config))
    port.close()


def send(server: Served, marker: str, *recipients: str) -> str:
    """One message in a session of its own; its id."""
    with Talk(server.address()) as talk:
        talk.ehlo()
        reply = talk.mail(message(marker), *recipients)
        assert reply.startswith("250 2.0.0"), reply
        return reply.rpartition(" ")[2]


def states(home: Home) -> dict[str, str]:
    return {entry["id"]: entry["state"] for entry in home.queue()}


def held(server: Served, marker: str, *recipients: str) -> str:
    """A message for another domain, held by the operator; its id."""
    name = send(server, marker, *recipients)
    poll(lambda: [one for one in server.home.queue() if one["id"] == name and one["reason"]], what="an attempt")
    server.home.run("queue", "hold", name)
    poll(lambda: states(server.home).get(name) == "held", what="a held entry")
    return name


def test_an_account_is_obeyed_at_once(running: Served, mark: Mark) -> None:
    """Added: RCPT takes it from the next command on, in every worker. Removed: 550 again."""
    home = running.home
    with Talk(running.address()) as talk:  # each of several workers must know; sessions that were there before, too
        others = [Talk(running.address()) for _ in range(12)]
        for one in (talk, *others):
            one.ehlo()
            one.say("MAIL FROM:<sender@client.test>")
            assert one.say("RCPT TO:<carol@example.org>").startswith("550 5.1.1")
        home.add_account("carol")
        for one in (talk, *others):
            assert one.say("RCPT TO:<carol@example.org>").startswith("250 2.1.5")
        talk.say("DATA")
        assert talk.content(message(mark())).startswith("250")
        (stored,) = home.wait_for_mail(1, "carol")
        check_stored(stored, to="carol@example.org")
        home.run("account", "remove", "carol")
        for one in others:  # a removed one may be answered for a second longer
            poll(partial(is_refused, one), what="550")
            one.close()
    assert len(home.mail("carol")) == 1, "the mail of an account that is gone stays"


def is_refused(talk: Talk) -> bool:
    return talk.say("RCPT TO:<carol@example.org>").startswith("550 5.1.1")


def log_in(server: Served, password: str) -> str:
    with Talk(server.address()) as talk:
        talk.ehlo()
        talk.start_tls(trusting())
        assert "AUTH" in talk.ehlo()
        return talk.say(b"AUTH PLAIN " + base64.b64encode(b"\0alice\0" + password.encode()))[:3]


def test_a_changed_password_is_obeyed_at_once(running: Served) -> None:
    """The old one is refused from then on, although it was right a moment ago."""
    assert log_in(running, PASSWORD) == "235"
    running.home.run("account", "passwd", "alice", "--password-file", "-", typed="another good password\n")
    assert log_in(running, PASSWORD) == "535"
    assert log_in(running, "another good password") == "235"


def test_the_queue_is_shown_while_the_server_runs(running: Served, mark: Mark) -> None:
    """A listing names nobody; ``show`` names addresses; the content comes on demand only."""
    home = running.home
    assert "empty" in home.run("queue", "list").stdout
    marker = mark()
    name = held(running, marker, "friend@far.test")
    listed = home.run("queue", "list").stdout
    assert name in listed and "held" in listed and "far.test" not in listed and "client.test" not in listed
    assert home.run("queue", "list", "--state", "queued").stdout.strip() == "Nothing in the queue is queued."
    shown: dict[str, Any] = json.loads(home.run("queue", "show", name, "--json").stdout)
    assert shown["reverse_path"] == "sender@client.test"
    assert [one["recipient"] for one in shown["pending"]] == ["friend@far.test"]
    assert marker not in json.dumps(shown)
    assert marker in home.run("queue", "show", name, "--content").stdout
    assert "there is no" in home.run("queue", "show", "00000000000000000000", status=1).stderr


def test_held_mail_is_released_or_dropped(running: Served, mark: Mark) -> None:
    """Released: it is tried at once, whoever rests, and waits again. Dropped: it is gone for good."""
    home = running.home
    first, second = held(running, mark(), "friend@far.test"), held(running, mark(), "friend@far.test")
    attempts = {entry["id"]: entry["attempts"] for entry in home.queue()}
    assert home.run("queue", "release", first).stdout == "1 released\n"

    def was_tried() -> bool:
        now = {entry["id"]: entry for entry in home.queue()}
        return now[first]["attempts"] > attempts[first] and now[first]["state"] == "queued"

    poll(was_tried, what="another attempt")
    assert home.run("queue", "release", "00000000000000000000", status=1).stdout == "0 released\n"
    assert home.run("queue", "drop", second).stdout == "1 dropped\n"
    assert set(states(home)) == {first}
    home.run("queue", "show", second, "--content", status=1)
    assert home.run("queue", "drop", "--all").stdout == "1 dropped\n"
    assert states(home) == {}
    poll(lambda: spool_is_empty(home), what="the room of what was dropped")
    assert home.run("queue", "drop", status=2).stdout == "", "which ones must be said"


def spool_is_empty(home: Home) -> bool:
    """Is nothing in the spool but perhaps a segment under way, with no entry?"""
    return len(list((home.path / "spool").iterdir())) <= 1


def test_deferred_mail_is_held_and_retried(running: Served, mark: Mark) -> None:
    """A mailbox that cannot be written: the entry waits, may be held and released, and arrives once, repaired."""
    home = running.home
    (home.path / "mail").mkdir(exist_ok=True)
    (home.path / "mail" / "bob").write_text("a file where a Maildir should be")
    marker = mark()
    name = send(running, marker, "alice@example.org", "bob@example.org")
    home.wait_for_one(marker.encode())
    poll(lambda: [one["attempts"] for one in home.queue()] == [1], what="a first attempt")
    assert states(home) == {name: "queued"}
    assert home.run("queue", "hold", name).stdout == "1 held\n"
    assert states(home) == {name: "held"}
    assert home.run("queue", "retry", name, status=1).stdout == "0 retried\n", "held is held"
    (home.path / "mail" / "bob").unlink()
    assert home.run("queue", "release", name).stdout == "1 released\n"
    (stored,) = home.wait_for_mail(1, "bob")
    check_stored(stored, to="bob@example.org")
    poll(lambda: states(home) == {}, what="an empty queue")
    home.wait_for_mail(1)  # and alice still has it once


def test_retry_does_not_wait_for_its_time(running: Served, mark: Mark) -> None:
    """What is due in a minute is tried now."""
    home = running.home
    (home.path / "mail").mkdir(exist_ok=True)
    (home.path / "mail" / "bob").write_text("a file where a Maildir should be")
    names = [send(running, mark(), "bob@example.org") for _ in range(4)]
    poll(lambda: [one["attempts"] for one in home.queue()] == [1] * 4, what="first attempts")
    (home.path / "mail" / "bob").unlink()
    assert home.run("queue", "retry", "--all").stdout == "4 retried\n"
    assert len(home.wait_for_mail(4, "bob")) == len(names)
    poll(lambda: states(home) == {}, what="an empty queue")


def test_a_certain_account_has_its_mail_counted(running: Served, mark: Mark) -> None:
    """``account show``: what it owns and where its mail is."""
    send(running, mark(), "alice@example.org")
    running.home.wait_for_mail(1)
    shown = json.loads(running.home.run("account", "show", "alice", "--json").stdout)
    assert shown["addresses"] == ["alice@example.org"]
    assert shown["new"] == 1 and shown["seen"] == 0


def test_two_workers_share_the_port(make_home: MakeHome, start_server: StartServer) -> None:
    """Both take sessions and both deliver: entries of both slots, none lost, and a UNIX socket that only one has."""
    port = ReservedPort()
    home = make_home(CONFIG.format(workers=2, port=port.number))
    server = start_server(home)
    assert len(server.workers()) == 2
    made: set[str] = set()

    def send_some(number: int) -> None:
        for count in range(10):
            send(server, f"shared-{number}-{count}-end", "alice@example.org")

    threads = [threading.Thread(target=send_some, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        made |= {path.name.partition("-")[0] for path in (home.path / "spool").iterdir()}
    for thread in threads:
        thread.join()
    stored = home.wait_for_mail(80)
    assert len({octets.partition(b"Subject: ")[2].partition(b"\n")[0] for octets in stored}) == 80
    assert made == {"0", "1"}, "each worker had a segment of its own"
    with Talk(server.address("lmtp")) as talk:
        assert talk.say("LHLO client.test").startswith("250")
    assert server.terminate() == 0
    assert states(home) == {}
    port.close()


def test_fewer_workers_take_over_what_others_left(make_home: MakeHome, start_server: StartServer, mark: Mark) -> None:
    """What is held in the slot of a worker that is not started any more is not forgotten."""
    port = ReservedPort()
    home = make_home(CONFIG.format(workers=2, port=port.number))
    server = start_server(home)
    names = {held(server, mark(), "friend@far.test") for _ in range(12)}  # both workers have some
    assert server.terminate() == 0
    home.write(CONFIG.format(workers=1, port=0).replace("{lmtp}", str(home.path / "lmtp.sock")))
    server = start_server(home)
    assert set(states(home)) == names
    home.append('[[route]]\nmatch = "far.test"\nvia = "maildir:far"\n')
    assert server.terminate() == 0
    server = start_server(home)
    assert home.run("queue", "release", "--all").stdout == "12 released\n"
    poll(lambda: states(home) == {}, what="an empty queue")
    assert len(list((home.path / "far" / "new").iterdir())) == 12
    port.close()


def test_routes_of_every_kind(make_home: MakeHome, start_server: StartServer, mark: Mark) -> None:
    """discard, console, directory, maildir, mbox, journal: one message with a recipient for each of them."""
    config = CONFIG.format(workers=1, port=0) + "".join(
        f'\n[[route]]\nmatch = "{match}"\nvia = "{via}"\n'
        for match, via in (
            ("gone.test", "discard"),
            ("console.test", "console"),
            ("files.test", "directory:files"),
            ("maildir.test", "maildir:box"),
            ("mbox.test", "mbox:box.mbox"),
            ("journal.test", "journal:journal?size=1MB&age=1d"),
        )
    )
    home = make_home(config)
    server = start_server(home)
    marker = mark()
    domains = ("gone", "console", "files", "maildir", "mbox", "journal")
    send(server, marker, *[f"someone@{one}.test" for one in domains], "alice@example.org")
    home.wait_for_one(marker.encode())
    poll(lambda: states(home) == {}, what="an empty queue")
    assert server.terminate() == 0
    for place in ("files", "box", "box.mbox", "journal"):
        path = home.path / place
        found = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
        assert sum(one.read_bytes().count(marker.encode()) for one in found) == 1, place
    assert server.process.stdout is not None
    assert marker.encode() in server.process.stdout.read()
