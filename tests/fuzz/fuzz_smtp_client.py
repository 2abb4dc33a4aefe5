"""Fuzz target: the client's reader of replies, and its engine against whatever a server says.

Invariant. For any octets, ``take_reply`` raises nothing but ``BadReply``, and

* takes whole replies only, leaving what follows them untouched;
* says the same octet by octet as at once;
* keeps at most a reply's worth of octets before it takes or refuses it;
* what it has read, written and read again is the same reply.

And the engine, with those octets for a server, or with the replies of a table
that they choose, cut into what comes at each 0xFF, raises nothing but ``BadReply``, at most once, and then is silent;

* a transaction has one result, with every recipient of it once;
* a recipient is accepted or uncertain only if all of the content was given
  out, with its end, and accepted only with a positive reply;
* content is given out only after a positive reply to MAIL and RCPT;
* no password and no token is given out unless AUTH was asked for, and what it
  keeps of a server's octets is bounded.

    python tests/fuzz/fuzz_smtp_client.py -max_total_time=60
"""

from __future__ import annotations

import sys
from typing import Final

from samotop.address import Address
from samotop.envelope import Envelope, Recipient
from samotop.reply import REPLY_LINES_LIMIT, Reply
from samotop.sasl import LoginClient, ScramClient
from samotop.smtp.client import (
    REPLY_LINE_LIMIT,
    Authenticated,
    BadReply,
    Capabilities,
    ClientConnection,
    ClientRules,
    ContentShape,
    ContentWanted,
    Pause,
    Ready,
    RecipientAnswered,
    Stage,
    TlsAccepted,
    TransactionEnded,
    TransactionPlan,
    plan_transaction,
    take_reply,
)

KEPT: Final = REPLY_LINES_LIMIT * REPLY_LINE_LIMIT
CONTENT: Final = b"Subject: fuzz\r\n\r\n.\r\n"
ENVELOPE: Final = Envelope(
    Address("a", "example.net"), (Recipient(Address("b", "example.org")), Recipient(Address("c", "example.org")))
)
READY: Final = (
    b"220 mx\r\n",
    b"250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 STARTTLS\r\n",
    b"250 mx\r\n",
)

WORDS: Final = (
    b"250 2.0.0 Ok\r\n",
    b"354 Go\r\n",
    b"550 5.1.1 No\r\n",
    b"450 4.2.0 Later\r\n",
    b"421 4.3.2 Bye\r\n",
    b"220 Go\r\n",
    b"235 Welcome\r\n",
    b"334 VXNlcm5hbWU6\r\n",
    b"334 UGFzc3dvcmQ6\r\n",
    b"334 \r\n",
    b"250-more\r\n",
    b"250",
    b" x\r\n",
    b"503 5.5.1 What\r\n",
    READY[1],
)


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    whole = read(octets, len(octets) or 1)
    assert read(octets, 1) == whole
    assert read(octets, 3) == whole
    for reply in whole[0]:
        check_again(reply)
    if octets:
        Sender(octets[0]).run(octets[1:].split(b"\xff"))
        Sender(octets[0]).run([b"".join(WORDS[o % len(WORDS)] for o in piece) for piece in octets[1:].split(b"\xff")])


def read(octets: bytes, length: int) -> tuple[list[Reply], bytes, bool]:
    """The replies, what is left, and whether that was refused."""
    buffer, replies = bytearray(), list[Reply]()
    for start in range(0, len(octets), length):
        buffer += octets[start : start + length]
        while True:
            before = bytes(buffer)
            try:
                reply = take_reply(buffer)
            except BadReply:
                assert buffer == before
                return replies, b"", True
            if reply is None:
                assert buffer == before
                assert len(buffer) <= KEPT + length
                break
            assert before.endswith(bytes(buffer))
            assert before[: len(before) - len(buffer)].endswith(b"\n")
            replies.append(reply)
    return replies, bytes(buffer), False


