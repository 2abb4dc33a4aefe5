"""Patterns with ``*``, and how addresses are compared.

``*`` stands for any characters, also none, and never for ``@``: local part
and domain are matched one by one. Matching takes linear time whatever the
pattern. Domains compare as A-labels in lower case (RFC 5890 §2.3.2.1), local parts
in NFC and lower case: nobody should own ``Bob@`` beside another's ``bob@``.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from samotop.errors import SetupError


@dataclass(frozen=True, slots=True)
class Glob:
    """One pattern, cut at its stars."""

    pieces: tuple[str, ...]

    @classmethod
    def parse(cls, pattern: str) -> Glob:
        return cls(tuple(pattern.split("*")))

    @property
    def is_plain(self) -> bool:
        return len(self.pieces) == 1

    @property
    def is_everything(self) -> bool:
        return len(self.pieces) > 1 and not any(self.pieces)

    def matches(self, text: str) -> bool:
        pieces = self.pieces
        if len(pieces) == 1:
            return text == pieces[0]
        first, last = pieces[0], pieces[-1]
        at, end = len(first), len(text) - len(last)
        if at > end or not text.startswith(first) or not text.endswith(last):
            return False
        for piece in pieces[1:-1]:  # the leftmost place is always good enough
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True


def fold_local(local: str) -> str:
    """A local part of ours as it is compared."""
    return local.lower() if local.isascii() else unicodedata.normalize("NFC", local).lower()


def fold_domain(domain: str) -> str | None:
    """A domain as it is compared: A-labels, lower case, no closing dot. ``None`` where it is no domain."""
    if domain.isascii():
        return domain.lower().removesuffix(".")
    return _fold_international(domain)


@lru_cache(maxsize=1024)
def _fold_international(domain: str) -> str | None:
    import idna  # most servers never meet one

    try:
        return idna.encode(domain, uts46=True).decode("ascii").lower().removesuffix(".")
    except (idna.IDNAError, UnicodeError, ValueError):
        return None


def parse_domain_glob(pattern: str) -> Glob:
    """A domain or a pattern of domains. Raises ``SetupError``."""
    if pattern.isascii():
        return Glob.parse(pattern.lower().removesuffix("."))
    labels = [label if "*" in label or label.isascii() else fold_domain(label) for label in pattern.split(".")]
    if any(label is None or not label.isascii() for label in labels):
        raise SetupError(f'"{pattern}" is no domain', remedy="write it as A-labels, like xn--bcher-kva.example")
    return Glob.parse(".".join(label for label in labels if label).lower())


def parse_address_glob(pattern: str) -> tuple[Glob, Glob]:
    """Local part and domain of an address or a pattern of addresses. Raises ``SetupError``."""
    local, at, domain = pattern.rpartition("@")
    if not at or not local or not domain:
        raise SetupError(
            f'"{pattern}" is no address', remedy='write it like "alice@example.org" or "alice+*@example.org"'
        )
    return Glob.parse(fold_local(local)), parse_domain_glob(domain)
