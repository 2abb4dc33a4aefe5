"""The arguments of commands, read into values (RFC 5321 §4.1.1).

Each ``parse_`` takes what follows the verb and raises ``CommandRefused``,
which carries the reply with the code that the RFC gives to this mistake.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.address import Address, NullPath
from samotop.envelope import NO_PARAMETERS, Recipient
from samotop.errors import PeerError
from samotop.reply import Reply
from samotop.smtp import replies
from samotop.smtp.events import Auth, Mail
from samotop.smtp.parameters import UnknownParameter, parse_mail_parameters, parse_recipient_parameters
from samotop.smtp.paths import BadPath, NeedsUtf8, take_path
from samotop.smtp.rules import Rules
from samotop.smtp.times import BeyondOffer, check_times
from samotop.smtp.xtext import parse_base64

_FROM: Final = re.compile(rb"FROM: ?", re.IGNORECASE)
_TO: Final = re.compile(rb"TO: ?", re.IGNORECASE)
_HELLO_NAME: Final = re.compile(rb"[!-~]{1,255}")
_BDAT: Final = re.compile(rb"([0-9]{1,20})( +LAST)? *", re.IGNORECASE)
_AUTH: Final = re.compile(rb"([A-Za-z0-9\-_]{1,20})(?: +([!-~]*))? *")


class CommandRefused(PeerError):
    """The argument is wrong; ``reply`` says how."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


def parse_hello(argument: bytes) -> str:
    """What the client calls itself. Any visible ASCII passes: whether it is a lie is policy."""
    name = argument.strip(b" ")
    if not _HELLO_NAME.fullmatch(name):
        raise CommandRefused(replies.NEEDS_HELLO_NAME)
    return name.decode("ascii")


def parse_mail(argument: bytes, extensions: frozenset[str], rules: Rules, *, now: float = 0.0) -> Mail:
    """``FROM:<path> parameters``; a space after the colon is common and accepted (RFC 5321 §3.3 forbids it).

    ``now``, in seconds since 1970, is what HOLDUNTIL is compared with.
    """
    prefix = _FROM.match(argument)
    if prefix is None:
        raise CommandRefused(replies.MAIL_SYNTAX)
    try:
        path, rest = _take_path(argument, prefix.end(), rules, allows_utf8="SMTPUTF8" in extensions)
        if isinstance(path, Address) and not path.domain:
            raise BadPath("a reverse-path has a domain")
        parameters = parse_mail_parameters(rest, extensions) if rest else NO_PARAMETERS
        check_times(parameters, rules, now)
    except NeedsUtf8 as error:
        raise CommandRefused(replies.NEEDS_SMTPUTF8) from error
    except BadPath as error:
        raise CommandRefused(Reply.of(501, "5.1.7", str(error))) from error
    except PeerError as error:
        raise _refuse_parameter(error) from error
    if not parameters.is_utf8 and not path.is_ascii:
        raise CommandRefused(replies.NEEDS_SMTPUTF8)
    if parameters.size > rules.size:
        raise CommandRefused(Reply.of(552, "5.3.4", f"Message too large: at most {rules.size} octets"))
    return Mail(path, parameters)


def parse_rcpt(argument: bytes, extensions: frozenset[str], rules: Rules, *, is_utf8: bool) -> Recipient:
    """``TO:<path> parameters``."""
    prefix = _TO.match(argument)
    if prefix is None:
        raise CommandRefused(replies.RCPT_SYNTAX)
    try:
        path, rest = _take_path(argument, prefix.end(), rules, allows_utf8=is_utf8)
        if isinstance(path, NullPath):
            raise CommandRefused(replies.NULL_RECIPIENT)
        if not rest:
            return Recipient(path)
        wishes = parse_recipient_parameters(rest, extensions, is_utf8=is_utf8)
    except NeedsUtf8 as error:
        raise CommandRefused(replies.NEEDS_SMTPUTF8) from error
    except BadPath as error:
        raise CommandRefused(Reply.of(501, "5.1.3", str(error))) from error
    except CommandRefused:
        raise
    except PeerError as error:
        raise _refuse_parameter(error) from error
    return Recipient(path, wishes.notify, wishes.original)


def parse_bdat(argument: bytes) -> tuple[int, bool] | None:
    """``size [LAST]``. ``None``: how much follows is unknown, so nothing after it can be trusted."""
    match = _BDAT.fullmatch(argument)
    return None if match is None else (int(match[1]), match[2] is not None)


def parse_auth(argument: bytes) -> Auth:
    """``mechanism [initial-response]``; ``=`` is an empty response (RFC 4954 §4)."""
    match = _AUTH.fullmatch(argument)
    if match is None:
        raise CommandRefused(replies.AUTH_SYNTAX)
    initial: bytes | None = None
    if match[2]:
        try:
            initial = b"" if match[2] == b"=" else parse_base64(match[2])
        except PeerError as error:
            raise CommandRefused(replies.BAD_BASE64) from error
    return Auth(match[1].decode("ascii").upper(), initial)


def _take_path(argument: bytes, start: int, rules: Rules, *, allows_utf8: bool) -> tuple[Address | NullPath, bytes]:
    """The path and the parameters behind it."""
    path, rest = take_path(argument[start:], allows_utf8=allows_utf8, local_limit=rules.local_part)
    if rest and not rest.startswith(b" "):
        raise BadPath("a space stands between the path and the parameters")
    if len(argument) - start - len(rest) > rules.path:
        raise BadPath(f"path longer than {rules.path} octets")
    return path, rest[1:]


def _refuse_parameter(error: PeerError) -> CommandRefused:
    code = 555 if isinstance(error, UnknownParameter | BeyondOffer) else 501
    return CommandRefused(Reply.of(code, "5.5.4", str(error)))
