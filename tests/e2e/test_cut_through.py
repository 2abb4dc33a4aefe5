"""Cut-through: the next hop's answers are the sender's, and nothing is stored."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.fakes.hops import HANGS, Hop, HopScript, serve_hop
from tests.fakes.serving import Home, Homes, MakeHome, Served, StartServer, poll
from tests.fakes.talk import Talk, message

FRONT = """\
hostname = "front.example.org"
domains = ["example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[[listen]]
protocol = "lmtp"
address = "{lmtp}"

[[route]]
match = "inside.example.org"
via = "{via}"
cut_through = true

[[alias]]
address = "all@example.org"
to = ["bob", "carol@inside.example.org"]

[policy]
exempt = ["127.0.0.0/8"]

[reports]
dmarc = false

[consent]
unknown = "accept"
"""

BACK = """\
hostname = "back.example.org"
domains = ["inside.example.org"]

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

TO = "RCPT TO:<alice@inside.example.org>"


@dataclass(frozen=True, slots=True)
class Front:
    """A server whose mail for inside.example.org goes through to ``hop``."""

    server: Served
    hop: Hop
    spool: dict[str, bytes] = field(default_factory=dict)

    def check_nothing_kept(self, *markers: bytes) -> None:
        check_nothing_kept(self.server.home, *markers, spool=self.spool)

    def expect(self, script: HopScript) -> None:
        """What the next hop says from its next session on."""
        self.hop.script = script
        self.hop.hang_up()
        self.hop.messages.clear()
        self.hop.connections = 0
        self.spool.clear()
        self.spool.update(spooled(self.server.home))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, homes: Homes) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    with serve_hop(HopScript()) as hop:
        home = homes.build(folder / "home", FRONT.replace("{via}", f"smtp://127.0.0.1:{hop.port}"))
        server = Served(home, log=folder / "server.log")
        try:
            server.wait_until_ready()
            yield Front(server, hop)
        finally:
            server.close()


@pytest.fixture
def front(shared: Front) -> Front:
    shared.expect(HopScript())
    return shared


@contextmanager
def begun(server: Served, address: str | None = None) -> Iterator[Talk]:
    """A session with a transaction open."""
    with Talk(address or server.address()) as talk:
        talk.say("LHLO client.test" if address else "EHLO client.test")
        assert talk.say("MAIL FROM:<sender@client.test>").startswith("250")
        yield talk


def spooled(home: Home) -> dict[str, bytes]:
    """What the spool has on disk, room that is kept for later left away."""
    files = [path for path in (home.path / "spool").rglob("*") if path.is_file()]
    return {path.name: found for path in files if (found := path.read_bytes().strip(b"\0"))}


def check_nothing_kept(home: Home, *markers: bytes, spool: dict[str, bytes] | None = None) -> None:
    """No entry, nothing new in the spool, encrypted or not, and none of these octets anywhere in the home."""
    assert home.queue() == []
    assert spooled(home) == (spool or {})
    for path in home.path.rglob("*"):
        if path.is_file():
            found = path.read_bytes()
            assert not any(marker in found for marker in markers), path


def test_the_next_hops_yes_is_the_senders(front: Front) -> None:
    with begun(front.server) as talk:
        assert talk.say(TO) == "250 2.1.5 ok"
        talk.say("DATA")
        assert talk.content(message("marker-yes")) == "250 2.0.0 ok: queued as X"
    ((recipients, content),) = front.hop.messages
    assert recipients == ("alice@inside.example.org",)
    assert content.startswith(b"Received: from client.test")
    assert b"by front.example.org" in content and content.endswith(message("marker-yes"))
    front.check_nothing_kept(b"marker-yes", b"alice@inside", b"sender@client.test")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (HopScript(rcpt=["550 5.1.1 nobody of that name"]), "550 5.1.1 nobody of that name"),
        (HopScript(rcpt=["450 4.2.1 the mailbox is busy"]), "450 4.2.1 the mailbox is busy"),
        (HopScript(rcpt=["452 4.2.2 full"]), "452 4.2.2 full"),
        (HopScript(rcpt=["550 no status"]), "550 5.0.0 no status"),
        (HopScript(rcpt=["421 4.3.2 bye"]), "451 4.3.2 bye"),
        (HopScript(rcpt=["550 2.1.5 of two minds"]), "550 5."),
        (HopScript(mail=["550 5.7.1 not from them"]), "550 5.7.1 not from them"),
        (HopScript(mail=["530 5.7.0 log in first"]), "451 4.3.5 "),
        (HopScript(rcpt=[""]), "451 4.4.2 "),
        (HopScript(mail=[""]), "451 4.4.2 "),
        (HopScript(greeting=["554 5.3.2 not here"]), "451 4.4.1 "),
        (HopScript(greeting=["421 4.3.2 later"]), "451 4.4.1 "),
        (HopScript(ehlo=["250-hop", "250 SIZE 10"]), "250"),
    ],
    ids=lambda value: value if isinstance(value, str) else "says",
)
def test_a_recipient_is_answered_as_the_next_hop_does(front: Front, script: HopScript, said: str) -> None:
    """Its words where it speaks of the message; "come back" where it or we are at fault."""
    front.expect(script)
    with begun(front.server) as talk:
        assert talk.say(TO).startswith(said)
        assert talk.say("NOOP").startswith("250"), "the sender's session goes on"
    front.check_nothing_kept(b"alice@inside")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (HopScript(data=["554 5.7.1 no content, please"]), "554 5.7.1 no content, please"),
        (HopScript(final=["554 5.7.1 spam"]), "554 5.7.1 spam"),
        (HopScript(final=["451 4.3.0 disk"]), "451 4.3.0 disk"),
        (HopScript(final=[""]), "451 4.4.2 "),
        (HopScript(data=[""]), "451 4.4.2 "),
    ],
    ids=lambda value: value if isinstance(value, str) else "says",
)
def test_the_content_is_answered_as_the_next_hop_does(front: Front, script: HopScript, said: str) -> None:
    """Where no answer came it may have the message: the sender tries again (RFC 5321 §6.1)."""
    front.expect(script)
    with begun(front.server) as talk:
        assert talk.say(TO).startswith("250")
        talk.say("DATA")
        assert talk.content(message("marker-no")).startswith(said)
    front.check_nothing_kept(b"marker-no", b"alice@inside")


