"""Decisions and requests in state.db (``ports.contacts``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import apsw

from samotop.consent.contact import Contact, Standing
from samotop.consent.evidence import Evidence
from samotop.consent.identity import Identity, IdentityKind
from samotop.ports.contacts import ContactRequest
from samotop.store.database import Database, raise_serial, read_serial
from samotop.store.faults import asked
from samotop.store.ledger.forms import STANDINGS, Seal, contact_form, read_contact, read_request, request_form
from samotop.store.ledger.secrets import OwnerSecrets

REQUEST_SECONDS: Final = 60 * 86400.0
"""After its last message a request is forgotten; what waits in the Requests folder stays there."""
REQUESTS_LIMIT: Final = 10_000
"""Requests of one owner; beyond that the oldest go. Nobody reads more, and everybody can write them."""
ENTRIES_LIMIT: Final = 100
"""Messages of one request that are moved when it is approved, the last ones; older ones stay for the owner to see."""
OWNERS_SEALED: Final = 10_000

_WITHIN: Final = "within"
_UPSERT: Final = (
    "INSERT OR REPLACE INTO contact (owner, digest, standing, decided_at, expires_at, sealed) VALUES (?, ?, ?, ?, ?, ?)"
)
_UPSERT_REQUEST: Final = (
    "INSERT OR REPLACE INTO contact_request (owner, digest, first_seen, last_seen, sealed) VALUES (?, ?, ?, ?, ?)"
)
_SELECT_REQUEST: Final = "SELECT digest, first_seen, last_seen, sealed FROM contact_request WHERE owner = ? "


class Sealed:
    """What both parts of the ledger need: the database, and each owner's seal."""

    def __init__(self, database: Database, secrets: OwnerSecrets) -> None:
        self.database = database
        self._secrets = secrets
        self._seal = lru_cache(OWNERS_SEALED)(Seal)

    def find(self, owner: str) -> Seal | None:
        """The owner's seal; ``None`` where nothing was ever kept for them."""
        secret = self._secrets.find(owner)
        return None if secret is None else self._seal(secret)

    def keep(self, owner: str) -> Seal:
        return self._seal(self._secrets.keep(owner))


