"""Samotop as a milter: for people who keep Postfix, or any mail server that speaks the protocol.

    smtpd_milters = unix:/run/samotop/milter.sock

Recipients with a mailbox here are decided on as ours would be: refused at RCPT
where our checks refuse them, and at the end of the message. What is accepted
gets Authentication-Results and X-Samotop-Verdict; fields that pass for these are
taken out. Mail for others, and what users of that server send logged in, is
none of our business and goes on as it is.
"""

from __future__ import annotations

import asyncio
from typing import Final

from samotop.address import NullPath
from samotop.checking.check import Check, Found, Service
from samotop.checking.visit import Visit
from samotop.envelope import NO_PARAMETERS, MailParameters, Recipient
from samotop.errors import PeerError
from samotop.message.forged import is_forged
from samotop.milter.changes import format_field
from samotop.milter.commands import (
    Abort,
    BodyChunk,
    Command,
    Connect,
    EndOfBody,
    EndOfHeader,
    HeaderField,
    Helo,
    MailFrom,
    Quit,
    RcptTo,
)
from samotop.milter.negotiation import Actions, Steps
from samotop.milter.responses import Change, ChangeHeader, InsertHeader, ReplyCode, Word
from samotop.milter.server import MilterServer
from samotop.net.networks import parse_address
from samotop.peer import Peer
from samotop.smtp.parameters import parse_mail_parameters
from samotop.smtp.paths import take_path
from samotop.verdict import Action, Verdict, refusal_reply

ACTIONS: Final = Actions.ADD_HEADER | Actions.CHANGE_HEADER
STEPS: Final = (
    Steps.NO_UNKNOWN
    | Steps.NO_DATA
    | Steps.SILENT_CONNECT
    | Steps.SILENT_HELO
    | Steps.SILENT_MAIL
    | Steps.SILENT_HEADER
    | Steps.SILENT_END_OF_HEADER
    | Steps.SILENT_BODY
    | Steps.LEADING_SPACE
)
FORGED_LIMIT: Final = 200
"""Fields that are taken out of one message; one that has more is refused."""
NAMES_LIMIT: Final = 5000
"""Different names of fields in one message; one that has more is refused."""
VERDICT_FIELD: Final = b"X-Samotop-Verdict"
ABSURD: Final = Verdict.reject("checking", "fields without end", status="5.6.0", said="Too many fields in its header")
_EXTENSIONS: Final = frozenset(("SIZE", "8BITMIME", "SMTPUTF8", "DSN", "BINARYMIME", "CHUNKING", "REQUIRETLS"))
_LOCAL_LIMIT: Final = 254


class MilterVisit(Visit):
    """One connection of a mail server."""

    kind = "milter"

    async def talk(self) -> None:
        server, service = MilterServer(ACTIONS, STEPS), self.visits.service
        dialogue = _Dialogue(server, service)
        try:
            while not self.is_stopping:
                octets = await self.receive(service.loop.time() + service.rules.idle)
                if not octets:
                    return
                server.receive_data(octets)
                self.is_busy = True
                while (event := server.next_event()) is not None:
                    if isinstance(event, Quit) and not event.is_reused:
                        return
                    await dialogue.react(event)
                    if server.is_waiting:
                        server.answer(Word.CONTINUE)
                    self.write(server.data_to_send())
                self.write(server.data_to_send())
                await self.drain(service.loop.time() + service.rules.decision)
                self.is_busy = False
        finally:
            dialogue.close()


