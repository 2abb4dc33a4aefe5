"""Sign a message (RFC 6376 §5): with several keys at once, in one pass, for as long as it takes to read it.

    signing = SigningPass(signer, now)
    for chunk in content.chunks():
        signing.feed(chunk)
    fields = signing.finish()           # to be put before the message

Fields that a message has once are *oversigned*: listed once more than they are
there, so that nobody can add a second From or Subject that is shown instead
(RFC 6376 §8.15). Fields that forwarders add honestly (Sender, List-*) are
signed only if they are there.

The content is taken as it will be sent: CRLF line ends, nothing to be
converted later (§5.3). Header fields that readers would disagree about raise
``UnsignableContent``; keys and names that nobody could verify raise
``ValueError`` when the ``Signer`` is made.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from samotop.msgauth.dkim.private import check_private_key
from samotop.msgauth.signature.algorithms import PrivateKey, sign_digest
from samotop.msgauth.signature.body import BodyHashes, BodyWish
from samotop.msgauth.signature.canonical import Canonicalization
from samotop.msgauth.signature.domains import format_key_name, read_domain, read_identity, read_selector
from samotop.msgauth.signature.fields import HeaderTaker, SignedHeader

LINE_WIDTH: Final = 76
"""Columns of a folded line: below the 78 that RFC 5322 §2.1.1 recommends."""

OVERSIGNED: Final = (
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
)
"""What a reader sees or what decides how it is seen: no second one may be added, nor a first (RFC 6376 §5.4.1)."""
SIGNED: Final = (
    "sender",
    "resent-from",
    "resent-to",
    "resent-cc",
    "resent-date",
    "resent-message-id",
    "content-id",
    "content-description",
    "content-disposition",
    "list-id",
    "list-help",
    "list-owner",
    "list-post",
    "list-subscribe",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-archive",
    "autocrypt",
)
"""What forwarders may add, so that only what is there is signed; RFC 8058 §4 wants the List-Unsubscribe ones."""


class UnsignableContent(ValueError):
    """A header section that must not be signed: without From or with several, with lines that are no field."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the selector that its public half is published under."""

    selector: str
    private: PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        check_private_key(self.private)
        try:
            object.__setattr__(self, "selector", read_selector(self.selector.encode()))
        except ValueError:
            raise ValueError(f"{self.selector!r} is no selector: it is one or more labels of a domain name") from None

    @property
    def algorithm(self) -> str:
        return "ed25519-sha256" if isinstance(self.private, Ed25519PrivateKey) else "rsa-sha256"


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, and how. Each key makes one signature field, in their order.

    ``identity`` is ``i=``: an address or ``@domain``, of ``domain`` or below. ``lifetime`` is in seconds (``x=``);
    ``None``, which is best for mail that may be verified later, sets none. Names of fields in any case.
    """

    domain: str
    keys: Sequence[SigningKey]
    oversigned: tuple[str, ...] = OVERSIGNED
    signed: tuple[str, ...] = SIGNED
    header_form: Canonicalization = Canonicalization.RELAXED
    body_form: Canonicalization = Canonicalization.RELAXED
    identity: str = ""
    lifetime: int | None = None

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "domain", read_domain(self.domain.encode()))
        except ValueError:
            raise ValueError(f"{self.domain!r} is no domain that can sign") from None
        object.__setattr__(self, "keys", tuple(self.keys))
        object.__setattr__(self, "oversigned", tuple(map(_check_name, self.oversigned)))
        object.__setattr__(self, "signed", tuple(map(_check_name, self.signed)))
        if "from" not in self.oversigned + self.signed:
            raise ValueError("From must be signed (RFC 6376 §5.4)")
        if not self.keys:
            raise ValueError("a signer has a key at least")
        if self.lifetime is not None and self.lifetime <= 0:
            raise ValueError("a signature's lifetime is a positive number of seconds")
        for key in self.keys:
            format_key_name(key.selector, self.domain)
        if self.identity:
            object.__setattr__(self, "identity", self._check_identity())

    def _check_identity(self) -> str:
        """``identity`` with its domain in A-labels."""
        local, domain = read_identity(_encode_printable(self.identity))
        if domain != self.domain and not domain.endswith(f".{self.domain}"):
            raise ValueError("an identity is an address or @domain of the signing domain or below")
        return f"{local}@{domain}"


def _check_name(name: str) -> str:
    if not name.isascii() or not name or any(c <= " " or c in ":;\x7f" for c in name):
        raise ValueError("no name of a header field")
    if name.lower() == "dkim-signature":
        raise ValueError("a DKIM-Signature field is not signed by another")
    return name.lower()


class SigningPass:
    """See the module's page. ``now`` is in seconds since 1970."""

    def __init__(self, signer: Signer, now: float) -> None:
        self._signer = signer
        self._now = int(now)
        self._taker = HeaderTaker()
        self._bodies = BodyHashes()
        self._wish = BodyWish(signer.body_form)
        self._bodies.want(self._wish)

    def feed(self, chunk: bytes) -> None:
        """Take the content's next octets, cut anywhere."""
        rest = self._taker.feed(chunk)
        if rest:
            self._bodies.feed(rest)

    def finish(self) -> bytes:
        """The DKIM-Signature fields with line ends, to be put before the content. Raises ``UnsignableContent``."""
        self._taker.finish()
        self._bodies.finish()
        header = SignedHeader(self._taker.section or b"", is_too_long=self._taker.is_too_long)
        _check_header(header)
        names = self._plan_names(header)
        places = header.select(names)
        body_hash = self._bodies.digest(self._wish).digest
        made: list[bytes] = []
        for key in self._signer.keys:
            unsigned = self._format_unsigned(key, names, body_hash)
            digest = header.digest(places, self._signer.header_form, unsigned)
            made.append(unsigned + _fold_base64(sign_digest(key.private, digest), len(" b=")) + b"\r\n")
        return b"".join(made)

    def _plan_names(self, header: SignedHeader) -> list[bytes]:
        """``h=``: each field that is there as often as it is, and the oversigned ones once more."""
        names: list[bytes] = []
        oversigned = dict.fromkeys(name.encode("ascii") for name in self._signer.oversigned)
        for name in oversigned:
            names += [name] * (len(header.places(name)) + 1)
        for name in dict.fromkeys(name.encode("ascii") for name in self._signer.signed):
            if name not in oversigned:
                names += [name] * len(header.places(name))
        return names

    def _format_unsigned(self, key: SigningKey, names: Iterable[bytes], body_hash: bytes) -> bytes:
        """The field up to ``b=``, its last tag."""
        signer = self._signer
        words = [
            b"v=1;",
            b"a=%s;" % key.algorithm.encode("ascii"),
            b"c=%s/%s;" % (signer.header_form.encode("ascii"), signer.body_form.encode("ascii")),
            b"d=%s;" % signer.domain.encode("ascii"),
            b"s=%s;" % key.selector.encode("ascii"),
            b"t=%d;" % self._now,
        ]
        if signer.lifetime is not None:
            words.append(b"x=%d;" % (self._now + signer.lifetime))
        if signer.identity:
            words.append(b"i=%s;" % _encode_printable(signer.identity))
        first, *more = names
        words += [b"h=" + first, *(b":" + name for name in more), b";"]
        words.append(b"bh=%s;" % base64.b64encode(body_hash))
        return _fold_words(b"DKIM-Signature:", words) + b"\r\n b="


