"""The PEM files that a configuration names: what the server could not use, found before anything starts.

``check_pem_files`` loads certificates, keys and authorities as the server will,
with its own code. ``note_keys`` looks at who else could read a private key: in
the home nobody, because the home is its owner's alone, until it is copied.

Raises nothing: a fault is a value.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from samotop.config.claims import Found
from samotop.config.shapes import Config, TlsFiles
from samotop.errors import SetupError

KEYS_NAME: Final = "keys"
KEYS_LIMIT: Final = 1000
"""Files of keys that are looked at: two for each domain, and those that are retired."""

_OTHERS: Final = 0o077
_EVERYBODY: Final = 0o007
"""Outside of the home a group may have been let in on purpose, as Debian's ssl-cert is."""


def check_pem_files(config: Config, home: Path) -> Iterator[Found]:
    """Each pair and file of authorities that cannot be read or used, and what would be right."""
    own, web, roots = config.tls, config.mta_sts, config.relay.roots
    if own != TlsFiles() or (home / own.certificate).exists():
        yield from _check_pair("tls", home / own.certificate, home / own.key)
    if web.certificate:
        yield from _check_pair("mta_sts", home / web.certificate, home / web.key)
    if roots:
        yield from _check_roots(home / roots)


def note_keys(config: Config, home: Path) -> Iterator[str]:
    """A sentence for each place of private keys that others could read."""
    inside = [home / KEYS_NAME, *islice((home / KEYS_NAME).rglob("*"), KEYS_LIMIT)]
    named = [home / one for one in (config.tls.key, config.mta_sts.key) if one]
    for path in dict.fromkeys((*inside, *named)):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue  # not there, or a fault that is told already
        is_within = path.is_relative_to(home)
        if mode & (_OTHERS if is_within else _EVERYBODY):
            whom = "others, were it not for the home's own mode" if is_within else "everybody on this machine"
            yield f"{path} could be read by {whom}: chmod {'700' if path.is_dir() else '600'} {path}"


def _check_pair(table: str, certificate: Path, key: Path) -> Iterator[Found]:
    absent = [(name, path) for name, path in (("certificate", certificate), ("key", key)) if not _can_read(path)]
    for name, path in absent:
        yield (table, name), f"{name}: {path} cannot be read", "name a PEM file that the server's user may read"
    if absent:
        return
    from samotop.net.clock import SystemClock  # cryptography: a configuration without files does not pay for it
    from samotop.net.tls import ServerTls
    from samotop.net.tls import TlsFiles as Pair

    try:
        ServerTls(Pair(certificate, key), SystemClock())
    except SetupError as error:
        yield (table, "certificate"), str(error.args[0]), error.remedy


def _check_roots(path: Path) -> Iterator[Found]:
    from samotop.delivery.compose import read_roots

    if not _can_read(path):
        yield ("relay", "roots"), f"roots: {path} cannot be read", "name a PEM file that the server's user may read"
    elif not read_roots(path):
        yield (
            ("relay", "roots"),
            f"roots: there is no certificate of an authority in {path}",
            "name a file of CA certificates in PEM, such as /etc/ssl/certs/ca-certificates.crt",
        )


def _can_read(path: Path) -> bool:
    return path.is_file() and os.access(path, os.R_OK)
