"""``samotop contact``: an owner's decisions about who may write.

A running server obeys a decision with the next command that it hears; what waited in Requests is moved by the verb
itself. Nothing here decides anything: the ledger keeps, ``consent`` judges.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from samotop.cli.contact_files import iterate_addresses
from samotop.cli.contact_print import print_contacts
from samotop.cli.flags import Home, Json
from samotop.cli.place import open_home, open_state
from samotop.cli.show import clean
from samotop.config.home import MAIL_NAME
from samotop.config.quantities import parse_duration
from samotop.config.read import load_config
from samotop.consent.contact import Binding, Contact, Origin, Standing, bind, compare
from samotop.consent.evidence import is_within
from samotop.consent.identity import Identity, IdentityKind, parse_identity
from samotop.consent.wishes import REQUESTS
from samotop.errors import SetupError
from samotop.ports.contacts import ContactRequest
from samotop.store.filters import OwnerFilters
from samotop.transport.releasing import release_approved

if TYPE_CHECKING:
    from samotop.store.ledger.allowances import SqliteAllowances
    from samotop.store.ledger.contacts import SqliteContacts

Account = Annotated[str, Parameter(name="--account", help="Whose contacts.")]
Who = Annotated[str, Parameter(name="WHO", help="bob@example.net, example.net, or list:friends.example.org.")]
Days = Annotated[int | None, Parameter(name="--days", help="For so many days; without it, for good.")]

DAY: Final = 86400.0
DAYS_LIMIT: Final = 36_500
"""A hundred years: who means longer means for good."""
EXPECT_LIMIT: Final = 30 * DAY
"""For longer than that one wants to say `[consent] unknown = "accept"`."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """One owner's part of it. ``box`` is their Maildir."""

    owner: str
    contacts: SqliteContacts
    allowances: SqliteAllowances
    filters: OwnerFilters
    box: Path
    place: Path

    def release(self) -> int:
        return release_approved(self.contacts, self.owner, self.box, time.time())


@contextmanager
def _open(account: str, home: str | None) -> Iterator[Ledger]:
    place = open_home(home)
    with open_state(place) as state:
        if not state.accounts.exists(account):
            raise SetupError(
                f"there is no account {clean(account)}", remedy="`samotop account list` shows those there are."
            )
        contacts, allowances = state.open_ledger()
        yield Ledger(account, contacts, allowances, OwnerFilters(place), place / MAIL_NAME / account, place)


def list_(
    *,
    account: Account,
    standing: Annotated[
        Literal["pending", "approved", "rejected"] | None, Parameter(help="Those of this standing alone.")
    ] = None,
    json: Json = False,
    home: Home = None,
) -> int:
    """List who asks to write, and whom you know; each with what proves it."""
    with _open(account, home) as ledger:
        wanted = None if standing is None else Standing(standing)
        known = [] if wanted is Standing.PENDING else ledger.contacts.contacts(account, wanted)
        asking = [] if wanted not in (None, Standing.PENDING) else ledger.contacts.requests(account)
        decided = {one.identity: one for one in ledger.contacts.contacts(account)}
    waiting = [one for one in asking if not _is_answered(one, decided.get(one.identity))]
    print_contacts(waiting, known, as_json=json)
    return 0


def approve(
    who: Who,
    /,
    *,
    account: Account,
    days: Days = None,
    pin_key: Annotated[
        bool, Parameter(help="Only mail signed by the key that the request was signed by; it ends when that changes.")
    ] = False,
    home: Home = None,
) -> int:
    """Let somebody write. What waits of them in Requests moves to the inbox.

    The approval binds to what proved the request: mail in their name that it does not prove stays a request.
    Approved without one, they must prove who they are.
    """
    identity = _read(who)
    with _open(account, home) as ledger:
        request = _find_request(ledger, identity)
        binding = Binding()
        if request is not None:
            binding = bind(identity, request.evidence, pins_key=pin_key)
        if pin_key and not binding.key:
            raise SetupError(
                f"there is no key of {clean(str(identity))} to pin",
                remedy="a request with one DKIM signature of its author's domain has one; see `samotop contact list`",
            )
        contact = Contact(identity, Standing.APPROVED, binding, Origin.OWNER, time.time(), _end(days))
        ledger.contacts.decide(account, [contact])
        if request is not None and request.tag:
            ledger.allowances.take_tag(account, request.tag, contact, time.time())
        moved = ledger.release()
        if request is not None:
            ledger.filters.learn(account, [request.features], spam=False)
    print(f"Approved {clean(str(identity))}{_describe(binding)}.")
    if moved:
        print(f"Moved {moved} message{'s' if moved > 1 else ''} from {REQUESTS} to the inbox.")
    return 0