def _check_header(header: SignedHeader) -> None:
    if header.fault:
        raise UnsignableContent(header.fault)
    if not all(field.name for field in header.fields):
        # A first line that begins with a space would even become part of the signature field put before it.
        raise UnsignableContent("a line of the header section is no field")
    count = len(header.places(b"from"))
    if count != 1:
        raise UnsignableContent("there is no From field" if count == 0 else "there are several From fields")


def _fold_words(line: bytes, words: Iterable[bytes]) -> bytes:
    """Words one after the other, a space or a new line before each; none before colons and semicolons, if they fit."""
    lines: list[bytes] = []
    for word in words:
        is_glued = word[:1] in (b":", b";")
        if len(line) + len(word) + 1 <= LINE_WIDTH or line == b" ":
            line += word if is_glued else b" " + word
        else:
            lines.append(line)
            line = b" " + word
    return b"\r\n".join((*lines, line))


def _fold_base64(octets: bytes, column: int) -> bytes:
    """Base64 in lines; the first begins at ``column``."""
    text = base64.b64encode(octets)
    first = LINE_WIDTH - column
    rest = (text[at : at + LINE_WIDTH - 1] for at in range(first, len(text), LINE_WIDTH - 1))
    return b"\r\n ".join((text[:first], *rest))


def _encode_printable(text: str) -> bytes:
    """DKIM's quoted-printable, UTF-8 as it is where it is more than ASCII (RFC 6376 §2.11, RFC 8616 §5)."""
    return b"".join(
        bytes((octet,)) if (0x21 <= octet <= 0x7E and octet not in b"=;") or octet >= 0x80 else b"=%02X" % octet
        for octet in text.encode()
    )
