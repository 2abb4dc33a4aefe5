"""Mail for other servers: from a session with ours to the mailbox of another, over real DNS and real sockets."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from samotop.dsn import parse_notification
from tests.fakes.hops import Hop, HopScript, serve_hop
from tests.fakes.hostilehops import make_rows, serve_hostile
from tests.fakes.knot import Knot, start_knot
from tests.fakes.serving import Home, MakeHome, Served, StartServer, poll
from tests.fakes.talk import Talk, message

__all__ = ["start_knot"]

OTHER = """\
hostname = "mx.example.net"
domains = ["example.net"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[[listen]]
protocol = "lmtp"
address = "{lmtp}"

[reports]
dmarc = false

[consent]
unknown = "accept"
"""

OURS = """\
hostname = "mx.example.org"
domains = ["example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[relay]
trusted = ["127.0.0.1"]
{relay}

[dns]
servers = ["{server}"]
dnssec = "off"

[reports]
dmarc = false

[consent]
unknown = "accept"
"""

ZONES = {
    "example.net": {
        "example.net": {"MX": ["10 dead.example.net.", "20 mx.example.net."]},
        "dead.example.net": {"A": ["127.0.0.77"]},
        "mx.example.net": {"A": ["127.0.0.1"]},
    },
    "null.example": {"null.example": {"MX": ["0 ."]}},
    "loop.example": {"loop.example": {"MX": ["10 mx.example.org."]}, "mx.loop.example": {"A": ["127.0.0.1"]}},
}

BOTH = "<alice@example.net>"


@pytest.fixture
def other(make_home: MakeHome, start_server: StartServer) -> Served:
    """The next hop: another server of ours, with its own names."""
    return start_server(make_home(OTHER))


@pytest.fixture
def ours(make_home: MakeHome, start_server: StartServer, start_knot: Callable[..., Knot]) -> Callable[..., Served]:
    """Starts our server; ``relay`` are lines of ``[relay]``, ``more`` whole tables."""

    def start(relay: str = "", more: str = "", *, zones: dict[str, object] | None = None) -> Served:
        knot = start_knot(ZONES if zones is None else zones)
        config = OURS.replace("{relay}", relay).replace("{server}", f"127.0.0.1:{knot.port}") + more
        return start_server(make_home(config))

    return start


def send(served: Served, content: bytes, *recipients: str, sender: str = "<bob@example.org>", rcpt: str = "") -> str:
    """One message; each recipient with the parameters ``rcpt``."""
    with Talk(served.address()) as talk:
        talk.ehlo()
        replies = talk.say_all(
            f"MAIL FROM:{sender} RET=FULL ENVID=e1", *[f"RCPT TO:{one}{rcpt}" for one in recipients], "DATA"
        )
        assert all(reply.startswith(("250", "354")) for reply in replies), replies
        return talk.content(content)


def show(home: Home, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(home.run("queue", "show", name, "--json").stdout)
    return found


def test_by_mx_past_a_host_that_does_not_answer(ours: Callable[..., Served], other: Served) -> None:
    """The first MX refuses connections, the second takes it, encrypted; nothing is left in the queue."""
    served = ours(f"port = {other.port()}")
    send(served, message("one"), "<alice@example.net>", "<bob@example.net>")
    (stored,) = other.home.wait_for_mail(1, "alice", with_=b"one")
    other.home.wait_for_mail(1, "bob", with_=b"one")
    text = stored.decode()
    assert "Return-Path: <bob@example.org>\n" in text
    assert text.count("\nReceived: ") == 2 and "by mx.example.org with ESMTP id" in text
    assert "with ESMTPS id" in text, "opportunistic TLS is used"
    poll(lambda: not served.home.queue(), what="the queue to be empty")


def test_by_smarthost(ours: Callable[..., Served], other: Served) -> None:
    """Everything foreign goes there; names are not looked up."""
    served = ours(f'smarthost = "smtp://127.0.0.1:{other.port()}"', zones={})
    send(served, message("two"), "<alice@example.net>")
    other.home.wait_for_one(b"two")


def test_by_lmtp_route(ours: Callable[..., Served], other: Served) -> None:
    """A route to a UNIX socket, as Dovecot has it."""
    path = other.address("lmtp").removeprefix("unix:")
    served = ours(more=f'[[route]]\nmatch = "example.net"\nvia = "lmtp:{path}"\n')
    send(served, message("three"), "<alice@example.net>", "<bob@example.net>")
    assert b"with LMTP" in other.home.wait_for_one(b"three", "alice")
    other.home.wait_for_one(b"three", "bob")


def test_local_and_remote_recipients_of_one_message(ours: Callable[..., Served], other: Served) -> None:
    """Each gets one copy."""
    served = ours(f"port = {other.port()}")
    send(served, message("four"), "<alice@example.org>", "<alice@example.net>")
    served.home.wait_for_one(b"four")
    other.home.wait_for_one(b"four")
    poll(lambda: not served.home.queue())


@pytest.mark.parametrize(
    ("recipient", "status"),
    [
        ("nobody@example.net", "5.1.1"),
        ("a@null.example", "5.1.10"),
        ("a@loop.example", "5.4.6"),
        ("a@gone.example.net", "5.1.2"),
    ],
)
def test_a_failure_comes_back_as_a_notification(
    ours: Callable[..., Served], other: Served, recipient: str, status: str
) -> None:
    """To the sender's mailbox, with what it asked for; the message leaves the queue."""
    served = ours(f"port = {other.port()}")
    send(served, message("five"), f"<{recipient}>", rcpt=" ORCPT=rfc822;first@example.com")
    stored = served.home.wait_for_one(b"multipart/report", "bob")
    found = parse_notification(stored)
    assert found is not None
    (one,) = found.recipients
    assert (one.final, one.action, str(one.status), one.original) == (recipient, "failed", status, "first@example.com")
    assert found.envelope_id == "e1"
    assert b"Return-Path: <>\n" in stored and b"five" in stored
    assert b"From: Mail Delivery System <postmaster@example.org>" in stored
    poll(lambda: not served.home.queue())


def test_nobody_is_told_of_a_notification_that_fails(ours: Callable[..., Served], other: Served) -> None:
    """RFC 5321 §6.1; it is held, since what we acknowledged must not be lost."""
    served = ours(f"port = {other.port()}")
    with Talk(served.address()) as talk:
        talk.ehlo()
        assert talk.mail(message("six"), "nobody@example.net", sender="<>").startswith("250")
    poll(lambda: [one["state"] for one in served.home.queue()] == ["held"])
    assert not served.home.mail("bob")


def test_success_is_told_where_asked_for(ours: Callable[..., Served], other: Served) -> None:
    """NOTIFY=SUCCESS: the next hop offers DSN and tells it; NEVER is silence."""
    served = ours(f"port = {other.port()}", more='\n[[route]]\nmatch = "nodsn.example"\nvia = "maildir:box"\n')
    send(served, message("seven"), "<x@nodsn.example>", rcpt=" NOTIFY=SUCCESS")
    found = parse_notification(served.home.wait_for_one(b"multipart/report", "bob"))
    assert found is not None and found.recipients[0].action == "delivered"
    send(served, message("eight"), "<nobody@example.net>", rcpt=" NOTIFY=NEVER")
    poll(lambda: not served.home.queue())
    assert len(served.home.mail("bob")) == 1


def test_a_greylisted_message_waits_and_the_queue_says_why(ours: Callable[..., Served]) -> None:
    """4yz: queued, with the server's words; `retry` tries at once; `hold`, `release` and `drop` work on it."""
    script = HopScript(rcpt=["450 4.7.1 come back later"])
    with serve_hop(script) as hop:
        served = ours(f'smarthost = "smtp://127.0.0.1:{hop.port}?tls=none"', zones={})
        send(served, message("nine"), "<alice@example.net>")
        (row,) = poll(lambda: [one for one in served.home.queue() if one["attempts"]])
        assert row["state"] == "queued" and "4.7.1" in row["reason"]
        name = row["id"]
        shown = show(served.home, name)
        (pending,) = shown["pending"]
        assert "come back later" in pending["last"]
        assert (pending["tls"]["demanded"], pending["tls"]["by"], pending["tls"]["reached"]) == (
            "none",
            "operator",
            "none",
        )
        served.home.run("queue", "hold", name)
        assert served.home.queue()[0]["state"] == "held"
        served.home.run("queue", "release", name)
        poll(lambda: served.home.queue()[0]["attempts"] == 2)
        script.rcpt = []
        served.home.run("queue", "retry", name)
        poll(lambda: not served.home.queue())
        assert len(hop.messages) == 1


def test_hostile_next_hops_keep_nobody_else_waiting(ours: Callable[..., Served], other: Served) -> None:
    """All of the page's at once, before one server: no message is lost, and the others' mail goes on.

    Its deadlines are those of the real world, so that who hangs still hangs when this ends.
    """
    rows = {name: row for name, row in make_rows().items() if not row.demands_tls}
    with serve_hostile(rows) as ports:
        routes = [
            f'[[route]]\nmatch = "{name}.bad.example"\nvia = "smtp://127.0.0.1:{port}"\n'
            for name, port in ports.items()
        ]
        served = ours(f"port = {other.port()}", more="\n".join(routes))
        ids: dict[str, str] = {}
        with Talk(served.address()) as talk:
            talk.ehlo()
            for name in rows:
                said = talk.mail(message(name), f"x@{name}.bad.example", sender="<bob@example.org>")
                ids[name] = said.rpartition("queued as ")[2].strip()
        send(served, message("good"), "<alice@example.net>", *[f"<y@{name}.bad.example>" for name in rows])
        other.home.wait_for_one(b"good")
        send(served, message("later"), "<alice@example.net>")
        other.home.wait_for_mail(1, "alice", with_=b"later")

        def accounted() -> bool:
            """Every message for one of them alone: in the queue, with the server, or back with its sender."""
            waiting = {one["id"] for one in served.home.queue()}
            told = b"".join(path.read_bytes() for path in served.home.mail("bob"))
            return all(
                ids[name] in waiting or row.record.kept > 0 or f"x@{name}.bad.example".encode() in told
                for name, row in rows.items()
            )

        poll(accounted, what="every message to be somewhere")
        poll(lambda: all(row.record.sessions for row in rows.values()), what="all of them to be asked")


@contextmanager
def smtp_sink(needs: Callable[..., str], folder: Path) -> Iterator[int]:
    """Postfix's own test server; its port."""
    with serve_hop(HopScript()) as probe:
        port = probe.port
    who = ("-u", "nobody") if os.getuid() == 0 else ()
    process = subprocess.Popen(
        [needs("smtp-sink", package="postfix"), *who, "-c", f"127.0.0.1:{port}", "100"],
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        poll(lambda: _accepts(port))
        yield port
    finally:
        process.kill()
        process.wait()


def _accepts(port: int) -> bool:
    try:
        with Talk(f"127.0.0.1:{port}"):
            return True
    except (OSError, EOFError):
        return False


def test_many_messages_to_smtp_sink(ours: Callable[..., Served], needs: Callable[..., str], tmp_path: Path) -> None:
    """Over few connections that are used again."""
    with smtp_sink(needs, tmp_path) as port:
        served = ours(f'smarthost = "smtp://127.0.0.1:{port}"', zones={})
        with Talk(served.address()) as talk:
            talk.ehlo()
            for number in range(200):
                assert talk.mail(message(f"m{number}"), f"r{number}@example.net").startswith("250")
        poll(lambda: not served.home.queue(), what="all to be gone")
        assert not served.home.mail("bob")


def test_connections_are_used_again(ours: Callable[..., Served]) -> None:
    """Fifty messages in a row are not fifty connections."""
    with serve_hop(HopScript()) as hop:
        served = ours(f'smarthost = "smtp://127.0.0.1:{hop.port}?tls=none"', zones={})
        with Talk(served.address()) as talk:
            talk.ehlo()
            for number in range(50):
                assert talk.mail(message(f"m{number}"), f"r{number}@example.net").startswith("250")
        poll(lambda: len(hop.messages) == 50)
        assert hop.connections <= 10
        assert Hop.names(hop.messages) == {f"m{number}" for number in range(50)}