def test_who_is_not_there_is_asked_again_later(make_home: MakeHome, start_server: StartServer) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # ours, and nobody listens
        server = start_server(make_home(FRONT.replace("{via}", f"smtp://127.0.0.1:{silent.getsockname()[1]}")))
        with begun(server) as talk:
            assert talk.say(TO).startswith("451 4.4.1 ")
    assert [event["status"] for event in server.events("next_hop_unreachable")] == ["4.4.1"]


def test_our_own_refusal_reaches_no_next_hop(front: Front) -> None:
    """A message that goes round: refused here, and the next hop's transaction is taken back before any content."""
    looping = b"".join(b"Received: by r%d.test; Mon, 1 Jan 2024 00:00:00 +0000\r\n" % n for n in range(60))
    server, hop = front.server, front.hop
    with begun(server) as talk:
        assert talk.say(TO).startswith("250")
        talk.say("DATA")
        assert talk.content(looping + message("marker-loop")).startswith("550 5.4.6")
    with begun(server) as talk:
        assert talk.say("RCPT TO:<nobody@example.org>").startswith("550 5.1.1"), "ours, and not asked about"
    assert hop.messages == []
    assert hop.connections == 1
    front.check_nothing_kept(b"marker-loop")


def test_recipients_that_cannot_share_an_answer_come_apart(front: Front) -> None:
    server, hop = front.server, front.hop
    with begun(server) as talk:
        assert talk.say(TO).startswith("250")
        assert talk.say("RCPT TO:<bob@example.org>").startswith("452 4.5.3")
        assert talk.say("RCPT TO:<bob@inside.example.org>").startswith("250"), "the same next hop answers once"
        talk.say("DATA")
        assert talk.content(message("marker-both")).startswith("250")
        talk.say("MAIL FROM:<sender@client.test>")
        assert talk.say("RCPT TO:<bob@example.org>").startswith("250")
        assert talk.say(TO).startswith("452 4.5.3")
        talk.say("DATA")
        assert talk.content(message("marker-stored")).startswith("250")
    server.home.wait_for_one(b"marker-stored", "bob")
    assert [recipients for recipients, _ in hop.messages] == [("alice@inside.example.org", "bob@inside.example.org")]


def test_an_alias_has_no_sender_who_waits(front: Front) -> None:
    """Whom it stands for is known when the message is accepted: it is queued, and takes the same route."""
    with begun(front.server) as talk:
        assert talk.say("RCPT TO:<all@example.org>") == "250 2.1.5 Ok"
        assert front.hop.connections == 0
        talk.say("DATA")
        assert talk.content(message("marker-alias")).startswith("250 2.0.0 Ok: queued as")
    front.server.home.wait_for_one(b"marker-alias", "bob")
    poll(lambda: front.hop.messages, what="the other target")
    poll(lambda: not front.server.home.queue(), what="an empty queue")


def test_a_session_with_the_next_hop_is_used_again(front: Front) -> None:
    """While it lasts; one that has ended unnoticed costs nobody an answer."""
    for number in range(4):
        if number == 3:
            front.hop.hang_up()
        with begun(front.server) as talk:
            assert talk.say(TO).startswith("250")
            talk.say("DATA")
            assert talk.content(message(f"marker-{number}")).startswith("250")
    assert len(front.hop.messages) == 4
    assert front.hop.connections == 2


