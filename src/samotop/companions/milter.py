"""A milter as a companion: the whole session is told to it when the content is complete.

It may refuse the message or single recipients, change and add header fields,
replace the body, and quarantine. What it would discard is held instead: only
its owner may have mail disappear. It does not change envelopes, which it is
told when the connection begins.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Final

from samotop.address import Address, ReversePath
from samotop.companions.asking import Asking, CompanionRules, Log, clean, read_pieces
from samotop.content import HEADER_LIMIT
from samotop.envelope import Body
from samotop.errors import PeerError
from samotop.facts import ContentFacts, Decision
from samotop.milter.client import Asked, MilterClient, Outcome, Refusal
from samotop.milter.commands import Connect, MailFrom, RcptTo
from samotop.net.endpoint import Tcp, Unix
from samotop.net.stream import Stream
from samotop.ports.companion import Opinion
from samotop.status import parse_status
from samotop.verdict import ABSTAIN, Verdict

CHECK: Final = "companion"


class MilterCompanion(Asking):
    """``hostname`` is ours."""

    kind = "milter"

    def __init__(self, place: Tcp | Unix, hostname: str, log: Log, rules: CompanionRules = CompanionRules()) -> None:
        super().__init__(place, log, rules)
        self._hostname = hostname

    async def _converse(self, stream: Stream, facts: ContentFacts, until: float) -> Opinion:
        header = facts.content.header
        if len(header) >= HEADER_LIMIT:
            raise PeerError("the header section is too long for a milter")
        client = MilterClient(describe(facts, self._hostname), header)
        async with aclosing(read_pieces(facts.content, skips=len(header))) as pieces:
            while client.outcome is None:
                if client.is_waiting:
                    await _send(stream, client, until)
                    octets = await stream.receive(until)
                    if not octets:
                        raise ConnectionResetError("the milter has closed the connection")
                    client.receive_data(octets)
                elif client.takes_body and (piece := await anext(pieces, b"")):
                    client.feed_body(piece)
                    await _send(stream, client, until)
                else:
                    client.finish()
        await _send(stream, client, until)
        outcome = client.outcome
        return Opinion(judge(outcome), outcome.changes, outcome.body, outcome.has_space)


async def _send(stream: Stream, client: MilterClient, until: float) -> None:
    stream.write(client.data_to_send())
    await stream.drain(until)


def describe(facts: ContentFacts, hostname: str) -> Asked:
    """The session as a milter is told it, with the macros that filters ask for most."""
    peer, mail = facts.peer, facts.mail
    address = _octets(peer.address)
    family = b"U" if not address else b"6" if ":" in peer.address else b"4"
    found = facts.authentication
    confirmed = peer.name or (found.iprev.name if found is not None and found.iprev is not None else "")
    name = _octets(confirmed) or (b"[" + address + b"]" if address else b"localhost")
    connection = [(b"j", _octets(hostname)), (b"{daemon_name}", b"samotop"), (b"v", b"Samotop")]
    connection += [(b"{client_addr}", address), (b"{client_name}", name), (b"{client_port}", b"%d" % peer.port)]
    hello: list[tuple[bytes, bytes]] = []
    if peer.tls is not None:
        hello = [(b"{tls_version}", _octets(peer.tls.version)), (b"{cipher}", _octets(peer.tls.cipher))]
    message = [(b"i", _octets(facts.id)), (b"{mail_addr}", _octets(str(mail.reverse_path)))]
    if peer.login is not None:
        message += [(b"{auth_authen}", _octets(peer.login)), (b"{auth_type}", b"PLAIN")]
    parameters = [b"SIZE=%d" % facts.content.size]
    if mail.parameters.body is not Body.SEVEN_BIT:
        parameters.append(b"BODY=" + mail.parameters.body.value.encode())
    if mail.parameters.is_utf8:
        parameters.append(b"SMTPUTF8")
    return Asked(
        Connect(name, family, peer.port if address else 0, address),
        _octets(mail.hello.hello),
        MailFrom(_path(mail.reverse_path), tuple(parameters)),
        tuple(RcptTo(_path(one.address)) for one in facts.envelope.recipients),
        {b"C": tuple(connection), b"H": tuple(hello), b"M": tuple(message), b"E": (message[0],)},
    )


def _path(path: Address | ReversePath) -> bytes:
    return b"<" + _octets(str(path)) + b">"


def _octets(text: str) -> bytes:
    return text.replace("\0", " ").encode("utf-8", "replace")


def judge(outcome: Outcome) -> Decision:
    """The decision for what a milter said."""
    if outcome.refusal is not None:
        return refuse(outcome.refusal)
    verdict = ABSTAIN
    if outcome.is_discarded:
        verdict = Verdict.hold(CHECK, "a milter would have discarded it")
    elif outcome.quarantine is not None:
        verdict = Verdict.hold(CHECK, f"a milter quarantines it: {clean(outcome.quarantine)}")
    if any(outcome.recipients):
        return [verdict if one is None else refuse(one) for one in outcome.recipients]
    return verdict


def refuse(refusal: Refusal) -> Verdict:
    """The verdict in the milter's words, where it has any and its status does not contradict its code."""
    is_transient = refusal.code < 500
    text = clean(b" ".join(refusal.lines))
    first, _, rest = text.partition(" ")
    status = "4.7.1" if is_transient else "5.7.1"
    try:
        found = parse_status(first)
    except ValueError:
        rest = text
    else:
        status = str(found) if found.klass == (4 if is_transient else 5) else status
    make = Verdict.defer if is_transient else Verdict.reject
    said = rest or ("A filter asks you to try again later" if is_transient else "A filter refuses this message")
    return make(CHECK, "a milter refuses it", status=status, said=said)
