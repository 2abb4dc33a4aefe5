"""Commands to octets, as a client writes them (RFC 5321 §4.1.1, RFC 3461 §4, RFC 6533 §3).

Raises ``BadPath`` for an address that cannot be written: one made by hand
must not be able to end its command and begin another.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.address import ReversePath
from samotop.envelope import Body, MailParameters, Notify, Recipient
from samotop.smtp.paths import BadPath, take_path
from samotop.smtp.xtext import format_unitext, format_xtext

_BODY_NEEDS: Final = {Body.EIGHT_BIT: "8BITMIME", Body.BINARY: "BINARYMIME"}
_LOCAL_LIMIT: Final = 1000
"""Octets of a local part that we send: what a server makes of a long one is its own matter."""

_ADDRESS_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-]*+")
"""RFC 3461 §4.2."""


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


def format_rcpt(recipient: Recipient, extensions: frozenset[str], *, is_utf8: bool = False) -> bytes:
    """The RCPT command, with the wishes about notifications where the server knows DSN. Raises ``BadPath``.

    ``is_utf8``: MAIL said SMTPUTF8, so that an original recipient may be written in its own letters (RFC 6533 §3).
    """
    words = [b"RCPT TO:" + _format_path(recipient.address)]
    if "DSN" in extensions:
        if recipient.notify is not None:
            words.append(b"NOTIFY=" + _notify(recipient.notify))
        if recipient.original is not None:
            words.append(
                b"ORCPT=" + _format_original(recipient.original, allows_utf8=is_utf8 and "SMTPUTF8" in extensions)
            )
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


def _format_original(original: str, *, allows_utf8: bool) -> bytes:
    kind, _, address = original.partition(";")
    if not _ADDRESS_TYPE.fullmatch(kind):
        raise BadPath("an original recipient is type;address")
    try:
        if kind.lower() == "utf-8":
            return kind.encode() + b";" + format_unitext(address, allows_utf8=allows_utf8)
        return kind.encode() + b";" + format_xtext(address.encode())
    except UnicodeEncodeError as error:
        raise BadPath("an address with lone surrogates cannot be written") from error
