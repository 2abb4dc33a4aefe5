"""What every real mail server of the tests has: names, a port, mailboxes to look into, a way to send through it.

Each is ``mx.peer.example`` with the mailboxes ``user``, ``second`` and ``jörg``
in ``DOMAINS``, and takes mail from the loopback for anywhere:

| domain | where it sends it |
|---|---|
| example.org | our reception, over TLS with our certificate verified |
| plain.example.org | our reception in the clear, through a tap |
| login.example.org | our submission, logged in as alice, over verified TLS |
| lmtp.example.org | our LMTP listener |

``later@`` is put off (450) until ``let_in`` is called, ``full@`` has no room
(452), others do not exist (550). A server that cannot do one of these says so
where it is started.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.fakes.certificates import DAY, Made, make_certificate
from tests.fakes.knot import free_port
from tests.fakes.serving import POLL_SECONDS, poll
from tests.fakes.talk import Talk

PEER: Final = "mx.peer.example"
OURS: Final = "mx.example.org"
DOMAINS: Final = ("peer.example", "plain.peer.example", "login.peer.example")
"""The domains of the peer: we send to them verified, in the clear through a tap, and logged in."""
LOGIN: Final = ("robot", "well oiled hinge")
"""The account at the peer that we send with."""


def make_peer_certificate(name: str, issuer: Made | None = None) -> Made:
    """A certificate of the present: for a host, or without an issuer for an authority."""
    now = time.time()
    return make_certificate(name, issuer=issuer, begin=now - DAY, end=now + DAY, is_authority=issuer is None)


@dataclass(frozen=True)
class Ours:
    """Where our server is, for a peer: ports of the loopback, and our users' login."""

    smtp: int
    plain: int
    submission: int
    lmtp: int
    password: str


class MailServer(ABC):
    """One real server. ``root`` has signed its certificate and ours."""

    name = "peer"
    is_lmtp = False

    def __init__(self, root: Made) -> None:
        self.port = free_port()
        self.root = root
        self.certificate = make_peer_certificate(PEER, root)

    @property
    def root_pem(self) -> bytes:
        """The authority's certificate, for who shall believe it."""
        return self.root.certificate.public_bytes(Encoding.PEM)

    @abstractmethod
    def start(self, ours: Ours) -> None:
        """Write the configuration and start it; it need not answer yet."""

    @abstractmethod
    def stop(self) -> None:
        """End it and remove what it has written."""

    @abstractmethod
    def maildir(self, user: str) -> Path:
        """Where the mail of a mailbox is."""

    @abstractmethod
    def read_log(self) -> str:
        """What it has logged."""

    @abstractmethod
    def let_in(self) -> None:
        """Accept mail for ``later@`` from now on."""

    def wait_until_ready(self) -> None:
        """Until it greets."""
        try:
            poll(self._greets, seconds=20, what=f"{self.name} to greet")
        except pytest.fail.Exception:
            pytest.fail(f"{self.name} does not answer:\n{self.read_log()}")

    def _greets(self) -> bool:
        try:
            with Talk(f"127.0.0.1:{self.port}") as talk:
                return talk.greeting.startswith("220")
        except (OSError, EOFError):
            return False

    def mail(self, user: str = "user") -> list[bytes]:
        """The messages of a mailbox."""
        folder = self.maildir(user)
        files = [file for part in ("new", "cur") for file in sorted((folder / part).glob("*"))]
        return [file.read_bytes() for file in files]

    def wait_for_one(self, marker: str, user: str = "user", *, seconds: float = POLL_SECONDS) -> bytes:
        """The message that holds ``marker``, once it is there. Two of them are a failure."""
        found = self._wait(lambda: [one for one in self.mail(user) if marker.encode() in one], marker, seconds)
        assert len(found) == 1, f"{len(found)} copies"
        return found[0]

    def wait_for_notification(self, marker: str, user: str = "user") -> bytes:
        """The notification that holds ``marker``."""

        def look() -> list[bytes]:
            return [one for one in self.mail(user) if marker.encode() in one and b"message/delivery-status" in one]

        return self._wait(look, f"notification {marker}", POLL_SECONDS)[0]

    def _wait(self, look: Callable[[], list[bytes]], what: str, seconds: float) -> list[bytes]:
        try:
            return poll(look, seconds=seconds, what=what)
        except pytest.fail.Exception:
            pytest.fail(f"{self.name} has no {what}:\n{self.read_log()}")

    def submit(
        self,
        content: bytes,
        *recipients: str,
        sender: str = "<user@peer.example>",
        mail: str = "",
        rcpt: str = "",
    ) -> None:
        """Hand it a message as a program on its machine does; each recipient with the parameters ``rcpt``."""
        with Talk(f"127.0.0.1:{self.port}") as talk:
            replies = [
                talk.say(f"{'LHLO' if self.is_lmtp else 'EHLO'} localhost"),
                talk.say(f"MAIL FROM:{sender}{mail}"),
            ]
            replies += [talk.say(f"RCPT TO:<{one}>{rcpt}") for one in recipients]
            replies += [talk.say("DATA"), talk.content(content)]
            replies += [talk.reply() for _ in recipients[1:] if self.is_lmtp]
            assert all(reply[:1] in "23" for reply in replies), f"{self.name}: {replies}"
            talk.say("QUIT")
