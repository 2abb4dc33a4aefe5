"""Parameters of MAIL and RCPT: the esmtp-params of RFC 5321 §4.1.2 and the extensions that define them.

SIZE (RFC 1870), BODY (RFC 6152, RFC 3030), SMTPUTF8 (RFC 6531), RET, ENVID,
NOTIFY, ORCPT (RFC 3461, RFC 6533 §3), AUTH (RFC 4954 §5), REQUIRETLS (RFC
8689), HOLDFOR, HOLDUNTIL (RFC 4865), BY (RFC 2852). A parameter counts only
where its extension was advertised in this session.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from samotop.envelope import NO_PARAMETERS, Body, MailParameters, Notify, Ret
from samotop.errors import PeerError
from samotop.smtp.times import BadParameter, parse_deliver_by, parse_hold_for, parse_hold_until
from samotop.smtp.xtext import NotXtext, parse_unitext, parse_xtext

PARAMETERS_LIMIT: Final = 16
"""Parameters of one command: twice what all extensions together define."""

_PARAMETER: Final = re.compile(rb"([A-Za-z0-9][A-Za-z0-9\-]*)(?:=([!-<>-~\x80-\xff]+))?")
_DIGITS: Final = re.compile(rb"[0-9]{1,20}")
_ENVELOPE_ID_LIMIT: Final = 100
_ORIGINAL_LIMIT: Final = 500
_NOTIFY: Final = {b"SUCCESS": Notify.SUCCESS, b"FAILURE": Notify.FAILURE, b"DELAY": Notify.DELAY}
_BODY: Final = {body.value.encode(): body for body in Body}
_RET: Final = {ret.value.encode(): ret for ret in Ret}


class UnknownParameter(PeerError):
    """A parameter that was not advertised (555 5.5.4)."""


@dataclass(frozen=True, slots=True)
class RecipientParameters:
    """What RCPT may carry (RFC 3461 §4.1, §4.2)."""

    notify: Notify | None = None
    original: str | None = None


_NO_RECIPIENT_PARAMETERS: Final = RecipientParameters()


def _split(octets: bytes) -> dict[bytes, bytes | None]:
    if not octets:
        return {}
    found: dict[bytes, bytes | None] = {}
    words = octets.split(b" ")
    for word in words:
        match = _PARAMETER.fullmatch(word)
        if match is None:
            if not word:
                continue  # more than one space: common, and nobody reads it differently
            raise BadParameter("parameters are KEYWORD or KEYWORD=value, with a space between")
        keyword = match[1].upper()
        if keyword in found:
            raise BadParameter(f"{keyword.decode()} given twice")
        found[keyword] = match[2]
        if len(found) > PARAMETERS_LIMIT:
            raise BadParameter("too many parameters")
    return found


def _need(keyword: str, value: bytes | None) -> bytes:
    if value is None:
        raise BadParameter(f"{keyword} needs a value")
    return value


def _no_value(keyword: str, value: bytes | None) -> bool:
    if value is not None:
        raise BadParameter(f"{keyword} takes no value")
    return True


def _size(value: bytes | None) -> int:
    if not _DIGITS.fullmatch(_need("SIZE", value)):
        raise BadParameter("SIZE is a number of octets")
    return int(value or b"0")


def _body(value: bytes | None) -> Body:
    body = _BODY.get(_need("BODY", value).upper())
    if body is None:
        raise BadParameter("BODY is 7BIT, 8BITMIME or BINARYMIME")
    return body


def _ret(value: bytes | None) -> Ret:
    ret = _RET.get(_need("RET", value).upper())
    if ret is None:
        raise BadParameter("RET is FULL or HDRS")
    return ret


def _xtext(keyword: str, value: bytes | None, limit: int, *, allows_utf8: bool = False) -> str:
    octets = _need(keyword, value)
    try:
        decoded = parse_xtext(octets, allows_utf8=allows_utf8).decode("utf-8" if allows_utf8 else "ascii")
    except (NotXtext, UnicodeDecodeError) as error:
        raise BadParameter(f"{keyword} is not xtext") from error
    if len(octets) > limit or not decoded.isprintable():
        raise BadParameter(f"{keyword} is longer than {limit} octets or not printable")
    return decoded


def _submitter(value: bytes | None) -> str | None:
    text = _xtext("AUTH", value, _ORIGINAL_LIMIT, allows_utf8=True)
    return None if text == "<>" else text


_MAIL: Final[dict[bytes, tuple[str, str, Callable[[bytes | None], object]]]] = {
    # keyword: (the extension that allows it, field of MailParameters, reader of the value)
    b"SIZE": ("SIZE", "size", _size),
    b"BODY": ("8BITMIME", "body", _body),
    b"SMTPUTF8": ("SMTPUTF8", "is_utf8", lambda v: _no_value("SMTPUTF8", v)),
    b"RET": ("DSN", "ret", _ret),
    b"ENVID": ("DSN", "envelope_id", lambda v: _xtext("ENVID", v, _ENVELOPE_ID_LIMIT)),
    b"REQUIRETLS": ("REQUIRETLS", "requires_tls", lambda v: _no_value("REQUIRETLS", v)),
    b"AUTH": ("AUTH", "submitter", _submitter),
    b"HOLDFOR": ("FUTURERELEASE", "hold_for", lambda v: parse_hold_for(_need("HOLDFOR", v))),
    b"HOLDUNTIL": ("FUTURERELEASE", "hold_until", lambda v: parse_hold_until(_need("HOLDUNTIL", v))),
    b"BY": ("DELIVERBY", "deliver_by", lambda v: parse_deliver_by(_need("BY", v))),
}


def parse_mail_parameters(octets: bytes, extensions: frozenset[str]) -> MailParameters:
    """Read the parameters of MAIL; ``extensions`` are the keywords advertised in this session.

    Raises ``BadParameter`` and ``UnknownParameter``.
    """
    if not octets:
        return NO_PARAMETERS
    fields: dict[str, object] = {}
    for keyword, value in _split(octets).items():
        known = _MAIL.get(keyword)
        if known is None or known[0] not in extensions:
            raise UnknownParameter(f"parameter {keyword.decode()} is not supported here")
        fields[known[1]] = known[2](value)
    if fields.get("body") is Body.BINARY and not {"BINARYMIME", "CHUNKING"} <= extensions:
        raise BadParameter("BODY=BINARYMIME is not offered here")
    return MailParameters(**fields)  # type: ignore[arg-type]  # the table pairs field and reader


def parse_recipient_parameters(octets: bytes, extensions: frozenset[str], *, is_utf8: bool) -> RecipientParameters:
    """Read the parameters of RCPT. Raises ``BadParameter`` and ``UnknownParameter``."""
    if not octets:
        return _NO_RECIPIENT_PARAMETERS
    notify: Notify | None = None
    original: str | None = None
    for keyword, value in _split(octets).items():
        if keyword == b"NOTIFY" and "DSN" in extensions:
            notify = _notify(value)
        elif keyword == b"ORCPT" and "DSN" in extensions:
            original = _original(value, is_utf8)
        else:
            raise UnknownParameter(f"parameter {keyword.decode()} is not supported here")
    return RecipientParameters(notify, original)


def _notify(value: bytes | None) -> Notify:
    words = _need("NOTIFY", value).upper().split(b",")
    if words == [b"NEVER"]:
        return Notify.NEVER
    notify = Notify.NEVER
    for word in words:
        if word not in _NOTIFY:
            raise BadParameter("NOTIFY is NEVER, or some of SUCCESS,FAILURE,DELAY")
        notify |= _NOTIFY[word]
    return notify


def _original(value: bytes | None, is_utf8: bool) -> str:
    octets = _need("ORCPT", value)
    kind, semicolon, address = octets.partition(b";")
    if not semicolon or not kind.isascii() or not kind.replace(b"-", b"").isalnum():
        raise BadParameter("ORCPT is type;address, as in rfc822;user@example.org")
    if kind.lower() != b"utf-8":
        return _xtext("ORCPT", octets, _ORIGINAL_LIMIT)
    try:
        decoded = parse_unitext(address, allows_utf8=is_utf8)
    except NotXtext as error:
        raise BadParameter(f"ORCPT is {error}") from error
    if len(octets) > _ORIGINAL_LIMIT or not decoded.isprintable():
        raise BadParameter(f"ORCPT is longer than {_ORIGINAL_LIMIT} octets or not printable")
    return f"{kind.decode()};{decoded}"
