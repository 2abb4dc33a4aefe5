"""What each command does to a session (RFC 5321 §4.1.1, RFC 2033, RFC 3207).

The table at the end is all there is of dispatch: one verb, one function. Which
phase allows which verb says ``states``; how an argument is read says
``commands``. Each function returns the event to tell, or ``None`` where the
reply was given here; it raises ``CommandRefused`` where the reply is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from samotop.reply import Reply
from samotop.smtp import replies
from samotop.smtp.commands import CommandRefused, parse_hello, parse_mail, parse_rcpt
from samotop.smtp.content import begin_chunk
from samotop.smtp.dialogue import Dialogue
from samotop.smtp.events import Data, Event, Hello, Quit, Rcpt, Reset, StartTls, Verb
from samotop.smtp.login import begin_auth
from samotop.smtp.states import FOREIGN
from samotop.smtp.transaction import Transaction

_VERB_LIMIT: Final = 32
"""Octets of a verb: the longest known one has 8."""


def _on_helo(dialogue: Dialogue, argument: bytes) -> Event | None:
    if dialogue.is_lmtp:
        raise CommandRefused(replies.NEEDS_LHLO)
    return _hello(dialogue, argument, is_extended=False)


def _on_ehlo(dialogue: Dialogue, argument: bytes) -> Event | None:
    if dialogue.is_lmtp:
        raise CommandRefused(replies.NEEDS_LHLO)
    return _hello(dialogue, argument, is_extended=True)


def _on_lhlo(dialogue: Dialogue, argument: bytes) -> Event | None:
    if not dialogue.is_lmtp:
        raise CommandRefused(replies.NEEDS_EHLO)
    return _hello(dialogue, argument, is_extended=True)


def _hello(dialogue: Dialogue, argument: bytes, *, is_extended: bool) -> Event:
    dialogue.hello = parse_hello(argument)
    dialogue.is_extended = is_extended
    hello = Hello(dialogue.hello, is_extended)
    if dialogue.transaction is None:
        return dialogue.ask(hello)
    dialogue.end_transaction()
    dialogue.pending = hello  # asks when it is told, after the reset
    return Reset()


def _on_mail(dialogue: Dialogue, argument: bytes) -> Event | None:
    if dialogue.requires_auth and not dialogue.is_authenticated:
        raise CommandRefused(replies.AUTH_FIRST)
    if dialogue.transactions >= dialogue.rules.transactions:
        return dialogue.break_off(replies.TOO_MANY_TRANSACTIONS)
    mail = parse_mail(argument, dialogue.extensions, dialogue.rules, now=dialogue.now())
    dialogue.transaction = Transaction(mail.reverse_path, mail.parameters, dialogue.rules)
    return dialogue.ask(mail)


def _on_rcpt(dialogue: Dialogue, argument: bytes) -> Event | None:
    transaction = dialogue.transaction
    assert transaction is not None, "the table of states allows RCPT within a transaction only"
    recipient = parse_rcpt(argument, dialogue.extensions, dialogue.rules, is_utf8=transaction.parameters.is_utf8)
    if len(transaction.recipients) >= dialogue.rules.recipients:
        dialogue.out.append(replies.TOO_MANY_RECIPIENTS.wire)
        return None
    transaction.recipients.append(recipient)  # taken off again if the answer is no
    return dialogue.ask(Rcpt(recipient))


def _on_data(dialogue: Dialogue, argument: bytes) -> Event | None:
    _no_argument(argument)
    if dialogue.transaction is not None and dialogue.transaction.is_binary:
        raise CommandRefused(replies.NO_BINARY_DATA)
    return dialogue.ask(Data())


def _on_rset(dialogue: Dialogue, argument: bytes) -> Event | None:
    _no_argument(argument)
    dialogue.out.append(replies.RESET.wire)
    if dialogue.transaction is None:
        return None
    dialogue.end_transaction()
    return Reset()


def _on_noop(dialogue: Dialogue, argument: bytes) -> Event | None:
    dialogue.out.append(replies.OK.wire)  # an argument is allowed and ignored: RFC 5321 §4.1.1.9
    return None


def _on_quit(dialogue: Dialogue, argument: bytes) -> Event | None:
    _no_argument(argument)
    dialogue.out.append(replies.BYE.wire)
    dialogue.close()
    return Quit()


def _on_verify(dialogue: Dialogue, argument: bytes) -> Event | None:
    if not argument.strip(b" "):
        raise CommandRefused(replies.NEEDS_ARGUMENT)
    dialogue.out.append(replies.VERIFY.wire)  # neither confirms nor denies: RFC 5321 §7.3
    return None


def _on_help(dialogue: Dialogue, argument: bytes) -> Event | None:
    verbs = ["LHLO" if dialogue.is_lmtp else "HELO EHLO", "MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY EXPN HELP"]
    if dialogue.offers_starttls and not dialogue.is_encrypted:
        verbs.append("STARTTLS")
    if dialogue.offered_mechanisms():
        verbs.append("AUTH")
    if dialogue.verbs:
        verbs.extend(dialogue.verbs)
    dialogue.out.append(Reply.of(214, "2.0.0", "Commands: " + " ".join(verbs), replies.HELP_TAIL).wire)
    return None


def _on_starttls(dialogue: Dialogue, argument: bytes) -> Event | None:
    _no_argument(argument)
    if dialogue.is_encrypted:
        raise CommandRefused(replies.TLS_TWICE)
    if not dialogue.offers_starttls:
        raise CommandRefused(replies.TLS_NONE)
    return dialogue.ask(StartTls())


def _no_argument(argument: bytes) -> None:
    if argument.strip(b" "):
        raise CommandRefused(replies.NO_ARGUMENT)


def on_other_verb(dialogue: Dialogue, verb: bytes, argument: bytes) -> Event | None:
    """A verb that is none of SMTP's: one added from outside, another protocol's, or nonsense."""
    if verb in FOREIGN:
        return dialogue.break_off(replies.WRONG_PROTOCOL)
    if not verb.isalnum() or len(verb) > _VERB_LIMIT:
        return dialogue.refuse(replies.BAD_LINE)
    name = verb.decode("ascii")
    if dialogue.verbs is None or name not in dialogue.verbs:
        return dialogue.refuse(replies.UNKNOWN_VERB)
    if dialogue.requires_tls and not dialogue.is_encrypted:
        return dialogue.refuse(replies.TLS_FIRST)
    return dialogue.ask(Verb(name, argument))


COMMANDS: Final[dict[bytes, Callable[[Dialogue, bytes], Event | None]]] = {
    b"HELO": _on_helo,
    b"EHLO": _on_ehlo,
    b"LHLO": _on_lhlo,
    b"MAIL": _on_mail,
    b"RCPT": _on_rcpt,
    b"DATA": _on_data,
    b"BDAT": begin_chunk,
    b"RSET": _on_rset,
    b"NOOP": _on_noop,
    b"QUIT": _on_quit,
    b"VRFY": _on_verify,
    b"EXPN": _on_verify,
    b"HELP": _on_help,
    b"STARTTLS": _on_starttls,
    b"AUTH": begin_auth,
}