def reject(who: Who, /, *, account: Account, days: Days = None, home: Home = None) -> int:
    """Refuse somebody's mail from now on. What waits of them stays in Requests, yours to delete."""
    identity = _read(who)
    with _open(account, home) as ledger:
        request = _find_request(ledger, identity)
        binding = Binding() if request is None else bind(identity, request.evidence)
        contact = Contact(identity, Standing.REJECTED, binding, Origin.OWNER, time.time(), _end(days))
        ledger.contacts.decide(account, [contact])
        ledger.release()
        if request is not None:
            ledger.filters.learn(account, [request.features], spam=True)
    print(f"Rejected {clean(str(identity))}.")
    return 0


def forget(who: Who, /, *, account: Account, home: Home = None) -> int:
    """Forget somebody, decision and request: they are a stranger again."""
    identity = _read(who)
    with _open(account, home) as ledger:
        if not ledger.contacts.forget(account, identity):
            print(f"samotop: nothing is known of {clean(str(identity))}", file=sys.stderr)
            return 1
    print(f"Forgot {clean(str(identity))}.")
    return 0


def expect(
    *,
    account: Account,
    for_: Annotated[str, Parameter(name="--for", help="How long: 15m, 2h, 1d.")] = "15m",
    domain: Annotated[str | None, Parameter(help="Only from this domain.")] = None,
    home: Home = None,
) -> int:
    """Let strangers in for a while, if they prove who they are: for a sign-up, or a code that is on its way."""
    try:
        seconds = float(parse_duration(for_))
    except ValueError as error:
        raise SetupError(f"--for {clean(for_)}: {error}", remedy="write it like 15m, 2h or 1d") from None
    if not 0 < seconds <= EXPECT_LIMIT:
        raise SetupError("--for: more than nothing, at most 30 days", remedy="write it like 15m, 2h or 1d")
    wanted = None if domain is None else _read(domain)
    if wanted is not None and wanted.kind is not IdentityKind.DOMAIN:
        raise SetupError(f"{clean(wanted.name)} is no domain", remedy="write what follows the @ of an address")
    name = "" if wanted is None else wanted.name
    with _open(account, home) as ledger:
        ledger.allowances.expect(account, name, time.time() + seconds)
    print(f"Expecting mail from {clean(name) or 'strangers'} for {for_}.")
    return 0


def address(
    tag: Annotated[str, Parameter(name="TAG", help="What stands behind the plus sign.")],
    /,
    *,
    account: Account,
    until: Annotated[date | None, Parameter(help="Its last day, as 2027-01-01.")] = None,
    keyed: Annotated[
        bool, Parameter(help="With a key, so that nobody can guess it: who uses it first is let in.")
    ] = False,
    home: Home = None,
) -> int:
    """Print an address to give to one correspondent. It needs no setting up, and shows who passed it on."""
    if until is not None and until < datetime.now(UTC).date():
        raise SetupError(f"--until {until} is over", remedy="choose a day to come")
    with _open(account, home) as ledger:
        try:
            made = ledger.allowances.make_tag(account, tag, until, is_keyed=keyed)
        except ValueError as error:
            raise SetupError(f"{clean(tag)}: {error}", remedy="choose another one") from None
        print(_tagged(ledger, made))
    return 0


def invite(*, account: Account, home: Home = None) -> int:
    """Print an address that approves whoever writes to it, for two weeks."""
    with _open(account, home) as ledger:
        print(_tagged(ledger, ledger.allowances.make_invitation(account, time.time())))
    return 0


