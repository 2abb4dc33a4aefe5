"""``[[alias]]`` and ``[[list]]``: their keys, how they are read, and what they are in routing's terms.

A target is an account's name, or an address, here or elsewhere; its local part
keeps its case, which is the other server's business. Members may stand in a
file of their own, one on a line, so that it can be changed while the server
runs; ``read_members`` reads it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from samotop.config import keys, patterns
from samotop.config.fault import BadValue
from samotop.config.keys import ACCOUNT_NAME, Key, Kind, choice
from samotop.config.places import parse_domain
from samotop.message.redistribution import format_list_fields
from samotop.routing.addressbook import ADDRESSES_LIMIT
from samotop.routing.aliases import Alias, AliasRules, MailingList, Posting

POSTING: Final = tuple(one.value for one in Posting)

FILE_LIMIT: Final = 512 * 1024
"""Octets of a file of members: a thousand of the longest addresses that there are."""

_TARGET_REMEDY: Final = 'write an account like "alice", or an address like "dora@elsewhere.example"'
_LIST_REMEDY: Final = 'write it like "friends@example.org", in ASCII'
_LOCAL: Final = re.compile(r"[^\s@*<>()\[\],;:\\\"\x00-\x1f\x7f]{1,254}")


def parse_target(raw: object) -> str:
    """An account's name, or an address with the local part as it was written. Raises ``BadValue``."""
    if not isinstance(raw, str):
        raise BadValue("this is a text", _TARGET_REMEDY)
    text = unicodedata.normalize("NFC", raw).strip()
    local, at, domain = text.rpartition("@")
    if not at:
        if not ACCOUNT_NAME.fullmatch(text):
            raise BadValue(f'"{raw}" is neither an account nor an address', _TARGET_REMEDY)
        return text
    if not _LOCAL.fullmatch(local):
        raise BadValue(f'"{raw}" is not an address', _TARGET_REMEDY)
    try:
        return f"{local}@{parse_domain(domain)}"
    except BadValue:
        raise BadValue(f'"{raw}" is not an address', _TARGET_REMEDY) from None


def _read_alias_address(raw: object) -> str:
    if isinstance(raw, str) and "@" not in raw:
        return patterns.parse_address(f"{raw}@localhost").partition("@")[0]
    return patterns.parse_address(raw)


def _read_list_address(raw: object) -> str:
    address = patterns.parse_address(raw)
    one = MailingList(address, (), "")
    try:
        format_list_fields(address, one.id, "", str(one.owner_address), takes_posts=True)
    except ValueError:
        raise BadValue(f'"{raw}" cannot be the address of a list', _LIST_REMEDY) from None
    return address


def _read_list_name(raw: object) -> str:
    try:
        text = raw.strip() if isinstance(raw, str) else ""
        format_list_fields("a@b.example", "a.b.example", text, "o@b.example", takes_posts=True)
    except ValueError:
        raise BadValue("this is no name", 'write a text in one line: name = "Friends"') from None
    if not text:
        raise BadValue("this is a text", 'write a text in one line: name = "Friends"')
    return text


TARGET: Final = Kind("an account or an address", parse_target)
ALIAS_ADDRESS: Final = Kind("an address, or a name for every domain", _read_alias_address)
LIST_ADDRESS: Final = Kind("an address", _read_list_address)
LIST_NAME: Final = Kind("a text", _read_list_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasTable:
    """One ``[[alias]]``."""

    address: Annotated[
        str, Key(ALIAS_ADDRESS, "The address that stands for others; `NAME` alone is NAME@ every domain of `domains`.")
    ]
    to: Annotated[
        tuple[str, ...],
        Key(TARGET, "Whom it stands for: accounts (no `@`) and addresses, here and elsewhere.", is_list=True),
    ]
    shared: Annotated[
        bool, Key(keys.TRUTH, "May the accounts that get its mail, by `to`, also write as this address?")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTable:
    """One ``[[list]]``."""

    address: Annotated[
        str,
        Key(LIST_ADDRESS, "What its members write to. NAME-owner@ and NAME-bounces@ beside it go to the owner."),
    ]
    owner: Annotated[str, Key(TARGET, "The account or address that gets what fails, and who wants to leave.")]
    name: Annotated[str, Key(LIST_NAME, "What mail programs call it (List-Id).")] = ""
    members: Annotated[tuple[str, ...], Key(TARGET, "Accounts and addresses, a thousand at most.", is_list=True)] = ()
    members_file: Annotated[
        str,
        Key(
            keys.TEXT,
            "The members in a file instead: one on a line, `#` begins a comment; relative to the home. Taken up "
            "without a restart.",
        ),
    ] = ""
    post: Annotated[
        str,
        Key(
            choice(*POSTING),
            "Who may write to it: `members` who prove to be one (by a login or by DMARC), `anyone`, or `nobody` but "
            "the owner, for announcements.",
        ),
    ] = "members"


ReadFile = Callable[[str], tuple[str, ...]]
"""The members in the file of this name."""


def alias_rules(
    domains: tuple[str, ...],
    aliases: tuple[AliasTable, ...],
    lists: tuple[ListTable, ...],
    read_file: ReadFile = lambda name: (),
) -> AliasRules:
    """Routing's rules, from the tables."""
    return AliasRules(
        domains,
        tuple(Alias(one.address, one.to, one.shared) for one in aliases),
        tuple(
            MailingList(
                one.address,
                read_file(one.members_file) if one.members_file else one.members,
                one.owner,
                one.name,
                Posting(one.post),
            )
            for one in lists
        ),
    )


@dataclass(frozen=True, slots=True)
class Members:
    """What a file of members says. ``faults`` are its lines that could not be read, each with what it is and what
    would be right; line 0 is the whole file."""

    targets: tuple[str, ...] = ()
    faults: tuple[tuple[int, str, str], ...] = ()


def read_members(path: Path) -> Members:
    """Read a file of members. Raises nothing: a file that is not there is a fault."""
    try:
        with path.open("rb") as file:
            octets = file.read(FILE_LIMIT + 1)
    except OSError as error:
        return Members((), ((0, f"the members cannot be read: {error.strerror}", "make the file, one member a line"),))
    if len(octets) > FILE_LIMIT:
        return Members((), ((0, "the file is larger than a thousand members are", "is this the right file?"),))
    targets: dict[str, None] = {}
    faults: list[tuple[int, str, str]] = []
    for number, line in enumerate(octets.decode("utf-8-sig", "replace").splitlines(), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            targets[parse_target(text)] = None
        except BadValue as error:
            faults.append((number, error.what, error.remedy))
    if len(targets) > ADDRESSES_LIMIT:
        faults.append((0, f"there are more than {ADDRESSES_LIMIT} members", "larger lists want a program of their own"))
    return Members(tuple(targets), tuple(faults))
