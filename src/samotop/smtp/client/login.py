"""AUTH from the client's side: the command, the lines of its exchange, its limits (RFC 4954 §4).

Here is base64, order and counting; what is said is the mechanism's
(``samotop.sasl``). Nothing of it is kept, or told in an event or an error.
"""

from __future__ import annotations

import base64
from typing import Final

from samotop.errors import PeerError
from samotop.reply import Reply
from samotop.sasl.mechanism import RESPONSE_LIMIT, ClientMechanism, SaslError
from samotop.smtp.client.dialogue import ClientDialogue, Step
from samotop.smtp.client.events import Authenticated, Refused
from samotop.smtp.client.replies import UnprovenServer
from samotop.smtp.client.rules import Stage
from samotop.smtp.xtext import parse_base64


def say_auth(dialogue: ClientDialogue, mechanism: ClientMechanism) -> None:
    """AUTH, with the initial response where the mechanism has one that fits."""
    dialogue.mechanism = mechanism
    dialogue.challenges = 0
    line = b"AUTH " + mechanism.name.encode("ascii")
    initial = mechanism.start()
    if initial is not None:
        encoded = base64.b64encode(initial) or b"="
        if len(line) + len(encoded) + 3 <= dialogue.rules.auth_line:
            line += b" " + encoded
            initial = None
    dialogue.initial = initial
    dialogue.say(line + b"\r\n", _AUTH)


def _on_auth(dialogue: ClientDialogue, reply: Reply) -> None:
    if reply.code == 334:
        _take_challenge(dialogue, reply)
    elif reply.code == 235:
        _finish(dialogue, reply)
    elif reply.code >= 400:
        _forget(dialogue)
        dialogue.events.append(Refused(Stage.AUTH, reply))
    else:
        dialogue.refuse_code(reply)


def _take_challenge(dialogue: ClientDialogue, reply: Reply) -> None:
    """Answer it, or give up with ``*``."""
    mechanism = dialogue.mechanism
    assert mechanism is not None, "an exchange has its mechanism"
    dialogue.challenges += 1
    try:
        if dialogue.challenges > dialogue.rules.challenges:
            raise SaslError("the exchange has no end")
        challenge = _parse_challenge(reply)
        if dialogue.initial is not None:
            response, dialogue.initial = dialogue.initial, None
        else:
            response = mechanism.step(challenge)
    except SaslError as error:
        _forget(dialogue)
        dialogue.say(b"*\r\n", Step(Stage.AUTH, _Cancelled(str(error))))
        return
    dialogue.say(base64.b64encode(response) + b"\r\n", _AUTH)


def _parse_challenge(reply: Reply) -> bytes:
    """Raises ``SaslError``."""
    text = reply.lines[0].strip(" ")
    if len(reply.lines) > 1 or len(text) > 2 * RESPONSE_LIMIT or not text.isascii():
        raise SaslError("the challenge is not one line of base64")
    try:
        return parse_base64(text.encode())
    except PeerError:
        raise SaslError("the challenge is not one line of base64") from None


def _finish(dialogue: ClientDialogue, reply: Reply) -> None:
    mechanism = dialogue.mechanism
    assert mechanism is not None, "an exchange has its mechanism"
    if dialogue.initial is not None:
        dialogue.refuse_code(reply)  # it says welcome to nobody
        return
    try:
        mechanism.finish()
    except SaslError as error:
        dialogue.fail(UnprovenServer(str(error)))
        return
    _forget(dialogue)
    dialogue.is_authenticated = True
    dialogue.events.append(Authenticated(reply))


def _forget(dialogue: ClientDialogue) -> None:
    dialogue.mechanism = dialogue.initial = None


class _Cancelled:
    """Takes the reply to ``*``, and remembers why that was said."""

    __slots__ = ("_reason",)

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __call__(self, dialogue: ClientDialogue, reply: Reply) -> None:
        if reply.code >= 400:
            dialogue.events.append(Refused(Stage.AUTH, reply, self._reason))
        else:
            dialogue.refuse_code(reply)


_AUTH: Final = Step(Stage.AUTH, _on_auth)