def revoke(
    tag: Annotated[str, Parameter(name="TAG", help="What stands behind the plus sign, key and all.")],
    /,
    *,
    account: Account,
    home: Home = None,
) -> int:
    """Take no more mail at an address with this tag."""
    tag = tag.partition("@")[0].rpartition("+")[2].lower()
    if not tag or not tag.isprintable() or " " in tag:
        raise SetupError("there is no tag in that", remedy="samotop contact revoke --account alice shop")
    with _open(account, home) as ledger:
        ledger.allowances.end_tag(account, tag, "was revoked", time.time())
    print(f"Mail to {account}+{clean(tag)}@ is refused from now on.")
    return 0


def import_(
    *paths: Annotated[Path, Parameter(name="PATH", help="vCard files; with --sent, folders or files of sent mail.")],
    account: Account,
    sent: Annotated[bool, Parameter(help="The paths are mail that you have sent: approve whom it went to.")] = False,
    home: Home = None,
) -> int:
    """Approve everybody in an address book, or everybody you have written to. What you have decided stays."""
    if not paths:
        raise SetupError("nothing to import", remedy="samotop contact import --account alice contacts.vcf")
    with _open(account, home) as ledger:
        now = time.time()
        found = dict.fromkeys(iterate_addresses(paths, is_mail=sent))
        if not found:
            print("samotop: no address was found there\n  samotop contact import --help", file=sys.stderr)
            return 1
        known = (
            ledger.contacts.find(account, list(found), now)
            if len(found) < 500
            else {one.identity: one for one in ledger.contacts.contacts(account)}
        )
        new = [one for one in found if one not in known]
        ledger.contacts.decide(
            account, [Contact(one, Standing.APPROVED, origin=Origin.IMPORTED, decided_at=now) for one in new]
        )
        moved = ledger.release()
    print(f"Approved {len(new)} of {len(found)}; the others were decided already.")
    if moved:
        print(f"Moved {moved} messages from {REQUESTS} to the inbox.")
    return 0


def _read(who: str) -> Identity:
    try:
        return parse_identity(who)
    except ValueError as error:
        raise SetupError(f"{clean(who)}: {error}") from None


def _end(days: int | None) -> float | None:
    if days is not None and not 1 <= days <= DAYS_LIMIT:
        raise SetupError(f"--days: at least one, at most {DAYS_LIMIT}", remedy="without --days a decision stays")
    return None if days is None else time.time() + days * DAY


def _find_request(ledger: Ledger, identity: Identity) -> ContactRequest | None:
    """The request that a decision answers: by this identity, or one that claims it among others; a proven one before
    what somebody has only claimed. A list is proven by its own domain: its author may be anybody."""
    found = [one for one in ledger.contacts.requests(ledger.owner) if identity in (one.identity, *one.identities)]

    def is_proven(one: ContactRequest) -> bool:
        if identity.kind is not IdentityKind.LIST:
            return one.evidence.is_proven
        return any(is_within(identity.name, signer) for signer in one.evidence.signers)

    return min(found, key=lambda one: (not is_proven(one), one.identity != identity), default=None)


def _is_answered(request: ContactRequest, contact: Contact | None) -> bool:
    """Has the owner decided about this one? Not where it lacks what an approval is bound to."""
    if contact is None:
        return False
    return contact.standing is Standing.REJECTED or not compare(contact, request.evidence)


def _describe(binding: Binding) -> str:
    if binding.key:
        return f", by the key that {binding.domain} signed with"
    if binding.domain:
        return f", as proven by {binding.domain}"
    if binding.is_weak:
        return f", known only by where it came from ({binding.reverse_name or binding.network})"
    return ", once they prove who they are"


def _tagged(ledger: Ledger, tag: str) -> str:
    """An address of the account's with this tag: its own of the first domain, or the first that it claims."""
    config = load_config(ledger.place)
    claimed = [one for box in config.mailboxes if (box.owner or box.name) == ledger.owner for one in box.addresses]
    base = claimed[0] if claimed else f"{ledger.owner}@{config.domains[0]}"
    local, _, domain = base.rpartition("@")
    return f"{local}+{tag}@{domain}"
