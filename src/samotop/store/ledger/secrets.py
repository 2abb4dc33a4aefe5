"""Each owner's secret, made at its first need, and wrapped by a key that lies outside state.db.

The wrapping key is what the service manager hands over as the credential ``samotop-ledger`` (systemd:
``LoadCredentialEncrypted=``, read from ``$CREDENTIALS_DIRECTORY``), else the file
``keys/ledger.secret`` of the home, which protects a copy of state.db alone, and nothing where the whole home is stolen.

Raises ``SetupError`` for a key that does not open what it should; apsw's errors otherwise.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Final

import apsw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from samotop.errors import SetupError
from samotop.store.database import Database
from samotop.store.secrets import SECRET_OCTETS, keep_secret

CREDENTIAL: Final = "samotop-ledger"
"""The credential's name, as in ``LoadCredentialEncrypted=samotop-ledger:FILE``."""
FILE_NAME: Final = "keys/ledger.secret"
CREDENTIAL_LIMIT: Final = 4096
"""Octets of a credential that are read."""

_NONCE: Final = 12
_SELECT: Final = "SELECT wrapped FROM owner_secret WHERE owner = ?"


def find_wrapping_key(home: Path, environment: Mapping[str, str]) -> bytes:
    """The key that wraps all secrets: the service manager's, else that of the home, made where there is none.

    Raises ``SetupError`` for a credential that is empty or cannot be read.
    """
    directory = environment.get("CREDENTIALS_DIRECTORY")
    path = Path(directory) / CREDENTIAL if directory else None
    if path is None or not path.exists():
        return keep_secret(home / FILE_NAME)
    try:
        with path.open("rb") as file:
            octets = file.read(CREDENTIAL_LIMIT)
    except OSError as error:
        raise SetupError(f"the credential {CREDENTIAL} cannot be read: {error.strerror}") from None
    if len(octets) < SECRET_OCTETS:
        raise SetupError(
            f"the credential {CREDENTIAL} has {len(octets)} octets",
            remedy=f"make one of {SECRET_OCTETS} random octets or more: head -c 32 /dev/urandom",
        )
    return hashlib.blake2b(octets, digest_size=32, person=b"samotop-ledger").digest()


class OwnerSecrets:
    """Secrets by owner. Safe to share between threads."""

    def __init__(self, database: Database, wrapping_key: bytes) -> None:
        self._database = database
        self._cipher = AESGCM(wrapping_key)
        self._known: dict[str, bytes] = {}
        self._lock = Lock()

    def find(self, owner: str) -> bytes | None:
        """The owner's secret; ``None`` where nothing was ever kept for them. May be called on the loop."""
        found = self._known.get(owner)
        if found is not None:
            return found
        wrapped = self._database.reader().execute(_SELECT, (owner,)).get
        return None if wrapped is None else self._unwrap(owner, bytes(wrapped))

    def keep(self, owner: str) -> bytes:
        """The owner's secret, made and durable where there was none."""
        found = self.find(owner)
        if found is not None:
            return found
        nonce = os.urandom(_NONCE)
        wrapped = nonce + self._cipher.encrypt(nonce, os.urandom(SECRET_OCTETS), owner.encode())

        def insert(connection: apsw.Connection) -> int:
            connection.execute("INSERT OR IGNORE INTO owner_secret (owner, wrapped) VALUES (?, ?)", (owner, wrapped))
            return connection.changes()

        self._database.write(insert)
        found = self.find(owner)  # another process may have been first
        assert found is not None, "it was written above"
        return found

    def forget(self, owner: str) -> None:
        """No account any more: what was sealed for it cannot be read again. The caller removes the row."""
        with self._lock:
            self._known.pop(owner, None)

    def _unwrap(self, owner: str, wrapped: bytes) -> bytes:
        try:
            secret = self._cipher.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], owner.encode())
        except InvalidTag:
            raise SetupError(
                "the ledger of contacts was made with another key",
                remedy=f"give the service the credential {CREDENTIAL} that it had, or restore {FILE_NAME}; "
                "without it all decisions about contacts are lost",
            ) from None
        with self._lock:
            self._known[owner] = secret
        return secret