def test_one_refused_by_the_next_hop_binds_nobody(front: Front) -> None:
    """The first accepted recipient decides, and not the first one named."""
    front.expect(HopScript(rcpt=["550 5.1.1 nobody"]))
    server = front.server
    with begun(server) as talk:
        assert talk.say(TO).startswith("550")
        assert talk.say("RCPT TO:<bob@example.org>").startswith("250")
        talk.say("DATA")
        assert talk.content(message("marker-after")).startswith("250")
    server.home.wait_for_one(b"marker-after", "bob")


def test_a_sender_who_goes_leaves_the_next_hop_with_nothing(front: Front) -> None:
    """RSET, another EHLO, QUIT, and a connection that just ends."""
    server, hop = front.server, front.hop
    for last in ("RSET", "EHLO other.test", "QUIT", ""):
        with begun(server) as talk:
            assert talk.say(TO).startswith("250")
            if last:
                assert talk.say(last)[:3] in ("250", "221")
            else:
                talk.say("DATA")
                talk.send(b"Subject: cut\r\n\r\nhal")
    with begun(server) as talk:
        assert talk.say(TO).startswith("250")
        talk.say("DATA")
        assert talk.content(message("marker-next")).startswith("250")
    assert hop.names(hop.messages) == {"marker-next"}
    front.check_nothing_kept(b"Subject: cut")


@pytest.mark.parametrize("lines", [1, 400_000], ids=["small", "large"])
def test_killed_while_the_next_hop_thinks_there_is_no_yes(
    make_home: MakeHome, start_server: StartServer, lines: int
) -> None:
    """Whatever the next hop does afterwards: nobody was told that the message is safe, and nothing of it stays."""
    with serve_hop(HopScript(final=[HANGS])) as hop:
        server = start_server(make_home(FRONT.replace("{via}", f"smtp://127.0.0.1:{hop.port}")))
        with begun(server) as talk:
            assert talk.say(TO).startswith("250")
            talk.say("DATA")
            talk.send(message("marker-killed", b"line\r\n" * lines) + b".\r\n")
            poll(lambda: hop.thinking, what="the end of the content")
            server.kill()
            assert talk.rest() == b""
        files = [path.read_bytes() for path in (server.home.path / "spool").rglob("*") if path.is_file()]
        assert not any(b"marker-killed" in found or b"line\r\nline" in found for found in files)
        server = start_server(server.home)
        check_nothing_kept(server.home, b"marker-killed")


def test_an_lmtp_sender_is_answered_for_each(front: Front) -> None:
    """There recipients of next hops and of mailboxes go together."""
    front.expect(HopScript(final=["554 5.7.1 not this"]))
    server = front.server
    with begun(server, server.address("lmtp")) as talk:
        assert talk.say("RCPT TO:<bob@example.org>").startswith("250")
        assert talk.say(TO).startswith("250")
        talk.say("DATA")
        first = talk.content(message("marker-each"))
        assert first.startswith("250") and talk.reply() == "554 5.7.1 not this"
    server.home.wait_for_one(b"marker-each", "bob")


@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
def test_two_servers_of_ours(make_home: MakeHome, start_server: StartServer, protocol: str) -> None:
    """The one behind knows its accounts, and the one before it learns that from nobody else."""
    back = start_server(make_home(BACK))
    address = back.address(protocol)
    via = f"smtp://{address}" if protocol == "smtp" else f"lmtp:{address.removeprefix('unix:')}"
    front = start_server(make_home(FRONT.replace("{via}", via)))
    large = message("marker-large", b"x" * 70 + b"\r\n" + b"line\r\n" * 400_000)
    with begun(front) as talk:
        assert talk.say("RCPT TO:<carol@inside.example.org>").startswith("550 5.1.1")
        assert talk.say(TO).startswith("250")
        second = talk.say("RCPT TO:<bob@inside.example.org>")
        assert second.startswith("250" if protocol == "smtp" else "452 4.5.3"), "LMTP answers the content for each"
        talk.say("DATA")
        assert talk.content(message("marker-small", "größe\r\n".encode())).startswith("250 2.0.0 Ok: queued as")
        talk.say("MAIL FROM:<sender@client.test>")
        assert talk.say(TO).startswith("250")
        talk.say("DATA")
        assert talk.content(large).startswith("250 2.0.0 Ok: queued as")
    stored = back.home.wait_for_one(b"marker-small", "alice")
    assert stored.index(b"by back.example.org") < stored.index(b"by front.example.org")
    assert back.home.wait_for_one(b"marker-large", "alice").count(b"line\n") == 400_000
    check_nothing_kept(front.home, b"marker-small", b"marker-large", b"alice@inside")