class SqliteContacts:
    """Implements ``ports.Contacts``."""

    def __init__(self, sealed: Sealed) -> None:
        self._sealed = sealed
        self._database = sealed.database

    def find(self, owner: str, identities: Sequence[Identity], now: float) -> Mapping[Identity, Contact]:
        with asked():
            seal = self._sealed.find(owner)
            if seal is None or not identities:
                return {}
            by_digest = {seal.identity(one): one for one in identities}
            places = ", ".join("?" * len(by_digest))
            query = f"SELECT digest, standing, decided_at, expires_at, sealed FROM contact WHERE owner = ? AND digest IN ({places})"  # noqa: S608, E501 - question marks alone
            rows: list[Any] = self._database.reader().execute(query, (owner, *by_digest)).fetchall()
        found: dict[Identity, Contact] = {}
        for digest, standing, decided_at, expires_at, sealed in rows:
            contact = read_contact(seal.open(digest, sealed), standing, decided_at, expires_at)
            if contact.holds(now):
                found[by_digest[digest]] = contact
        return found

    def find_request(self, owner: str, identity: Identity, evidence: Evidence) -> ContactRequest | None:
        with asked():
            seal = self._sealed.find(owner)
            if seal is None:
                return None
            return self._get_request(self._database.reader(), seal, owner, seal.request(identity, evidence))

    def has_approved_within(self, owner: str, domain: str) -> bool:
        with asked():
            seal = self._sealed.find(owner)
            if seal is None:
                return False
            query = "SELECT 1 FROM contact_within WHERE owner = ? AND digest = ?"
            values = (owner, seal.digest(_WITHIN, domain))
            return self._database.reader().execute(query, values).get is not None

    def serial(self, owner: str) -> int:
        with asked():
            return read_serial(self._database.reader(), owner_serial(owner))

    def decide(self, owner: str, contacts: Iterable[Contact]) -> None:
        with asked():
            seal = self._sealed.keep(owner)
            decided = list(contacts)
            rows = [self._row(seal, owner, one) for one in decided]
            domains = {domain for one in decided for domain in _domains_of(one)}
            within = [(owner, seal.digest(_WITHIN, domain)) for domain in domains]

            def insert(connection: apsw.Connection) -> int:
                connection.executemany(_UPSERT, rows)
                connection.executemany("INSERT OR IGNORE INTO contact_within VALUES (?, ?)", within)
                raise_serial(connection, "contacts")
                raise_serial(connection, owner_serial(owner))
                return len(rows)

            self._database.write(insert)

    def forget(self, owner: str, identity: Identity) -> bool:
        with asked():
            seal = self._sealed.find(owner)
            if seal is None:
                return False
            requests = [one for one in self.requests(owner) if one.identity == identity]

            def delete(connection: apsw.Connection) -> int:
                place = (owner, seal.identity(identity))
                connection.execute("DELETE FROM contact WHERE owner = ? AND digest = ?", place)
                changes = connection.changes()
                for one in requests:
                    place = (owner, seal.request(one.identity, one.evidence))
                    connection.execute("DELETE FROM contact_request WHERE owner = ? AND digest = ?", place)
                    changes += connection.changes()
                raise_serial(connection, owner_serial(owner))
                return changes

            return self._database.write(delete) > 0

    def contacts(self, owner: str, standing: Standing | None = None) -> list[Contact]:
        query = "SELECT digest, standing, decided_at, expires_at, sealed FROM contact WHERE owner = ?"
        values: tuple[Any, ...] = (owner,)
        if standing is not None:
            query, values = f"{query} AND standing = ?", (owner, STANDINGS.index(standing))
        with asked():
            seal = self._sealed.find(owner)
            if seal is None:
                return []
            rows: list[Any] = self._database.reader().execute(query, values).fetchall()
        found = [read_contact(seal.open(digest, sealed), *columns) for digest, *columns, sealed in rows]
        return sorted(found, key=lambda one: (one.identity.kind.value, one.identity.name))

    def note_request(self, owner: str, request: ContactRequest) -> ContactRequest:
        with asked():
            seal = self._sealed.keep(owner)
            digest = seal.request(request.identity, request.evidence)
            kept = [request]

            def join(connection: apsw.Connection) -> int:
                known = self._get_request(connection, seal, owner, digest)
                if known is not None:
                    kept[0] = join_requests(known, request)
                self._put_request(connection, seal, owner, kept[0])
                connection.execute(_TOO_MANY, (owner, owner, REQUESTS_LIMIT))
                return 1

            self._database.write(join)
            return kept[0]

    def requests(self, owner: str) -> list[ContactRequest]:
        with asked():
            seal = self._sealed.find(owner)
            if seal is None:
                return []
            query = _SELECT_REQUEST + "ORDER BY last_seen DESC"
            rows: list[Any] = self._database.reader().execute(query, (owner,)).fetchall()
        return [read_request(seal.open(digest, sealed), first, last) for digest, first, last, sealed in rows]

    def askers(self) -> list[str]:
        """The owners who have requests."""
        with asked():
            rows: list[Any] = self._database.reader().execute("SELECT DISTINCT owner FROM contact_request").fetchall()
        return [str(owner) for (owner,) in rows]

    def settle_request(self, owner: str, request: ContactRequest, entries: Iterable[str]) -> None:
        moved = frozenset(entries)
        with asked():
            seal = self._sealed.find(owner)
            if seal is None:
                return
            digest = seal.request(request.identity, request.evidence)

            def settle(connection: apsw.Connection) -> int:
                known = self._get_request(connection, seal, owner, digest)
                if known is None:
                    return 0
                left = tuple([one for one in known.entries if one not in moved])
                if left:
                    self._put_request(connection, seal, owner, replace(known, entries=left))
                else:
                    connection.execute("DELETE FROM contact_request WHERE owner = ? AND digest = ?", (owner, digest))
                return 1

            self._database.write(settle)

    def expire(self, now: float) -> int:
        def delete(connection: apsw.Connection) -> int:
            connection.execute("DELETE FROM contact WHERE expires_at <= ?", (now,))
            changes = connection.changes()
            connection.execute("DELETE FROM contact_request WHERE last_seen <= ?", (now - REQUEST_SECONDS,))
            return changes + connection.changes()

        with asked():
            return self._database.write(delete)

    def _row(self, seal: Seal, owner: str, contact: Contact) -> tuple[Any, ...]:
        digest = seal.identity(contact.identity)
        standing = STANDINGS.index(contact.standing)
        sealed = seal.close(digest, contact_form(contact))
        return owner, digest, standing, contact.decided_at, contact.expires_at, sealed

    def _get_request(self, connection: apsw.Connection, seal: Seal, owner: str, digest: bytes) -> ContactRequest | None:
        row: Any = connection.execute(_SELECT_REQUEST + "AND digest = ?", (owner, digest)).fetchone()
        if row is None:
            return None
        _, first_seen, last_seen, sealed = row
        return read_request(seal.open(digest, sealed), first_seen, last_seen)

    def _put_request(self, connection: apsw.Connection, seal: Seal, owner: str, request: ContactRequest) -> None:
        digest = seal.request(request.identity, request.evidence)
        sealed = seal.close(digest, request_form(request))
        connection.execute(_UPSERT_REQUEST, (owner, digest, request.first_seen, request.last_seen, sealed))


_TOO_MANY: Final = (
    "DELETE FROM contact_request WHERE owner = ? AND digest IN "
    "(SELECT digest FROM contact_request WHERE owner = ? ORDER BY last_seen DESC LIMIT -1 OFFSET ?)"
)


def owner_serial(owner: str) -> str:
    """The counter of an owner's decisions."""
    return f"contacts of {owner}"


def _domains_of(contact: Contact) -> tuple[str, ...]:
    """Whose envelopes an approved contact's mail may come in."""
    identity = contact.identity
    if contact.standing is not Standing.APPROVED or identity.kind is IdentityKind.DOMAIN:
        return ()
    if identity.kind is IdentityKind.ADDRESS:
        return (identity.name.rpartition("@")[2],)
    above = identity.name.partition(".")[2]
    return tuple([one for one in (identity.name, above, contact.binding.domain) if one])


def join_requests(known: ContactRequest, new: ContactRequest) -> ContactRequest:
    """One request of two by the same identity: what it says last, and since when it has been asking."""
    entries = tuple(dict.fromkeys((*known.entries, *new.entries)))[-ENTRIES_LIMIT:]
    return replace(
        new,
        first_seen=min(known.first_seen, new.first_seen),
        last_seen=max(known.last_seen, new.last_seen),
        count=known.count + new.count,
        entries=entries,
    )
