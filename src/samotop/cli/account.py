"""``samotop account``: who may log in and has a mailbox here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from samotop.cli.flags import Home, Json, PasswordFile
from samotop.cli.passwords import read_password
from samotop.cli.place import open_home, open_state
from samotop.cli.show import format_time, print_columns, print_json
from samotop.config.home import MAIL_NAME
from samotop.config.read import load_config
from samotop.config.shapes import Config
from samotop.errors import SetupError
from samotop.ports.accounts import Account

Name = Annotated[str, Parameter(name="NAME", help="The account's name.")]


def add(name: Name, /, *, password_file: PasswordFile = None, home: Home = None) -> int:
    """Create an account. It owns NAME@ of every domain, or what its [mailbox.NAME] says."""
    from samotop.store.accounts import check_account_name

    place = open_home(home)
    check_account_name(name)
    with open_state(place, creates=True) as state:
        if state.accounts.get(name) is not None:  # before anybody types a password
            raise SetupError(f"there is an account {name} already", remedy=f"samotop account passwd {name}")
        state.accounts.add(_hashed(name, password_file))
    print(f"Created the account {name}.")
    return 0


def passwd(name: Name, /, *, password_file: PasswordFile = None, home: Home = None) -> int:
    """Change an account's password; who is logged in stays so."""
    with open_state(open_home(home)) as state:
        _need(state.accounts.get(name), name)
        state.accounts.change_password(_hashed(name, password_file))
    print(f"Changed the password of {name}.")
    return 0


def remove(name: Name, /, *, home: Home = None) -> int:
    """Remove an account. Its Maildir stays, and is yours to remove."""
    place = open_home(home)
    with open_state(place) as state:
        state.accounts.remove(name)
    maildir = place / MAIL_NAME / name
    print(f"Removed the account {name}." + (f" Its mail stays in {maildir}" if maildir.exists() else ""))
    return 0


def list_(*, json: Json = False, home: Home = None) -> int:
    """List the accounts."""
    with open_state(open_home(home)) as state:
        found = state.accounts.list()
    if json:
        print_json([{"name": name, "created": created} for name, created in found])
    elif found:
        print_columns(("NAME", "CREATED"), [(name, format_time(created)) for name, created in found])
    else:
        print("There are no accounts. Create one with: samotop account add NAME")
    return 0


def show(name: Name, /, *, json: Json = False, home: Home = None) -> int:
    """Show what an account owns: addresses, patterns, domains, and where its mail is."""
    place = open_home(home)
    with open_state(place) as state:
        created = dict(state.accounts.list()).get(name)
        _need(created, name)
        assert created is not None
    shown = _owned(load_config(place), place, name, created)
    if json:
        print_json(shown)
        return 0
    print(f"{name}, created {format_time(created)}")
    for key in ("addresses", "smart", "domains"):
        for claim in shown[key]:
            print(f"  {'all unclaimed of ' if key == 'domains' else ''}{claim}")
    print(f"Maildir {shown['maildir']}: {shown['new']} new, {shown['seen']} seen")
    return 0


def _owned(config: Config, place: Path, name: str, created: float) -> dict[str, Any]:
    tables = [one for one in config.mailboxes if one.owner == name]
    maildir = place / MAIL_NAME / name
    claims = any(one.addresses or one.smart for one in tables)
    own = [] if claims else [f"{name}@{domain}" for domain in config.domains]
    return {
        "name": name,
        "created": created,
        "addresses": own + [address for one in tables for address in one.addresses],
        "smart": [pattern for one in tables for pattern in one.smart],
        "domains": [domain for one in tables for domain in one.domains],
        "maildir": str(maildir),
        "new": _count(maildir / "new"),
        "seen": _count(maildir / "cur"),
    }


def _count(directory: Path) -> int:
    return sum(1 for _ in directory.iterdir()) if directory.is_dir() else 0


def _hashed(name: str, password_file: str | None) -> Account:
    from samotop.store.passwords import hash_password

    hashed = hash_password(read_password(password_file, name))
    return Account(name, hashed.password_hash, hashed.scram)


def _need(found: object, name: str) -> None:
    if found is None:
        raise SetupError(f"there is no account {name}", remedy="samotop account list")
