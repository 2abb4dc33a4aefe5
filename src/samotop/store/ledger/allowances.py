"""What lets somebody unknown in, in state.db (``ports.allowances``)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, Final

import apsw

from samotop.consent.contact import Contact, Standing
from samotop.consent.identity import Identity
from samotop.consent.judge import TagUse
from samotop.consent.tags import find_end, format_invitation, format_tag, is_invitation, is_keyed, parse_tag
from samotop.store.database import raise_serial
from samotop.store.faults import asked
from samotop.store.ledger.contacts import Sealed, owner_serial
from samotop.store.ledger.forms import DIGEST_OCTETS, STANDINGS, Seal, contact_form, read_contact

ANSWER_SECONDS: Final = 90 * 86400.0
"""How long an answer to a message is expected."""
REFERENCES_LIMIT: Final = 20
"""Message-IDs of one message that are looked up: a thread names its last ones."""
RECIPIENTS_LIMIT: Final = 1000
"""Recipients of one message whose answers are expected."""

_MESSAGE: Final = "message"
_TAG: Final = "tag"
_EXPECTED: Final = "expected"


class SqliteAllowances:
    """Implements ``ports.Allowances``."""

    def __init__(self, sealed: Sealed) -> None:
        self._sealed = sealed
        self._database = sealed.database

    def is_answer(self, owner: str, references: Iterable[str], author: Identity | None, now: float) -> bool:
        with asked():
            seal = self._sealed.find(owner)
            if seal is None:
                return False
            digests = [seal.digest(_MESSAGE, one) for one in list(references)[-REFERENCES_LIMIT:]]
            wanted = seal.identity(author) if author is not None else b""
            for digest in digests:
                query = "SELECT recipients FROM sent_message WHERE owner = ? AND digest = ? AND expires_at > ?"
                recipients: Any = self._database.reader().execute(query, (owner, digest, now)).get
                if recipients is not None and (not wanted or wanted in _cut(bytes(recipients))):
                    return True
        return False

    def tag_use(self, owner: str, tag: str, now: float) -> TagUse:
        read = parse_tag(tag)
        with asked():
            seal = self._sealed.find(owner)
            known = None if seal is None else self._get_tag(self._database.reader(), seal, owner, read.text)
        secret = None if seal is None else seal.tag_secret
        holder, ended = known or (None, "")
        return TagUse(
            read.text,
            holder,
            is_keyed=secret is not None and is_keyed(read, secret),
            is_invitation=is_invitation(read, secret, now),
            ended=ended or find_end(read, now, secret),
        )

    def make_tag(self, owner: str, name: str, until: date | None, *, is_keyed: bool) -> str:
        with asked():
            return format_tag(name, self._sealed.keep(owner).tag_secret if is_keyed else None, until)

    def make_invitation(self, owner: str, now: float) -> str:
        with asked():
            secret = self._sealed.keep(owner).tag_secret
        return format_invitation(secret, datetime.fromtimestamp(now, UTC).date())

    def expectation(self, owner: str, domain: str, now: float) -> str:
        with asked():
            seal = self._sealed.find(owner)
            if seal is None:
                return ""
            for name in dict.fromkeys((domain, "")):
                query = "SELECT expires_at FROM expectation WHERE owner = ? AND digest = ? AND expires_at > ?"
                values = (owner, seal.digest(_EXPECTED, name), now)
                if self._database.reader().execute(query, values).get is not None:
                    return f"you expect mail from {name}" if name else "you expect mail from somebody new"
        return ""

    def note_sent(self, owner: str, message_id: str, recipients: Iterable[Identity], now: float) -> None:
        self.note_all_sent(owner, [(message_id, recipients)], now)

    def note_all_sent(self, owner: str, sent: Iterable[tuple[str, Iterable[Identity]]], now: float) -> None:
        with asked():
            seal = self._sealed.keep(owner)
            rows: list[tuple[str, bytes, bytes, float]] = []
            for message_id, recipients in sent:
                digests = b"".join([seal.identity(one) for one in list(recipients)[:RECIPIENTS_LIMIT]])
                rows.append((owner, seal.digest(_MESSAGE, message_id), digests, now + ANSWER_SECONDS))

            def insert(connection: apsw.Connection) -> int:
                statement = (
                    "INSERT OR REPLACE INTO sent_message (owner, digest, recipients, expires_at) VALUES (?, ?, ?, ?)"
                )
                connection.executemany(statement, rows)
                return len(rows)

            self._database.write(insert)

    def take_tag(self, owner: str, tag: str, holder: Contact, now: float) -> Contact:
        tag = parse_tag(tag).text  # in whichever case it was written to
        with asked():
            seal = self._sealed.keep(owner)
            kept = [holder]

            def take(connection: apsw.Connection) -> int:
                known = self._get_tag(connection, seal, owner, tag)
                if known is not None and known[0] is not None:
                    kept[0] = known[0]
                    return 0
                ended = known[1] if known is not None else ""
                self._put_tag(connection, seal, owner, tag, holder, ended, now)
                return 1

            self._database.write(take)
            return kept[0]

    def end_tag(self, owner: str, tag: str, why: str, now: float) -> None:
        tag = parse_tag(tag).text
        with asked():
            seal = self._sealed.keep(owner)

            def end(connection: apsw.Connection) -> int:
                known = self._get_tag(connection, seal, owner, tag)
                self._put_tag(connection, seal, owner, tag, known[0] if known is not None else None, why, now)
                return 1

            self._database.write(end)

    def expect(self, owner: str, domain: str, until: float) -> None:
        with asked():
            seal = self._sealed.keep(owner)
            row = (owner, seal.digest(_EXPECTED, domain), until)

            def insert(connection: apsw.Connection) -> int:
                connection.execute(
                    "INSERT OR REPLACE INTO expectation (owner, digest, expires_at) VALUES (?, ?, ?)", row
                )
                raise_serial(connection, owner_serial(owner))  # who waits at the sender is looked at anew
                return 1

            self._database.write(insert)

    def expire(self, now: float) -> int:
        def delete(connection: apsw.Connection) -> int:
            connection.execute("DELETE FROM sent_message WHERE expires_at <= ?", (now,))
            changes = connection.changes()
            connection.execute("DELETE FROM expectation WHERE expires_at <= ?", (now,))
            return changes + connection.changes()

        with asked():
            return self._database.write(delete)

    def _get_tag(
        self, connection: apsw.Connection, seal: Seal, owner: str, tag: str
    ) -> tuple[Contact | None, str] | None:
        digest = seal.digest(_TAG, tag)
        sealed: Any = connection.execute("SELECT sealed FROM tag WHERE owner = ? AND digest = ?", (owner, digest)).get
        if sealed is None:
            return None
        _, form, decided_at, ended, *_ = seal.open(digest, bytes(sealed))
        approved = STANDINGS.index(Standing.APPROVED)
        return (None if form is None else read_contact(form, approved, decided_at, None)), ended

    def _put_tag(
        self,
        connection: apsw.Connection,
        seal: Seal,
        owner: str,
        tag: str,
        holder: Contact | None,
        ended: str,
        now: float,
    ) -> None:
        digest = seal.digest(_TAG, tag)
        form = None if holder is None else contact_form(holder)
        decided_at = now if holder is None else holder.decided_at
        sealed = seal.close(digest, (tag, form, decided_at, ended))
        connection.execute(
            "INSERT OR REPLACE INTO tag (owner, digest, seen_at, sealed) VALUES (?, ?, ?, ?)",
            (owner, digest, now, sealed),
        )


def _cut(digests: bytes) -> frozenset[bytes]:
    return frozenset(digests[at : at + DIGEST_OCTETS] for at in range(0, len(digests), DIGEST_OCTETS))
