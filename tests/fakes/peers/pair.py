"""Our server and a real one, each the other's next hop.

    with open_pair(Postfix(root, needs), folder, homes) as pair:
        pair.peer, pair.ours, pair.to_us, pair.to_peer

Both show certificates of one authority, for their own names. ``to_us`` and
``to_peer`` are taps on the ways that go in the clear (``plain.*`` domains).
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from samotop.dsn import Report, parse_notification
from tests.fakes.peers.server import LOGIN, OURS, PEER, MailServer, Ours, make_peer_certificate
from tests.fakes.peers.tap import Tap, open_tap
from tests.fakes.serving import PASSWORD, Home, Homes, Served
from tests.fakes.talk import Talk

CONFIG: Final = """\
hostname = "mx.example.org"
domains = ["example.org", "plain.example.org", "login.example.org", "lmtp.example.org"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[[listen]]
protocol = "submission"
address = "127.0.0.1:0"
tls = "required"

[[listen]]
protocol = "lmtp"
address = "127.0.0.1:0"

[relay]
trusted = ["127.0.0.1"]

[[route]]
match = "peer.example"
via = "{verified}"

[[route]]
match = "plain.peer.example"
via = "{plain}"

[[route]]
match = "login.peer.example"
via = "{login}"

[[route]]
match = "wrong.peer.example"
via = "{wrong}"

[dns]
servers = ["127.0.0.1:9"]
dnssec = "off"

[reports]
dmarc = false

[consent]
unknown = "accept"
"""

_MARKERS = itertools.count(1)


def mark() -> str:
    """A word that no other message of this test run has."""
    return f"marker-{next(_MARKERS):05d}-end"


@dataclass(frozen=True)
class Pair:
    """``ours`` is the running server, ``peer`` the other one."""

    peer: MailServer
    ours: Served
    to_us: Tap
    to_peer: Tap

    @property
    def home(self) -> Home:
        return self.ours.home

    def send(
        self,
        content: bytes,
        *recipients: str,
        sender: str = "<bob@example.org>",
        mail: str = "",
        rcpt: str = "",
        is_binary: bool = False,
    ) -> None:
        """Give our server a message for the peer; each recipient with the parameters ``rcpt``."""
        with Talk(self.ours.address()) as talk:
            replies = [talk.ehlo(), talk.say(f"MAIL FROM:{sender}{mail}")]
            replies += [talk.say(f"RCPT TO:<{one}>{rcpt}") for one in recipients]
            if is_binary:
                talk.send(b"BDAT %d LAST\r\n" % len(content) + content)
                replies.append(talk.reply())
            else:
                replies += [talk.say("DATA"), talk.content(content)]
            assert all(reply[:1] in "23" for reply in replies), replies

    def notification(self, marker: str, account: str = "bob") -> Report:
        """The notification about the message with this marker, in one of our mailboxes."""
        found = parse_notification(self.stored(marker, account))
        assert found is not None
        return found

    def stored(self, marker: str, account: str = "alice") -> bytes:
        """The message with this marker in one of our mailboxes."""
        try:
            return self.home.wait_for_one(marker.encode(), account)
        except pytest.fail.Exception as vain:
            pytest.fail(f"{vain}\n{self.ours.stderr}\n{self.peer.read_log()}")


def _url(scheme: str, port: int, *parameters: str, login: str = "") -> str:
    return f"{scheme}://{login}127.0.0.1:{port}?{'&'.join(parameters)}"


@contextlib.contextmanager
def open_pair(peer: MailServer, folder: Path, homes: Homes, *, more: str = "") -> Iterator[Pair]:
    """Both run for as long as the block lasts; our log must be free of faults at its end. ``more``: our tables."""
    with contextlib.ExitStack() as stack:
        stack.callback(peer.stop)
        to_peer = stack.enter_context(open_tap(peer.port))
        root = folder / "root.pem"
        root.write_bytes(peer.root_pem)
        name, password = LOGIN[0], LOGIN[1].replace(" ", "%20")
        scheme, roots = "lmtp" if peer.is_lmtp else "smtp", f"roots={root}"
        verified = _url(scheme, peer.port, "tls=required", roots, f"name={PEER}")
        config = CONFIG.format(
            verified=verified,
            plain=_url(scheme, to_peer.port, "tls=none"),
            login=_url(scheme, peer.port, "tls=required", roots, f"name={PEER}", login=f"{name}:{password}@"),
            wrong=_url(scheme, peer.port, "tls=required", roots, "name=mx.other.example"),
        )
        home = homes.build(folder / "home", config + more)
        tls = home.path / "tls"
        tls.mkdir(mode=0o700, exist_ok=True)
        _, key = make_peer_certificate(OURS, peer.root).write(tls)
        key.chmod(0o600)
        served = Served(home, log=folder / "log")
        stack.callback(served.kill)
        served.wait_until_ready()
        to_us = stack.enter_context(open_tap(served.port("smtp")))
        ports = (served.port("smtp"), to_us.port, served.port("submission"), served.port("lmtp"))
        peer.start(Ours(*ports, password=PASSWORD))
        peer.wait_until_ready()
        yield Pair(peer, served, to_us, to_peer)
        served.close()
