"""The file that may replace the root's keys that we ship: ``root.key`` in the home.

A root of one's own, or a new key of the root before a release of samotop has
it. The format is ``dns.dnssec.anchor``'s; docs/dnssec.md says how to get one.

Raises ``SetupError`` for a file that cannot be read or has no key that we could
verify by: without its anchor a server must not start, as everything would be
bogus.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from samotop.dns.dnssec.anchor import ROOT, TEXT_LIMIT, Anchor, parse_anchor
from samotop.errors import SetupError

ANCHOR_NAME: Final = "root.key"
"""As unbound-anchor and Debian's dns-root-data call it, so that a link to theirs will do."""

_REMEDY: Final = "Put the root's DS or DNSKEY records into it (docs/dnssec.md), or remove it to use those of samotop."


def read_anchor(home: Path) -> Anchor:
    """The anchor in ``home``, else the one that is shipped. Raises ``SetupError``."""
    path = home / ANCHOR_NAME
    try:
        with path.open("rb") as file:
            text = file.read(TEXT_LIMIT + 1).decode("ascii", "replace")
    except FileNotFoundError:
        return ROOT
    except OSError as error:
        raise SetupError(f"cannot read {path}: {error.strerror}", remedy=_REMEDY) from error
    try:
        return parse_anchor(text)
    except ValueError as error:
        raise SetupError(f"{path}: {error}", remedy=_REMEDY) from None
