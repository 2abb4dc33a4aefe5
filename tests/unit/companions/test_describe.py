"""How a session is told to a milter, and how our own milter reads it: the same peer comes out."""

from __future__ import annotations

import pytest

from samotop.address import NULL_PATH, Address
from samotop.checking.milter import _peer_of
from samotop.companions.milter import describe
from samotop.content import Content
from samotop.envelope import Body, Envelope, MailParameters, Recipient
from samotop.facts import ConnectionFacts, ContentFacts, HelloFacts, MailFacts
from samotop.milter.commands import Connect
from samotop.peer import Peer, Tls


def facts(peer: Peer, parameters: MailParameters = MailParameters()) -> ContentFacts:
    mail = MailFacts(HelloFacts(ConnectionFacts(peer, "mx.example.org"), "h\0i", True), NULL_PATH, parameters)
    recipients = (Recipient(Address("a b", "example.org")), Recipient(Address("jörg", "example.org")))
    return ContentFacts(mail, Envelope(NULL_PATH, recipients, parameters), Content.from_bytes(b"12345"), "ID")


@pytest.mark.parametrize("peer", [Peer("192.0.2.1", 2525), Peer("2001:db8::1", 25), Peer()])
def test_a_peer_is_read_as_it_was_told(peer: Peer) -> None:
    assert _peer_of(describe(facts(peer), "mx.example.org").connect) == peer


@pytest.mark.parametrize(
    ("address", "family", "found"),
    [
        (b"IPv6:2001:db8::1", b"6", "2001:db8::1"),
        (b"::ffff:192.0.2.1", b"6", "192.0.2.1"),
        (b"somewhere", b"4", ""),
        (b"/run/socket", b"L", ""),
    ],
)
def test_addresses_are_read_as_mail_servers_write_them(address: bytes, family: bytes, found: str) -> None:
    """Sendmail marks those of IPv6; what is none is nobody's."""
    assert _peer_of(Connect(b"x", family, 25, address)).address == found


def test_the_envelope_is_told_in_angle_brackets_with_its_parameters() -> None:
    asked = describe(facts(Peer("192.0.2.1"), MailParameters(body=Body.EIGHT_BIT, is_utf8=True)), "mx.example.org")
    assert (asked.mail.path, asked.mail.parameters) == (b"<>", (b"SIZE=5", b"BODY=8BITMIME", b"SMTPUTF8"))
    assert [one.path for one in asked.recipients] == [b'<"a b"@example.org>', "<jörg@example.org>".encode()]
    assert asked.hello == b"h i", "a NUL would end the string"


def test_filters_hear_of_login_and_tls_by_macros() -> None:
    """OpenDKIM signs for who has logged in: ``auth_authen``."""
    macros = describe(facts(Peer("192.0.2.1", 1, Tls("TLSv1.3", "X"), "alice")), "mx.example.org").macros
    assert dict(macros[b"M"])[b"{auth_authen}"] == b"alice"
    assert dict(macros[b"H"]) == {b"{tls_version}": b"TLSv1.3", b"{cipher}": b"X"}
    assert (b"j", b"mx.example.org") in macros[b"C"] and (b"i", b"ID") in macros[b"E"]
    assert b"{auth_authen}" not in dict(describe(facts(Peer("192.0.2.1")), "x").macros[b"M"])
