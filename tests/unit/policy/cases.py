"""Facts for tests of checks: of an honest stranger, but for what a test changes."""

from __future__ import annotations

from samotop.address import NULL_PATH, Address, ReversePath
from samotop.content import Content
from samotop.envelope import NO_PARAMETERS, Envelope, Recipient
from samotop.facts import ConnectionFacts, ContentFacts, HelloFacts, MailFacts, RecipientFacts
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.author import find_author
from samotop.msgauth.dkim import DkimResult
from samotop.msgauth.hello import HelloResult
from samotop.msgauth.iprev import IprevResult
from samotop.msgauth.listing import Listing
from samotop.msgauth.results import Result
from samotop.msgauth.spf import SpfResult
from samotop.peer import Peer, Tls

MESSAGE = b"From: Bob <bob@example.net>\r\nSubject: x\r\n\r\nhello\r\n"


def address(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(local, domain)


def connection(
    ip: str = "192.0.2.7", *, tls: str = "", login: str | None = None, protocol: str = "smtp", local: str = "192.0.2.1"
) -> ConnectionFacts:
    peer = Peer(ip, tls=Tls(tls, "cipher") if tls else None, login=login)
    return ConnectionFacts(peer, "mx.example.org", protocol, local_address=local)


def hello(name: str = "mail.example.net", *, hasty: bool = False, extended: bool = True, **more: str) -> HelloFacts:
    return HelloFacts(connection(**more), name, extended, hasty)  # type: ignore[arg-type]  # the keywords of a case


def mail(
    path: str = "bob@example.net",
    *,
    found: Authentication | None = None,
    listings: tuple[Listing, ...] = (),
    hasty: bool = False,
    name: str = "mail.example.net",
    **more: str,
) -> MailFacts:
    reverse_path: ReversePath = address(path) if path else NULL_PATH
    said = hello(name, **more)  # type: ignore[arg-type]  # the keywords of a case
    return MailFacts(said, reverse_path, NO_PARAMETERS, found, listings, hasty)


def rcpt(to: str = "alice@example.org", facts: MailFacts | None = None, taken: int = 0) -> RecipientFacts:
    before = (Recipient(address("carol@example.org")),) * taken
    return RecipientFacts(facts or mail(), Recipient(address(to)), before)


def content(facts: MailFacts | None = None, *, octets: bytes = MESSAGE) -> ContentFacts:
    facts = facts or mail()
    envelope = Envelope(facts.reverse_path, (Recipient(address("alice@example.org")),))
    return ContentFacts(facts, envelope, Content.from_bytes(octets), "ENTRY1", facts.authentication)


def found(
    *,
    reverse: Result = Result.PASS,
    hello: Result = Result.PASS,
    spf: Result = Result.NONE,
    domain: str = "example.net",
    signer: str = "",
    author: str = "bob@example.net",
) -> Authentication:
    """What was found out about who writes."""
    return Authentication(
        IprevResult(reverse, "mail.example.net" if reverse is Result.PASS else ""),
        HelloResult(hello),
        SpfResult(spf, domain, "mailfrom", f"bob@{domain}"),
        (DkimResult(Result.PASS, signer),) if signer else (),
        author=find_author(f"From: {author}\r\n\r\n".encode()),
    )
