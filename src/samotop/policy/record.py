"""A decision and what it rested on, as one line of JSON: what ``samotop policy replay`` reads.

``describe`` takes what a record needs out of the facts, ``format_record`` hides who is meant (``policy.pseudonyms``)
and writes the line, ``parse_record`` makes facts of it again, which the checks can be asked about. Contents, subjects
and file names are in none. What is written is a promise to later releases: ``VERSION`` counts changes of meaning.

``parse_record`` raises ``ValueError`` for what is no record; the others raise nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from samotop.address import NULL_PATH, Address, ReversePath
from samotop.content import Content
from samotop.envelope import Envelope, MailParameters, Recipient
from samotop.facts import ConnectionFacts, ContentFacts, HelloFacts, MailFacts, RecipientFacts
from samotop.message.mailboxes import Mailbox
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.author import Author
from samotop.msgauth.dkim import DkimResult
from samotop.msgauth.dmarc import DmarcResult, Policy
from samotop.msgauth.dmarc import parse_record as parse_dmarc
from samotop.msgauth.hello import HelloResult
from samotop.msgauth.iprev import IprevResult
from samotop.msgauth.listing import Listing
from samotop.msgauth.results import Result
from samotop.msgauth.spf import SpfResult
from samotop.peer import Peer, Tls
from samotop.policy.cause import code_of
from samotop.policy.pseudonyms import Pseudonyms
from samotop.verdict import Action, Verdict

VERSION: Final = 1
RECIPIENTS_LIMIT: Final = 100
"""Recipients of one message that a record names."""
LINE_LIMIT: Final = 64 * 1024
"""Octets of a line; no honest one has a tenth of it."""

_POLICY_FOUND: Final = parse_dmarc(b"v=DMARC1; p=none")

Facts = ConnectionFacts | HelloFacts | MailFacts | RecipientFacts | ContentFacts


@dataclass(frozen=True, slots=True)
class Record:
    """``outcomes`` are code and action of each verdict: one, or one for each of ``recipients``."""

    at: int
    stage: str
    connection: ConnectionFacts
    outcomes: tuple[tuple[str, str], ...]
    hello: HelloFacts | None = None
    mail: MailFacts | None = None
    recipients: tuple[Address, ...] = ()
    accepted: int = 0
    authentication: Authentication | None = None

    @property
    def facts(self) -> MailFacts | None:
        """MAIL, with all that was found out by the end."""
        return self.mail


def describe(stage: str, facts: Facts, found: Verdict | Sequence[Verdict], at: float) -> Record:
    """What is kept of a decision; nothing that holds the content."""
    verdicts = (found,) if isinstance(found, Verdict) else tuple(found)
    outcomes = tuple(
        (code_of(one) if one.action is not Action.ABSTAIN else "", one.action.value)
        for one in verdicts[:RECIPIENTS_LIMIT]
    )
    mail = facts if isinstance(facts, MailFacts) else getattr(facts, "mail", None)
    hello = facts if isinstance(facts, HelloFacts) else None if mail is None else mail.hello
    connection = facts if isinstance(facts, ConnectionFacts) else hello.connection if hello is not None else None
    assert connection is not None, "facts of every stage hold the connection's"
    recipients: tuple[Address, ...] = ()
    accepted, authentication = 0, None if mail is None else mail.authentication
    if isinstance(facts, RecipientFacts):
        recipients, accepted = (facts.recipient.address,), facts.accepted
    elif isinstance(facts, ContentFacts):
        recipients = tuple(one.address for one in facts.envelope.recipients[:RECIPIENTS_LIMIT])
        authentication = facts.authentication
    return Record(int(at), stage, connection, outcomes, hello, mail, recipients, accepted, authentication)


def format_record(record: Record, hide: Pseudonyms) -> bytes:
    """One line, its end included."""
    peer = record.connection.peer
    line: dict[str, Any] = {
        "v": VERSION,
        "at": record.at,
        "stage": record.stage,
        "outcomes": record.outcomes,
        "peer": hide.ip(peer.address),
        "local": hide.ip(record.connection.local_address),
        "protocol": record.connection.protocol,
        "tls": None if peer.tls is None else peer.tls.version,
        "login": None if peer.login is None else hide.word("login", peer.login),
    }
    if record.hello is not None:
        line["hello"] = hide.hello(record.hello.hello)
        line["extended"] = record.hello.is_extended
        line["hasty"] = record.hello.is_hasty
    if record.mail is not None:
        path = record.mail.reverse_path
        line["path"] = _pair(hide.address(path)) if isinstance(path, Address) else None
        line["hasty_mail"] = record.mail.is_hasty
        line["listings"] = [[one.zone, one.codes, one.is_known] for one in record.mail.listings]
        line["recipients"] = [_pair(hide.address(one)) for one in record.recipients]
        line["accepted"] = record.accepted
        line["found"] = None if record.authentication is None else _format_found(record.authentication, hide)
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _pair(address: Address) -> list[str]:
    return [address.local, address.domain]


def _format_found(found: Authentication, hide: Pseudonyms) -> dict[str, Any]:
    told: dict[str, Any] = {"explained": bool(found.explained_by), "open": found.might_be_explained}
    if found.iprev is not None:
        told["iprev"] = found.iprev.result.value
    if found.hello is not None:
        told["hello"] = found.hello.result.value
    if found.spf is not None:
        told["spf"] = [found.spf.result.value, hide.domain(found.spf.domain), found.spf.scope]
    told["dkim"] = [[one.result.value, hide.domain(one.domain), one.is_weak] for one in found.dkim[:RECIPIENTS_LIMIT]]
    if found.author is not None:
        told["author"] = [_pair(hide.address(one)) for one in found.author.addresses[:RECIPIENTS_LIMIT]]
        told["claimed"] = [hide.domain(one) for one in found.author.claimed]
    if found.dmarc is not None:
        one = found.dmarc
        told["dmarc"] = [one.result.value, one.policy.value, hide.domain(one.organizational_domain), list(one.aligned)]
        told["crowd"] = one.record is None
    return told


def parse_record(line: bytes) -> Record:
    """A record's facts again. Raises ``ValueError`` for anything else."""
    if len(line) > LINE_LIMIT:
        raise ValueError("the line is longer than a record is")
    try:
        told = json.loads(line)
        if told["v"] != VERSION:
            raise ValueError(f"it is of version {told['v']}, and this release reads {VERSION}")
        return _read(told)
    except (KeyError, TypeError, IndexError, AttributeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("it is no record of a decision") from error


def _read(told: dict[str, Any]) -> Record:
    tls = None if told["tls"] is None else Tls(told["tls"], "")
    peer = Peer(told["peer"], tls=tls, login=told["login"])
    connection = ConnectionFacts(peer, "", told["protocol"], local_address=told["local"])
    outcomes = tuple((str(code), str(action)) for code, action in told["outcomes"])
    hello = mail = found = None
    if "hello" in told:
        hello = HelloFacts(connection, told["hello"], told["extended"], told["hasty"])
    if "path" in told and hello is not None:
        path: ReversePath = NULL_PATH if told["path"] is None else Address(*told["path"])
        found = None if told["found"] is None else _read_found(told["found"])
        listings = tuple(Listing(zone, tuple(codes), known) for zone, codes, known in told["listings"])
        mail = MailFacts(hello, path, MailParameters(), found, listings, told["hasty_mail"])
    recipients = tuple(Address(*one) for one in told.get("recipients", ()))
    return Record(
        told["at"], told["stage"], connection, outcomes, hello, mail, recipients, told.get("accepted", 0), found
    )


def _read_found(told: dict[str, Any]) -> Authentication:
    author = None
    if "author" in told:
        mailboxes = tuple(Mailbox("", Address(*one)) for one in told["author"])
        domains = tuple(dict.fromkeys(one.address.domain for one in mailboxes))
        author = Author(mailboxes, domains, claimed=tuple(told["claimed"]))
    dmarc = None
    if "dmarc" in told:
        result, policy, organization, aligned = told["dmarc"]
        record = None if told["crowd"] else _POLICY_FOUND
        dmarc = DmarcResult(Result(result), Policy(policy), "", organization, tuple(aligned), record)
    spf = None
    if "spf" in told:
        result, domain, scope = told["spf"]
        spf = SpfResult(Result(result), domain, scope, "")
    return Authentication(
        IprevResult(Result(told["iprev"])) if "iprev" in told else None,
        HelloResult(Result(told["hello"])) if "hello" in told else None,
        spf,
        tuple(DkimResult(Result(result), domain, is_weak=weak) for result, domain, weak in told["dkim"]),
        None,
        author,
        dmarc,
        "sealer" if told["explained"] else "",
        told["open"],
    )


def content_facts(record: Record) -> ContentFacts:
    """The facts at the end of the content, without one."""
    assert record.mail is not None, "a content comes within a transaction"
    envelope = Envelope(record.mail.reverse_path, tuple(map(Recipient, record.recipients)))
    return ContentFacts(record.mail, envelope, Content.from_bytes(b""), "", record.authentication)