def check_again(reply: Reply) -> None:
    """One pass makes a reply plain (printable, wrapped); from then on it stays as it is."""
    plain = take_reply(bytearray(reply.wire))
    assert plain is not None
    assert plain.code == reply.code
    assert take_reply(bytearray(plain.wire)) == plain


class Sender:
    """Sends two messages through an engine, in a way that ``choice`` decides."""

    def __init__(self, choice: int) -> None:
        self.choice = choice
        self.client = ClientConnection(
            "client.example.net",
            ClientRules(prefers_chunking=bool(choice & 1), chunk=10, chunks_waiting=2),
            is_lmtp=bool(choice & 2),
            is_encrypted=bool(choice & 4),
        )
        self.said = b""
        """Since the transaction began."""
        self.wants_login = bool(choice & 4)
        self.wants_tls = not self.wants_login and bool(choice & 8)
        self.left = 2
        self.has_failed = False
        self.was_wanted = False

    def run(self, pieces: list[bytes]) -> None:
        greeted = (READY[0], READY[2] if self.choice & 16 else READY[1]) if self.choice & 32 else ()
        for piece in (*greeted, *pieces):
            self.client.receive_data(piece)
            assert len(self.client.buffer) <= self.client.rules.buffered
            self.look()
        self.client.receive_end()
        self.look()
        assert self.client.is_closed
        assert self.client.data_to_send() == b""
        assert self.client.transaction is None

    def look(self) -> None:
        while True:
            try:
                event = self.client.next_event()
            except BadReply:
                assert not self.has_failed, "raised twice"
                self.has_failed = True
                continue
            if isinstance(event, Pause):
                assert not self.has_failed or event is Pause.CLOSED
                break
            if isinstance(event, TransactionEnded):
                self.check_result(event)
            self.react(event)
        said = self.client.data_to_send()
        assert not said or not self.has_failed
        self.said += said
        if not self.was_wanted:
            assert b"Subject" not in self.said
        if not self.client.is_encrypted:
            assert b"AUTH" not in self.said

    def react(self, event: object) -> None:
        client = self.client
        if isinstance(event, ContentWanted):
            self.was_wanted = True
            assert client.transaction is not None and client.transaction.accepted > 0
            if client.transaction.sending is not None and client.wants_content:
                client.send_content(CONTENT)
            client.end_content()
        elif isinstance(event, TlsAccepted):
            client.tls_started()
        elif client.is_closed or client.stage is not Stage.IDLE or isinstance(event, RecipientAnswered):
            pass
        elif self.wants_tls and isinstance(event, Ready):
            self.wants_tls = False
            client.start_tls()
        elif self.wants_login and isinstance(event, Ready) and not self.choice & 64:
            self.wants_login = False
            client.authenticate(LoginClient("alice", "secret"))
        elif self.wants_login and isinstance(event, Ready):
            self.wants_login = False
            client.authenticate(ScramClient("alice", "secret", "nonce"))
        elif client.can_begin and self.left:
            assert not isinstance(event, Authenticated) or client.is_authenticated
            self.left -= 1
            self.said, self.was_wanted = b"", False
            client.begin(self.plan(client.capabilities))
        else:
            client.quit()

    def plan(self, capabilities: Capabilities) -> TransactionPlan:
        """Of what the server says it takes no more than one transaction is made."""
        plan = plan_transaction(ENVELOPE, ContentShape(), capabilities, self.client.rules, is_lmtp=self.client.is_lmtp)
        return plan.transactions[0]

    def check_result(self, event: TransactionEnded) -> None:
        result = event.result
        assert 0 < len(result.recipients) <= len(ENVELOPE.recipients)
        is_sent = b" LAST\r\n" in self.said or self.said.endswith(b"\r\n..\r\n.\r\n")
        for one in result.recipients:
            assert not (one.is_accepted and one.is_uncertain)
            if one.is_accepted or one.is_uncertain:
                assert is_sent
            if one.is_accepted:
                assert one.reply is not None and 200 <= one.reply.code < 300
            if one.is_uncertain:
                assert one.reply is None and result.is_uncertain


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
