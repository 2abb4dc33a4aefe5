"""``samotop serve --demo``: a home for trying out, and the words that explain it.

The home is a temporary directory, removed at the end, or the one that
``--home`` names, made if absent and kept. The password of its account lies in
a file of the home, so that what is printed can be typed as it stands.
"""

from __future__ import annotations

import errno
import secrets
import shlex
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from samotop.cli.create import check_wanted, create_home, write_new
from samotop.cli.later import is_served
from samotop.cli.place import load_checked, name_home
from samotop.cli.template import Wanted
from samotop.config.home import HomeLock, make_home
from samotop.config.read import FILE_NAME
from samotop.config.shapes import Config, Listen, default_listeners
from samotop.errors import SetupError
from samotop.net.endpoint import Tcp

DOMAIN: Final = "demo.test"
"""Reserved for tests (RFC 2606 §2): nobody's mail goes there."""
ACCOUNT: Final = "alice"
PASSWORD_FILE: Final = "demo-password"
PORTS_TRIED: Final = 200
"""Ports looked at for a free one; with so many taken something else is wrong."""


@contextmanager
def open_demo(given: str | None) -> Iterator[tuple[Path, Config, str]]:
    """The demo's home, locked; its configuration with free ports; the words that explain it."""
    if given is not None:
        with _locked(name_home(given)) as opened:
            yield opened
    else:
        with tempfile.TemporaryDirectory(prefix="samotop-demo-", ignore_cleanup_errors=True) as directory:
            with _locked(Path(directory)) as opened:
                yield opened


@contextmanager
def _locked(home: Path) -> Iterator[tuple[Path, Config, str]]:
    make_home(home)
    if not (home / FILE_NAME).exists():
        _create(home)
    with HomeLock(home):
        config, notes = _free_ports(load_checked(home))
        yield home, config, "\n".join([*notes, *_guide(home, config)])


def _create(home: Path) -> None:
    password = secrets.token_hex(8)  # no sign that a shell or a program takes for an option
    (home / PASSWORD_FILE).unlink(missing_ok=True)
    write_new(home / PASSWORD_FILE, password + "\n")
    wanted = Wanted(
        hostname=f"mx.{DOMAIN}", domains=[DOMAIN], listeners=default_listeners(is_root=False), unknown="accept"
    )
    create_home(home, check_wanted(wanted), ACCOUNT, password)


def _free_ports(config: Config) -> tuple[Config, list[str]]:
    """The configuration with the next free port wherever one is taken, and what to say of it."""
    notes: list[str] = []
    taken: set[int] = set()
    listeners: list[Listen] = []
    for one in config.listeners:
        if is_served(one) and isinstance(one.address, Tcp) and one.address.port:
            port = _next_free(one.address, taken)
            taken.add(port)
            if port != one.address.port:
                notes.append(f"Port {one.address.port} is taken; {one.protocol} uses {port} this time.")
                one = replace(one, address=Tcp(one.address.host, port))
        listeners.append(one)
    # One process: several would read their ports in the file again.
    return replace(config, listeners=tuple(listeners), workers=1), notes


def _next_free(address: Tcp, taken: set[int]) -> int:
    for port in range(address.port, min(address.port + PORTS_TRIED, 65536)):
        if port not in taken and _is_free(address.host, port):
            return port
    raise SetupError(f"there is no free port from {address.port} on", remedy="end the programs that listen there")


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("" if host == "*" else host, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE  # any other reason is for the listener to tell
    return True


def _guide(home: Path, config: Config) -> Sequence[str]:
    """Ports, account, password; how to send and read a first mail."""
    address = f"{ACCOUNT}@{config.domains[0]}" if config.domains else ACCOUNT
    maildir = shlex.quote(str(home / "mail" / ACCOUNT))
    lines = [
        "",
        "Samotop is starting, for you to try out. Only this machine can reach it;",
        f"what {ACCOUNT} sends to other domains really goes there.",
        "",
    ]
    lines += [f"  {one.protocol + ':':<12}{one.address}, TLS {one.tls}" for one in config.listeners if is_served(one)]
    lines.append(f"  account:    {ACCOUNT}, who has the address {address}")
    password = home / PASSWORD_FILE
    if password.exists():
        lines.append(f"  password:   {password.read_text().strip()}   (in {password})")
    lines += [f"  home:       {home}", ""]
    world = _first(config, "smtp")
    if world is not None:
        lines += [
            "Send a first mail, from another terminal, with one of:",
            f"  swaks --server {world} --to {address} --header 'Subject: Hello'",
            f"  printf 'Subject: Hello\\r\\n\\r\\nHi!\\r\\n' | curl smtp://{world} "
            f"--mail-from you@example.org --mail-rcpt {address} -T -",
            f'  python3 -c \'import smtplib; smtplib.SMTP("{world.host}", {world.port})'
            f'.sendmail("you@example.org", ["{address}"], "Subject: Hello\\r\\n\\r\\nHi!\\r\\n")\'',
            "",
        ]
    own = _first(config, "submission")
    if own is not None and password.exists():
        lines += [
            f"As {ACCOUNT}, who logs in:",
            f"  swaks --server {own} -tls --auth-user {ACCOUNT} "
            f'--auth-password "$(cat {shlex.quote(str(password))})" --from {address} --to {address}',
            "",
        ]
    return [*lines, "Read it:", f"  ls {maildir}/new", f"  cat {maildir}/new/*", "", "Control-C stops the server.", ""]


def _first(config: Config, protocol: str) -> Tcp | None:
    """Where the first TCP listener of a protocol is, as a client on this machine calls it."""
    for one in config.listeners:
        if one.protocol == protocol and isinstance(one.address, Tcp) and one.tls != "implicit":
            host = {"*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(one.address.host, one.address.host)
            return Tcp(host, one.address.port)
    return None
