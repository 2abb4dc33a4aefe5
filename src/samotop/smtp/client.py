"""The client's side of the grammar: commands to octets, octets to replies, with no I/O.

``take_reply`` is as strict as the server's parser where a mistake could be
turned against us (endless replies, lines without end) and tolerant in what
harms nobody (texts in any encoding, a missing enhanced status).
RFC 5321 §4.2, RFC 2034, RFC 3461.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.address import ReversePath
from samotop.envelope import Body, MailParameters, Notify, Recipient
from samotop.errors import PeerError
from samotop.reply import REPLY_LINES_LIMIT, Reply
from samotop.smtp.paths import BadPath, take_path
from samotop.smtp.xtext import format_xtext
from samotop.status import EnhancedStatus

REPLY_LINE_LIMIT: Final = 2048
"""Octets of a reply's line that we read: four times what RFC 5321 §4.5.3.1.5 allows to send."""

_LINE: Final = re.compile(rb"([2-5][0-9]{2})([ -]|$)([^\r\n]*)")
_BODY_NEEDS: Final = {Body.EIGHT_BIT: "8BITMIME", Body.BINARY: "BINARYMIME"}
_LOCAL_LIMIT: Final = 1000
"""Octets of a local part that we send: what a server makes of a long one is its own matter."""
_STATUS: Final = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})(?: |$)")


class BadReply(PeerError):
    """What the server sent is no reply: nothing after it can be trusted."""


def take_reply(buffer: bytearray) -> Reply | None:
    """Take one whole reply off the front of ``buffer``; ``None`` means "not complete yet".

    Raises ``BadReply`` for lines too long or too many, codes that change
    within a reply, and anything that is not a reply.
    """
    at = 0
    code = b""
    texts: list[str] = []
    while True:
        end = buffer.find(b"\n", at, at + REPLY_LINE_LIMIT)
        if end < 0:
            if len(buffer) - at >= REPLY_LINE_LIMIT:
                raise BadReply("reply line too long")
            return None
        match = _LINE.fullmatch(bytes(buffer[at:end]).removesuffix(b"\r"))
        if match is None or (code and match[1] != code):
            raise BadReply("not a reply")
        code = match[1]
        texts.append(match[3].decode("utf-8", "replace"))
        at = end + 1
        if match[2] != b"-":
            del buffer[:at]
            return _reply(int(code), texts)
        if len(texts) >= REPLY_LINES_LIMIT:
            raise BadReply("reply has too many lines")


def _reply(code: int, texts: list[str]) -> Reply:
    status: EnhancedStatus | None = None
    match = _STATUS.match(texts[-1])
    if match is not None and int(match[1]) == code // 100:
        status = EnhancedStatus(int(match[1]), int(match[2]), int(match[3]))
        word = match[0].removesuffix(" ")
        texts = [text[len(word) + 1 :] if text == word or text.startswith(word + " ") else text for text in texts]
    return Reply(code, status, tuple(texts))


def format_mail(reverse_path: ReversePath, parameters: MailParameters, extensions: frozenset[str]) -> bytes:
    """The MAIL command with those parameters that the server's ``extensions`` know.

    Raises ``BadPath`` for a reverse-path that cannot be written, as ``format_rcpt`` does.
    """
    words = [b"MAIL FROM:" + _format_path(reverse_path)]
    if parameters.size and "SIZE" in extensions:
        words.append(b"SIZE=%d" % parameters.size)
    if parameters.body is not Body.SEVEN_BIT and _BODY_NEEDS[parameters.body] in extensions:
        words.append(b"BODY=" + parameters.body.value.encode())
    if parameters.is_utf8 and "SMTPUTF8" in extensions:
        words.append(b"SMTPUTF8")
    if "DSN" in extensions:
        if parameters.ret is not None:
            words.append(b"RET=" + parameters.ret.value.encode())
        if parameters.envelope_id is not None:
            words.append(b"ENVID=" + format_xtext(parameters.envelope_id.encode()))
    if parameters.requires_tls and "REQUIRETLS" in extensions:
        words.append(b"REQUIRETLS")
    if parameters.submitter is not None and "AUTH" in extensions:
        words.append(b"AUTH=" + format_xtext(parameters.submitter.encode()))
    return b" ".join(words) + b"\r\n"


def format_rcpt(recipient: Recipient, extensions: frozenset[str]) -> bytes:
    """The RCPT command, with the wishes about notifications where the server knows DSN."""
    words = [b"RCPT TO:" + _format_path(recipient.address)]
    if "DSN" in extensions:
        if recipient.notify is not None:
            words.append(b"NOTIFY=" + _notify(recipient.notify))
        if recipient.original is not None:
            kind, _, address = recipient.original.partition(";")
            words.append(b"ORCPT=" + kind.encode() + b";" + format_xtext(address.encode()))
    return b" ".join(words) + b"\r\n"


def _format_path(path: ReversePath) -> bytes:
    """A path in its brackets. An address made by hand must not be able to end the command and begin another."""
    try:
        octets = f"<{path}>".encode()
    except UnicodeEncodeError as error:
        raise BadPath("an address with lone surrogates cannot be written") from error
    _, rest = take_path(octets, allows_utf8=True, local_limit=_LOCAL_LIMIT)
    if rest:
        raise BadPath("not an address")
    return octets


def _notify(notify: Notify) -> bytes:
    names = [flag.name or "" for flag in (Notify.SUCCESS, Notify.FAILURE, Notify.DELAY) if flag in notify]
    return ",".join(names or ["NEVER"]).encode()
