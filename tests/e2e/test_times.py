"""Times that a sender sets at submission: FUTURERELEASE (RFC 4865) and DELIVERBY (RFC 2852)."""

from __future__ import annotations

import base64
import json

from tests.fakes.serving import PASSWORD, MakeHome, Served, StartServer, poll
from tests.fakes.talk import Talk, message, trusting


def submit(server: Served, wishes: str, marker: str) -> str:
    """The last reply to a message from alice to bob with these parameters of MAIL."""
    with Talk(server.address("submission", 1), tls=trusting()) as talk:
        assert "FUTURERELEASE 2592000 2" in talk.ehlo()
        assert talk.say(b"AUTH PLAIN " + base64.b64encode(b"\0alice\0" + PASSWORD.encode())).startswith("235")
        assert talk.say(f"MAIL FROM:<alice@example.org> {wishes}").startswith("250")
        talk.say("RCPT TO:<bob@example.org>")
        talk.say("DATA")
        return talk.content(message(marker).replace(b"sender@client.test", b"alice@example.org"))


def test_what_is_held_for_later_waits_through_kill_and_restart(make_home: MakeHome, start_server: StartServer) -> None:
    """The time counts from the arrival, and `samotop queue show` tells it."""
    home = make_home()
    server = start_server(home)
    assert submit(server, "HOLDFOR=86400", "held").startswith("250")
    assert submit(server, "BY=3600;N", "now").startswith("250")
    home.wait_for_one(b"now", "bob")
    server.kill()
    server = start_server(home)
    assert submit(server, "", "after").startswith("250")
    home.wait_for_one(b"after", "bob")
    (entry,) = poll(lambda: [one for one in home.queue() if one["reason"]], what="a reason")
    shown = json.loads(home.run("queue", "show", entry["id"], "--json").stdout)
    assert shown["due"] == shown["release"] == shown["received"] + 86400
    assert "wants it kept until" in home.run("queue", "show", entry["id"]).stdout
    assert len(home.mail("bob")) == 2


def test_strangers_cannot_have_mail_kept_for_later(server: Served) -> None:
    """Keeping is a service to our own users; to be told in time is anybody's wish."""
    with Talk(server.address("smtp")) as talk:
        hello = talk.ehlo()
        assert "DELIVERBY 60" in hello and "FUTURERELEASE" not in hello
        assert talk.say("MAIL FROM:<sender@client.test> HOLDFOR=60").startswith("555 5.5.4")
        assert talk.say("MAIL FROM:<sender@client.test> BY=0;R").startswith("501 5.5.4")
        assert talk.say("MAIL FROM:<sender@client.test> BY=60;R").startswith("250")
