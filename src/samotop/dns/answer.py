"""What was answered to a question: records, or why there are none, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from samotop.dns.records import Mx, Record, Srv, Tlsa


class Status(Enum):
    """Whether there is an answer, and whether asking again may bring another."""

    OK = "ok"
    """There are records."""
    NODATA = "nodata"
    """The name exists, without records of this type (RFC 2308 §2.2)."""
    NXDOMAIN = "nxdomain"
    """The name does not exist, nor any below it (RFC 8020)."""
    TIMEOUT = "timeout"
    """Nobody answered in time."""
    SERVFAIL = "servfail"
    """The servers could not or would not say; a bogus answer is one of these."""


class Security(Enum):
    """What DNSSEC says of an answer (RFC 4035 §4.3)."""

    SECURE = "secure"
    """Signed, and verified from the trust anchor on; a denial too."""
    INSECURE = "insecure"
    """Proven to lie outside of what is signed; or nobody looks at signatures here."""
    BOGUS = "bogus"
    """Ought to be signed and does not verify: somebody lies, or a zone is broken. Comes with ``SERVFAIL``."""
    INDETERMINATE = "indeterminate"
    """There was no answer to judge."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to one question.

    ``name`` is the name asked, ``type`` the type (``"TXT"``). ``records`` are
    as ``dns.records`` says, in no particular order; there are some exactly if
    ``status`` is OK. Aliases have been followed; ``canonical`` is the name
    that the last of them led to. ``ttl`` is in seconds, the least of the chain.
    """

    name: str
    type: str
    status: Status
    records: tuple[Record, ...] = ()
    security: Security = Security.INSECURE
    ttl: int = 0
    canonical: str = ""

    @property
    def is_temporary(self) -> bool:
        """Nobody knows: asking again later may help."""
        return self.status is Status.TIMEOUT or self.status is Status.SERVFAIL

    @property
    def is_secure(self) -> bool:
        return self.security is Security.SECURE

    @property
    def is_bogus(self) -> bool:
        return self.security is Security.BOGUS

    # The records again, with the type that goes with ``type``.

    @property
    def texts(self) -> tuple[bytes, ...]:
        """Of TXT."""
        return tuple(record for record in self.records if isinstance(record, bytes))

    @property
    def names(self) -> tuple[str, ...]:
        """Of A and AAAA the addresses; of CNAME, NS and PTR the names."""
        return tuple(record for record in self.records if isinstance(record, str))

    @property
    def exchanges(self) -> tuple[Mx, ...]:
        """Of MX, the preferred first."""
        return tuple(sorted(record for record in self.records if isinstance(record, Mx)))

    @property
    def services(self) -> tuple[Srv, ...]:
        """Of SRV, the preferred first."""
        return tuple(sorted(record for record in self.records if isinstance(record, Srv)))

    @property
    def certificates(self) -> tuple[Tlsa, ...]:
        """Of TLSA."""
        return tuple(record for record in self.records if isinstance(record, Tlsa))
