"""Making a home: the directory, the account and, last of all, samotop.toml.

A home that has a samotop.toml is complete, and is never overwritten.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from samotop.cli.place import is_root, open_state
from samotop.cli.template import Wanted, format_template
from samotop.config.fault import ConfigRefused, Fault
from samotop.config.home import HomeLock, make_home
from samotop.config.read import FILE_NAME, read_config
from samotop.errors import SetupError

_SOURCE: Final = "the command line"


def check_wanted(wanted: Wanted) -> str:
    """The text of samotop.toml. Raises ``ConfigRefused``: a line of a file that is not written helps nobody."""
    text = format_template(wanted)
    config, faults = read_config(text, _SOURCE, is_root=is_root())
    if config is None:
        raise ConfigRefused([Fault(_SOURCE, 0, fault.what, fault.remedy) for fault in faults])
    return text


def refuse_second(home: Path) -> None:
    """Raise ``SetupError`` where ``home`` has a samotop.toml."""
    if os.path.lexists(home / FILE_NAME):
        raise SetupError(f"{home / FILE_NAME} is there already", remedy="edit it, or choose another --home")


def create_home(home: Path, text: str, account: str, password: str) -> None:
    """Make the directory, the account and last of all the file. Raises ``SetupError``."""
    from samotop.ports.accounts import Account
    from samotop.store.accounts import check_account_name
    from samotop.store.passwords import hash_password

    check_account_name(account)
    hashed = hash_password(password)
    make_home(home)
    with HomeLock(home):
        refuse_second(home)
        with open_state(home, creates=True) as state:
            new = Account(account, hashed.password_hash, hashed.scram)
            if state.accounts.get(account) is None:
                state.accounts.add(new)
            else:  # left by an init that did not come to its end
                state.accounts.change_password(new)
        write_new(home / FILE_NAME, text)


def write_new(path: Path, text: str) -> None:
    """Write a whole file, mode 0600, or none; durable. Raises ``SetupError`` where it exists."""
    draft = path.with_name(path.name + ".new")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        raise SetupError(f"{path} is there already", remedy="edit it, or choose another --home") from None
    except OSError as error:
        raise SetupError(
            f"{path} cannot be written: {error.strerror}", remedy="is there room, and is it yours?"
        ) from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
