"""Files of who is allowed or blocked by name: one entry a line, ``#`` comments (``policy.allowed`` says what counts).

Reads; whoever runs the server looks when they change. Raises nothing: what cannot be read is a fault, with its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from samotop.config import patterns
from samotop.config.fault import BadValue
from samotop.config.places import parse_domain, parse_network
from samotop.policy.allowed import NO_ENTRIES, Entries, Network, collect

FILE_LIMIT: Final = 16 * 1024 * 1024
"""Octets of a file: half a million entries. Public lists of networks have some thousands."""
FAULTS_LIMIT: Final = 100
"""Faults of one file that are told: it is the wrong file after that."""

_REMEDY: Final = "write bob@example.net, @example.net, example.net or 192.0.2.0/24"


@dataclass(frozen=True, slots=True)
class NamedFile:
    """What a file says; ``faults`` are line, what is wrong, what would be right."""

    entries: Entries
    faults: tuple[tuple[int, str, str], ...] = ()


def read_named(*paths: Path) -> NamedFile:
    """All entries of these files together."""
    addresses: set[str] = set()
    domains: set[str] = set()
    networks: set[Network] = set()
    faults: list[tuple[int, str, str]] = []
    for path in paths:
        try:
            with path.open("rb") as file:
                octets = file.read(FILE_LIMIT + 1)
        except OSError as error:
            faults.append((0, f"it cannot be read: {error.strerror}", "make the file, one entry a line"))
            continue
        if len(octets) > FILE_LIMIT:
            faults.append((0, "the file is larger than half a million entries are", "is this the right file?"))
            continue
        for number, line in enumerate(octets.decode("utf-8-sig", "replace").splitlines(), 1):
            text = line.partition("#")[0].strip()
            try:
                if text:
                    _take(text, addresses, domains, networks)
            except BadValue:
                faults.append((number, f'"{text[:60]}" is no address, domain or network', _REMEDY))
                if len(faults) >= FAULTS_LIMIT:
                    break
    return NamedFile(NO_ENTRIES if faults else collect(addresses, domains, networks), tuple(faults))


def _take(text: str, addresses: set[str], domains: set[str], networks: set[Network]) -> None:
    if text.startswith("@"):
        domains.add(parse_domain(text[1:]))
    elif "@" in text:
        addresses.add(patterns.parse_address(text).lower())
    elif "/" in text or _is_address(text):
        networks.add(parse_network(text))
    else:
        domains.add(f".{parse_domain(text.removeprefix('.'))}")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
