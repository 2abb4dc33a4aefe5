"""Samotop as rspamd is asked: POST /checkv2 with a message, what it thinks as JSON.

    curl --data-binary @message -H "IP: 192.0.2.1" -H "From: a@example.net" -H "Rcpt: alice@example.org" ...

The envelope is in the fields IP, Helo, From, Rcpt (one for each), User and
Queue-Id, as rspamd's clients send them; more are ignored. The answer has
rspamd's words: ``action``, ``score`` and ``required_score``, ``symbols`` and
``messages``. We do not add up scores: a score says which action it is, and
symbols have none.

One request for each connection. Line ends in the message may be LF, as
rspamd's clients have them.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from typing import Any, Final

from samotop.address import NULL_PATH, Address, ReversePath
from samotop.checking.check import Check, Found
from samotop.checking.request import BadRequest, CheckRequest, take_request
from samotop.checking.visit import Visit
from samotop.envelope import NO_PARAMETERS, Recipient
from samotop.errors import PeerError
from samotop.net.networks import parse_address
from samotop.peer import Peer
from samotop.smtp.paths import parse_mailbox
from samotop.verdict import Action, refusal_reply

PATHS: Final = ("/checkv2", "/check", "/symbols")
REQUIRED: Final = 15.0
"""The score that rspamd rejects at, unless it was configured."""

_ACTIONS: Final = {
    Action.REJECT: ("reject", REQUIRED),
    Action.DEFER: ("soft reject", 4.0),
    Action.HOLD: ("add header", 6.0),
    Action.DISCARD: ("add header", 6.0),
}
_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    431: "Request Header Fields Too Large",
}
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")


class HttpVisit(Visit):
    """One connection, one request."""

    kind = "checkv2"

    async def talk(self) -> None:
        service = self.visits.service
        until = service.loop.time() + service.rules.decision
        buffer = bytearray()
        try:
            while (request := take_request(buffer)) is None:
                octets = await self.receive(until)
                if not octets:
                    return
                buffer += octets
            self.is_busy = True
            answer = await self._answer(request, bytes(buffer), until)
        except BadRequest as error:
            self.write(format_response(error.status, {"error": _REASONS[error.status]}))
            return
        self.write(answer)
        await self.drain(until)

    async def _answer(self, request: CheckRequest, begun: bytes, until: float) -> bytes:
        service = self.visits.service
        if request.path == "/ping":
            return format_response(200, "pong\r\n")
        if request.path not in PATHS:
            raise BadRequest(404)
        if request.method != "POST":
            raise BadRequest(405)
        if request.length > service.rules.size or len(request.find_all("rcpt")) > service.rules.recipients:
            raise BadRequest(413)
        if request.expects_continue:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        has_drained = asyncio.Event()
        login = request.find("user")
        check = Check(service, _peer_of(request.find("ip")), request.find("helo"))
        try:
            await check.begin(_read_path(request.find("from")), NO_PARAMETERS, has_drained.set)
            for text in [] if login else request.find_all("rcpt"):
                address = _read_path(text)
                if isinstance(address, Address):
                    await check.ask_recipient(Recipient(address))
            async for octets in self._body(begun, request.length, until):
                has_drained.clear()
                if not check.feed(octets):
                    async with asyncio.timeout_at(until):
                        await has_drained.wait()
            found = await check.finish()
        finally:
            check.close()
        service.log.info("checked", kind=self.kind, action=found.verdict.action.value, check=found.verdict.check)
        return format_response(200, describe(found, is_skipped=bool(login)))

    async def _body(self, begun: bytes, length: int, until: float) -> AsyncGenerator[bytes, None]:
        """The message, with CRLF; a CR at the end of a piece waits for what follows."""
        left, octets, kept = length, begun, b""
        while left:
            if not octets:
                octets = await self.receive(until)
                if not octets:
                    raise BadRequest(400)
            octets = octets[:left]
            left -= len(octets)
            piece, octets = kept + octets, b""
            kept = b"\r" if left and piece.endswith(b"\r") else b""
            piece = piece[: len(piece) - len(kept)]
            if piece:
                yield _BARE_LF.sub(b"\r\n", piece)


def _peer_of(text: str) -> Peer:
    try:
        return Peer(str(parse_address(text)))
    except ValueError:
        return Peer()


def _read_path(text: str) -> ReversePath:
    """An address, with or without angle brackets. What is none is the null reverse-path."""
    text = text.strip().removeprefix("<").removesuffix(">")
    try:
        return parse_mailbox(text.encode()) if text else NULL_PATH
    except PeerError:
        return NULL_PATH


def describe(found: Found, *, is_skipped: bool = False) -> dict[str, Any]:
    """The answer's JSON."""
    verdict = found.verdict
    action, score = _ACTIONS.get(verdict.action, ("no action", 0.0))
    symbols: dict[str, Any] = {}
    if verdict.action is not Action.ABSTAIN:
        name = "SAMOTOP_" + re.sub(r"[^A-Z0-9]+", "_", verdict.check.upper())
        symbols[name] = {"name": name, "score": score, "metric_score": score, "description": verdict.reason}
    for name, result in _results(found):
        symbols[name] = {"name": name, "score": 0.0, "metric_score": 0.0, "options": [result]}
    answer: dict[str, Any] = {
        "is_skipped": is_skipped,
        "score": score,
        "required_score": REQUIRED,
        "action": action,
        "symbols": symbols,
        "messages": {},
    }
    if verdict.is_refusal:
        reply = refusal_reply(verdict)
        answer["messages"]["smtp_message"] = f"{reply.status} {reply.lines[0]}"
    if found.inquired is not None and found.inquired.results:
        name, _, value = found.inquired.results.partition(":")
        field = {"value": " ".join(value.split()), "order": 0}
        answer["milter"] = {"add_headers": {name: field}}
    return answer


def _results(found: Found) -> list[tuple[str, str]]:
    """What was found out about who writes: a symbol for each method."""
    if found.inquired is None:
        return []
    known = found.inquired.authentication
    results = [("IPREV", known.iprev), ("SPF", known.spf), ("ARC", known.arc), ("DMARC", known.dmarc)]
    told = [(f"SAMOTOP_{name}", str(one.result)) for name, one in results if one is not None]
    if known.dkim:
        passed = [one for one in known.dkim if one.result == "pass"]
        told.append(("SAMOTOP_DKIM", str((passed or list(known.dkim))[0].result)))
    return told


def format_response(status: int, body: dict[str, Any] | str) -> bytes:
    is_text = isinstance(body, str)
    octets = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=True).encode()
    kind = "text/plain" if is_text else "application/json"
    head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(octets)}\r\n"
    return f"{head}Connection: close\r\nServer: samotop\r\n\r\n".encode() + octets
