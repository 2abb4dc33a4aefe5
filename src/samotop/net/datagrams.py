"""One question over UDP: a socket of its own, sent once, the first answer that matches.

A socket for each question, connected to the server: its port is chosen anew by
the kernel at random (RFC 5452 §9.2, RFC 6056), datagrams from elsewhere never
reach us, and a server that does not listen is known at once by ICMP. On the
socket only octets that answer our question are an answer; of others a few are
passed over. When more come somebody is guessing, and the question is better
asked over TCP.

Raises ``TimeoutError``, ``OSError`` and ``Doubtful``. Nothing is asked twice here.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from typing import Final

from samotop.errors import PeerError
from samotop.net.nameservers import NameServer
from samotop.net.questions import Match, Question

DATAGRAM_LIMIT: Final = 4096
"""Octets read of one datagram: more than we ask for; what is longer is cut, and malformed."""

STRANGERS_LIMIT: Final = 8
"""Datagrams that are no answer to our question before we stop listening to them: each is one guess
of a forger (RFC 5452 §9.3 asks to notice them). A retransmission by the network makes one or two."""


class Doubtful(PeerError):
    """An answer that may be forged: ask this question over TCP."""


class _Flight:
    """The socket while the answer is awaited."""

    __slots__ = ("answer", "identity", "question", "socket", "strangers")

    def __init__(self, sock: socket.socket, question: Question, answer: asyncio.Future[bytes]) -> None:
        self.socket = sock
        self.question = question
        self.answer = answer
        self.identity = secrets.randbits(16)
        self.strangers = 0

    def receive(self) -> None:
        """Called by the loop when there is something to read."""
        if self.answer.done():
            return
        try:
            octets = self.socket.recv(DATAGRAM_LIMIT)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.answer.set_exception(error)
            return
        match self.question.match(octets, self.identity):
            case Match.OURS:
                self.answer.set_result(octets)
            case Match.DOUBTFUL:
                self.answer.set_exception(Doubtful("the case of letters was not copied"))
            case Match.STRANGER:
                self.strangers += 1
                if self.strangers >= STRANGERS_LIMIT:
                    self.answer.set_exception(Doubtful("too many answers to other questions"))

    def expire(self) -> None:
        """Called by the loop when the time is over."""
        if not self.answer.done():
            self.answer.set_exception(TimeoutError())


async def ask_by_datagram(server: NameServer, question: Question, timeout: float) -> bytes:
    """The octets of the answer that matches, within ``timeout`` seconds."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as sock:
        sock.connect((server.address, server.port))  # sends nothing; the address is numeric, so nothing is looked up
        flight = _Flight(sock, question, loop.create_future())
        sock.send(question.format(flight.identity))
        timer = loop.call_later(timeout, flight.expire)
        loop.add_reader(sock.fileno(), flight.receive)  # asyncio describes a socket in words each time, a number not
        try:
            return await flight.answer
        finally:
            loop.remove_reader(sock.fileno())
            timer.cancel()
