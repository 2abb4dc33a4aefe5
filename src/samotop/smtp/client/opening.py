"""How a session begins, is encrypted, kept and ended: greeting, hello, STARTTLS, RSET, NOOP, QUIT.

RFC 5321 §3.1, §3.2, §4.1.1; RFC 3207 for STARTTLS: whatever came in the clear
before TLS may have been put there by somebody else, so that none of it counts.
"""

from __future__ import annotations

from typing import Final

from samotop.reply import Reply
from samotop.smtp.client.capabilities import NO_CAPABILITIES, Capabilities, parse_capabilities
from samotop.smtp.client.dialogue import ClientDialogue, Step
from samotop.smtp.client.events import Answered, HungUp, Ready, Refused, TlsAccepted
from samotop.smtp.client.replies import InjectedReply
from samotop.smtp.client.rules import Stage


def say_hello(dialogue: ClientDialogue) -> None:
    """EHLO, in LMTP LHLO."""
    dialogue.capabilities = NO_CAPABILITIES
    dialogue.is_ready = False
    dialogue.transactions = 0
    verb = b"LHLO " if dialogue.is_lmtp else b"EHLO "
    dialogue.say(verb + dialogue.hello + b"\r\n", _HELLO)


def after_handshake(dialogue: ClientDialogue) -> None:
    """TLS is there: nothing that was known before counts (RFC 3207 §4.2)."""
    dialogue.is_handshaking = False
    dialogue.is_encrypted = True
    dialogue.is_authenticated = False
    say_hello(dialogue)


def _on_greeting(dialogue: ClientDialogue, reply: Reply) -> None:
    dialogue.greeting = reply
    if reply.code >= 400:
        dialogue.events.append(Refused(Stage.GREETING, reply))
    elif reply.code == 220:
        say_hello(dialogue)
    else:
        dialogue.refuse_code(reply)


def _on_hello(dialogue: ClientDialogue, reply: Reply) -> None:
    if reply.code == 250:
        _begin(dialogue, parse_capabilities(reply, is_encrypted=dialogue.is_encrypted))
    elif reply.is_permanent and not dialogue.is_lmtp:
        dialogue.say(b"HELO " + dialogue.hello + b"\r\n", _HELO)  # an old server (RFC 5321 §3.2)
    else:
        _on_helo(dialogue, reply)


def _on_helo(dialogue: ClientDialogue, reply: Reply) -> None:
    if reply.code == 250:
        _begin(dialogue, Capabilities(hostname=reply.lines[0].partition(" ")[0]))
    elif reply.code >= 400:
        dialogue.events.append(Refused(Stage.HELLO, reply))
    else:
        dialogue.refuse_code(reply)


def _begin(dialogue: ClientDialogue, capabilities: Capabilities) -> None:
    dialogue.capabilities = capabilities
    dialogue.is_ready = True
    dialogue.needs_reset = False  # hello ends a transaction (RFC 5321 §4.1.4)
    dialogue.events.append(Ready(capabilities))


def _on_starttls(dialogue: ClientDialogue, reply: Reply) -> None:
    if reply.code >= 400:
        dialogue.events.append(Refused(Stage.STARTTLS, reply))
    elif reply.code != 220:
        dialogue.refuse_code(reply)
    elif dialogue.buffer:
        dialogue.fail(InjectedReply("octets in the clear after STARTTLS was accepted"))
    else:
        dialogue.is_handshaking = True
        dialogue.is_ready = False
        dialogue.events.append(TlsAccepted())


def _on_answer(dialogue: ClientDialogue, reply: Reply) -> None:
    if reply.code >= 400:
        dialogue.events.append(Refused(Stage.RESET, reply))
    elif reply.code >= 300:
        dialogue.refuse_code(reply)
    else:
        dialogue.events.append(Answered(reply))


def _on_reset(dialogue: ClientDialogue, reply: Reply) -> None:
    if reply.code < 300:
        dialogue.needs_reset = False
    _on_answer(dialogue, reply)


def _on_quit(dialogue: ClientDialogue, reply: Reply) -> None:
    dialogue.events.append(HungUp(Stage.QUIT, reply))  # whatever it says
    dialogue.close()


GREETING: Final = Step(Stage.GREETING, _on_greeting)
STARTTLS: Final = Step(Stage.STARTTLS, _on_starttls)
RESET: Final = Step(Stage.RESET, _on_reset)
NOOP: Final = Step(Stage.RESET, _on_answer)
QUIT: Final = Step(Stage.QUIT, _on_quit)
_HELLO: Final = Step(Stage.HELLO, _on_hello)
_HELO: Final = Step(Stage.HELLO, _on_helo)
