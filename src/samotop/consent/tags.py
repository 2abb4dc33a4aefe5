"""Addresses by convention: ``alice+TAG@`` needs no setting up, and may carry its own end and its own key.

    alice+shop@                                   taken by the first correspondent who proves who they are
    alice+shop-until-20270101@                    takes mail up to and with that day (UTC)
    alice+shop.kab3de5fg7h@                       keyed: only the owner can have made it
    alice+join-ej.kab3de5fg7h@                    an invitation: whoever writes to it is approved, for some days

A key is HMAC-SHA-256 under the owner's secret over all that stands before it, cut to ten characters of base 32
(50 bits): it can be tried only by sending mail. Whoever changes the date of a keyed address breaks its key.

Pure: secrets and the day are passed in. ``parse_tag`` takes any text; ``format_tag`` raises ``ValueError`` for what
cannot be a tag.
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

KEY_LENGTH: Final = 10
TAG_LIMIT: Final = 64
"""Characters of a tag: a local part has 64 octets in all (RFC 5321 §4.5.3.1.1), and others write longer ones."""
INVITATION_DAYS: Final = 14

_DIGITS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_DAY_PERIOD: Final = 1024
_KEYED: Final = re.compile(rf"(.*)\.k([a-z2-7]{{{KEY_LENGTH}}})", re.DOTALL)
_UNTIL: Final = re.compile(r"(?:\A|[.-])until-(\d{8})(?=\Z|[.-])")
_JOIN: Final = re.compile(r"join-([a-z2-7]{2})")
_WRITTEN: Final = re.compile(r"[a-z0-9][a-z0-9_=-]*(?:\.[a-z0-9_=-]+)*")


@dataclass(frozen=True, slots=True)
class Tag:
    """``text`` is the whole tag, in lower case; ``named`` what its key is over. ``until`` is its last day.

    ``key`` is the one that it carries, right or wrong; empty without one.
    """

    text: str
    named: str
    until: date | None = None
    key: str = ""


def split_local(local: str) -> tuple[str, str]:
    """Owner's part and tag of a local part: ``alice+shop`` is ``("alice", "shop")``; no tag is empty."""
    owner, _, tag = local.partition("+")
    return (owner, tag) if owner else (local, "")


def parse_tag(text: str) -> Tag:
    """Read a tag; whatever it is, it is one."""
    text = text.lower()
    keyed = _KEYED.fullmatch(text)
    named, key = (keyed[1], keyed[2]) if keyed is not None else (text, "")
    found = _UNTIL.search(named)
    until = _parse_day(found[1]) if found is not None else None
    return Tag(text, named, until, key)


def format_tag(name: str, secret: bytes | None = None, until: date | None = None) -> str:
    """A tag for people to hand out; keyed where a ``secret`` is given. Raises ``ValueError``."""
    named = name.lower() if until is None else f"{name.lower()}-until-{until:%Y%m%d}"
    if not _WRITTEN.fullmatch(named):
        raise ValueError("a tag is letters and digits with dots, hyphens and underscores between them, such as shop")
    if named.startswith("join-"):
        raise ValueError("tags that begin with join- are invitations")
    text = _add_key(named, secret)
    if len(text) > TAG_LIMIT:
        raise ValueError(f"a tag has at most {TAG_LIMIT} characters, this has {len(text)}")
    return text


def format_invitation(secret: bytes, today: date) -> str:
    """A tag that approves whoever writes to it, for ``INVITATION_DAYS``."""
    day = (today.toordinal() + INVITATION_DAYS) % _DAY_PERIOD
    return _add_key(f"join-{_DIGITS[day // 32]}{_DIGITS[day % 32]}", secret)


def _add_key(named: str, secret: bytes | None) -> str:
    return named if secret is None else f"{named}.k{make_key(secret, named)}"


def make_key(secret: bytes, named: str) -> str:
    digest = hmac.digest(secret, b"tag\0" + named.encode("utf-8", "surrogatepass"), "sha256")
    return base64.b32encode(digest)[:KEY_LENGTH].decode().lower()


def is_keyed(tag: Tag, secret: bytes) -> bool:
    """Has the owner made it?"""
    return bool(tag.key) and hmac.compare_digest(tag.key, make_key(secret, tag.named))


def find_end(tag: Tag, now: float, secret: bytes | None) -> str:
    """Why a tag takes no mail by what it says itself; empty while it does. ``now`` in seconds since 1970."""
    if tag.key and (secret is None or not is_keyed(tag, secret)):
        return "was not made by its owner"
    if tag.until is not None and datetime.fromtimestamp(now, UTC).date() > tag.until:
        return f"was for mail until {tag.until}"
    return ""


def is_invitation(tag: Tag, secret: bytes | None, now: float) -> bool:
    """Is it the owner's invitation, and not too old?"""
    found = _JOIN.fullmatch(tag.named)
    if found is None or secret is None or not is_keyed(tag, secret):
        return False
    end = _DIGITS.index(found[1][0]) * 32 + _DIGITS.index(found[1][1])
    today = datetime.fromtimestamp(now, UTC).date().toordinal()
    return (end - today) % _DAY_PERIOD <= INVITATION_DAYS


def _parse_day(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