class _Dialogue:
    """What one mail server has told, and our answers."""

    def __init__(self, server: MilterServer, service: Service) -> None:
        self._server = server
        self._service = service
        self._peer = Peer()
        self._hello = ""
        self._check: Check | None = None
        self._recipients = 0
        self._forged: list[tuple[bytes, int]] = []
        self._counts: dict[bytes, int] = {}
        self._is_absurd = False
        self._has_drained = asyncio.Event()

    async def react(self, event: Command) -> None:
        match event:
            case Connect():
                self._peer = _peer_of(event)
                self._hello = ""
            case Helo(name):
                self._hello = name.decode("utf-8", "replace")
            case MailFrom():
                await self._begin(event)
            case RcptTo():
                await self._ask_recipient(event)
            case HeaderField():
                await self._take_field(event)
            case EndOfHeader():
                await self._feed(b"\r\n")
            case BodyChunk(octets):
                await self._feed(octets)
            case EndOfBody(octets):
                await self._finish(octets)
            case Abort() | Quit():
                self.close()
            case _:
                pass

    def close(self) -> None:
        """The message is over."""
        if self._check is not None:
            self._check.close()
            self._check = None
        self._is_absurd = False
        self._forged.clear()
        self._counts.clear()
        self._recipients = 0

    async def _begin(self, event: MailFrom) -> None:
        self.close()
        if self._server.macro(b"auth_authen"):
            return  # one of that server's own users
        try:
            path, rest = take_path(event.path, allows_utf8=True, local_limit=_LOCAL_LIMIT)
        except PeerError:
            self._service.log.debug("check_unreadable", kind="milter")
            return
        if rest:
            return
        self._has_drained.set()
        self._check = Check(self._service, self._peer, self._hello)
        await self._check.begin(path, _parameters(event), self._has_drained.set)

    async def _ask_recipient(self, event: RcptTo) -> None:
        if self._check is None:
            return
        self._recipients += 1
        if self._recipients > self._service.rules.recipients:
            self._refuse(Verdict.defer("checking", "too many recipients", status="4.5.3"))
            return
        try:
            path, _ = take_path(event.path, allows_utf8=True, local_limit=_LOCAL_LIMIT)
        except PeerError:
            return
        if isinstance(path, NullPath):
            return
        verdict = await self._check.ask_recipient(Recipient(path))
        if verdict.is_refusal:
            self._refuse(verdict)

    def _refuse(self, verdict: Verdict) -> None:
        if self._server.is_waiting:
            self._server.answer(format_refusal(verdict))

    @property
    def _is_wanted(self) -> bool:
        """Is anything of ours to be said of this message?"""
        return self._check is not None and bool(self._check.recipients)

    async def _take_field(self, event: HeaderField) -> None:
        if not self._is_wanted:
            return
        name = event.name.lower()
        if len(self._forged) >= FORGED_LIMIT or len(self._counts) >= NAMES_LIMIT:
            self._is_absurd = True
            return
        self._counts[name] = number = self._counts.get(name, 0) + 1
        ours = self._service.hostname.lower().encode()
        if name in (b"authentication-results", VERDICT_FIELD.lower()) and is_forged(
            name, event.value, ours, frozenset()
        ):
            self._forged.append((event.name, number))
        has_space = self._server.has_leading_space
        await self._feed(event.name + (b":" if has_space else b": ") + event.value.replace(b"\n", b"\r\n") + b"\r\n")

    async def _feed(self, octets: bytes) -> None:
        if not self._is_wanted or not octets:
            return
        check = self._check
        assert check is not None, "wanted"
        if check.size + len(octets) > self._service.rules.size:
            self.close()  # no part of it can be judged, as it would fail where the whole does not
            return
        self._has_drained.clear()
        if not check.feed(octets):
            async with asyncio.timeout(self._service.rules.decision):
                await self._has_drained.wait()

    async def _finish(self, octets: bytes) -> None:
        if not self._is_wanted:
            self.close()
            return
        await self._feed(octets)
        check = self._check
        if check is None:
            return
        found = Found(ABSURD) if self._is_absurd else await check.finish()
        self._service.log.info("checked", kind="milter", action=found.verdict.action.value, check=found.verdict.check)
        if found.verdict.is_refusal:
            self._server.answer(format_refusal(found.verdict))
        else:
            tells_reason = len(check.recipients) == 1 == self._recipients
            changes = plan_changes(found, self._forged, tells_reason=tells_reason)
            has_space = self._server.has_leading_space
            self._server.answer(*(_with_space(one) if has_space else one for one in changes), Word.CONTINUE)
        self.close()


def plan_changes(found: Found, forged: list[tuple[bytes, int]], *, tells_reason: bool) -> list[Change]:
    """What is done to an accepted message: forged fields out, the last first since they are counted; ours in front.

    ``tells_reason``: nobody but one recipient of ours reads it.
    """
    changes: list[Change] = [ChangeHeader(number, name, b"") for name, number in reversed(forged)]
    changes.append(InsertHeader(0, VERDICT_FIELD, format_verdict(found.verdict, tells_reason=tells_reason)))
    if found.inquired is not None and found.inquired.results:
        name, _, value = found.inquired.results.encode("utf-8", "replace").partition(b":")
        field = format_field(name, value.strip()).partition(b": ")[2].removesuffix(b"\r\n").replace(b"\r\n", b"\n")
        changes.append(InsertHeader(0, name, field))
    return changes


def format_verdict(verdict: Verdict, *, tells_reason: bool) -> bytes:
    """The value of our field: what reception would do with it, where, and why."""
    action = "accept" if verdict.action is Action.ABSTAIN else verdict.action.value
    words = [action]
    if verdict.folder:
        words.append(f"folder={verdict.folder}")
    if tells_reason and verdict.reason and verdict.action is not Action.ABSTAIN:
        words.append(verdict.reason)
    text = "; ".join(words)[:400]
    return "".join(one if " " <= one <= "~" else " " for one in text).encode("ascii")


def format_refusal(verdict: Verdict) -> ReplyCode:
    """The reply that reception would give."""
    reply = refusal_reply(verdict)
    status = b"" if reply.status is None else str(reply.status).encode() + b" "
    lines = tuple(
        status + "".join(one if " " <= one <= "~" else " " for one in line).encode("ascii")[:400]
        for line in reply.lines[:5]
    )
    return ReplyCode(reply.code, lines)


def _with_space(change: Change) -> Change:
    """Values bring the blank after the colon, where both sides agreed on that."""
    match change:
        case InsertHeader(index, name, value):
            return InsertHeader(index, name, b" " + value)
        case _:
            return change


def _peer_of(event: Connect) -> Peer:
    if event.family not in (b"4", b"6"):
        return Peer()
    try:
        address = str(parse_address(event.address.decode("ascii", "replace").removeprefix("IPv6:")))
    except ValueError:
        return Peer()
    return Peer(address, event.port)


def _parameters(event: MailFrom) -> MailParameters:
    """What can be read of them: the mail server has accepted them already."""
    try:
        return parse_mail_parameters(b" ".join(event.parameters), _EXTENSIONS)
    except PeerError:
        return NO_PARAMETERS
