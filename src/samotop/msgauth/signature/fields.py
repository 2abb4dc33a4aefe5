"""The header section as signatures see it: taken off the stream, indexed by name, hashed field by field.

Fields with the same name are signed from the bottom up, and a name that is
listed more often than there are fields signs that there are no more
(RFC 6376 §5.4.2). Names are looked up in an index that is made once, and a
field's canonical form is made once, so that long ``h=`` lists over long header
sections cost no more than both together.

Raises nothing but for bugs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from samotop.content import HEADER_LIMIT
from samotop.message.header import Field, iterate_fields
from samotop.msgauth.signature.canonical import Canonicalization, canonicalize_field
from samotop.msgauth.signature.tags import Tag

FIELD_LIMIT: Final = 4096
"""Fields that are looked at: many times an honest header's, and each costs some hundred octets of memory."""


class HeaderTaker:
    """Cut a message's header section off its stream.

    ``feed`` returns what belongs to the body: nothing until the section is
    complete, everything afterwards. ``section`` is then the header section
    without the blank line that ends it, its last line with CRLF in any case.
    """

    __slots__ = ("_limit", "_seen", "is_too_long", "section")

    def __init__(self, limit: int = HEADER_LIMIT) -> None:
        self._limit = limit
        self._seen = bytearray()
        self.section: bytes | None = None
        self.is_too_long = False
        """There is no blank line within ``limit`` octets: ``section`` is what they held, and the rest is dropped."""

    def feed(self, chunk: bytes) -> bytes:
        if self.section is not None:
            return b"" if self.is_too_long else chunk
        searched = max(0, len(self._seen) - 3)
        before = len(self._seen)
        self._seen += chunk[: self._limit + 4]
        if self._seen.startswith(b"\r\n"):  # no field at all
            return self._end(0, 2 - before, chunk)
        found = self._seen.find(b"\r\n\r\n", searched)
        if 0 <= found <= self._limit:
            return self._end(found + 2, found + 4 - before, chunk)
        if len(self._seen) >= self._limit + 4:  # the blank line itself may still be on its way before that
            self.is_too_long = True
            self._end(self._limit, 0, chunk)
        return b""

    def finish(self) -> bytes:
        """The message has ended; without a blank line all of it was header section. Returns ``section``."""
        if self.section is None:
            self._end(len(self._seen), 0, b"")
        assert self.section is not None, "just ended"
        return self.section

    def _end(self, length: int, used: int, chunk: bytes) -> bytes:
        section = bytes(self._seen[:length])
        self._seen = bytearray()
        self.section = section if not section or section.endswith(b"\n") or self.is_too_long else section + b"\r\n"
        return chunk[used:]


class SignedHeader:
    """The fields of a header section, to be selected and hashed.

    ``fields`` has all of them in order, at most ``FIELD_LIMIT``; ``fault``
    says in a sentence why nothing in this section can be verified, if so.
    """

    __slots__ = ("_places", "_relaxed", "fault", "fields")

    def __init__(self, section: bytes, *, is_too_long: bool = False) -> None:
        fields = list(islice(iterate_fields(section), FIELD_LIMIT + 1))
        self.fault = ""
        if is_too_long:
            self.fault = "the header section is too long"
        elif len(fields) > FIELD_LIMIT:
            self.fault = f"the header section has more than {FIELD_LIMIT} fields"
        elif not section.count(b"\r\n") == section.count(b"\r") == section.count(b"\n"):
            # Where lines end is a matter of opinion then, and so is which fields there are.
            self.fault = "the header section has line ends other than CRLF"
        self.fields: tuple[Field, ...] = tuple(fields[:FIELD_LIMIT])
        self._places: dict[bytes, list[int]] = {}
        for place, field in enumerate(self.fields):
            if field.name:
                self._places.setdefault(field.name.lower(), []).append(place)
        self._relaxed: dict[int, bytes] = {}

    def places(self, name: bytes) -> Sequence[int]:
        """Where in ``fields`` the fields of this name are, in order; ``name`` in lower case."""
        return self._places.get(name, ())

    def select(self, names: Iterable[bytes], without: int | None = None) -> list[int]:
        """The places of the fields that ``names`` (lower case) sign, in the order of hashing (RFC 6376 §5.4.2).

        ``without`` is the place of the signature field itself, which is never among them (§3.5, ``h=``).
        A name with no field left contributes nothing.
        """
        left: dict[bytes, int] = {}
        chosen: list[int] = []
        for name in names:
            places = self._places.get(name)
            if places is None:
                continue
            at = left.get(name, len(places)) - 1
            if at >= 0 and places[at] == without:
                at -= 1
            left[name] = max(at, 0)
            if at >= 0:
                chosen.append(places[at])
        return chosen

    def canonical(self, place: int, canonicalization: Canonicalization) -> bytes:
        """One field's canonical form, with CRLF; made once."""
        if canonicalization is Canonicalization.SIMPLE:
            return canonicalize_field(self.fields[place].raw, canonicalization)
        form = self._relaxed.get(place)
        if form is None:
            form = self._relaxed[place] = canonicalize_field(self.fields[place].raw, canonicalization)
        return form

    def digest(self, places: Iterable[int], canonicalization: Canonicalization, last: bytes) -> bytes:
        """SHA-256 over the fields at ``places``, then ``last``: the signature field itself, raw, with ``b=`` emptied.

        The last field goes in without its CRLF (RFC 6376 §3.7).
        """
        forms = [self.canonical(place, canonicalization) for place in places]
        forms.append(canonicalize_field(last, canonicalization).removesuffix(b"\r\n"))
        return hashlib.sha256(b"".join(forms)).digest()


def remove_signature(field: Field, signature: Tag) -> bytes:
    """The raw field with nothing after ``b=`` (RFC 6376 §3.5); ``signature`` is that tag of ``field.value``."""
    begin = len(field.raw.partition(b":")[0]) + 1
    return field.raw[: begin + signature.start] + field.raw[begin + signature.end :]
