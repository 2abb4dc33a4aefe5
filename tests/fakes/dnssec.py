"""Signed zones in memory, and who answers from them as a resolver with DO and CD would.

    org = SignedZone("org", {"": {"NS": ["ns.org."]}}, children=[example])
    tree = Tree([root, org, example])
    await tree.ask("www.example.org", "A", wants_signatures=True)
    tree.anchor()                     # of the root zone

Signed by dnspython, which shares no code with what is tested; NSEC and NSEC3
chains are made here, and tests/e2e/test_dnssec.py has unbound look at them.
``Tree.tampers`` changes answers on their way. ``SignedZone.format`` is a zone
file for a real server.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.name import Name
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.ANY.NSEC3 import NSEC3

from samotop.dns.answer import Status
from samotop.dns.dnssec.anchor import Anchor, parse_anchor
from samotop.net.exchange import NoAnswer

NOW: Final = 1_767_225_600
"""2026-01-01, where ``MovableClock`` begins."""
DAY: Final = 86_400
TTL: Final = 300
CHAIN_LIMIT: Final = 12

Records = Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class Key:
    """A private key and its DNSKEY record. ``number`` is written instead of the algorithm's own, for unknown ones."""

    private: Any
    record: Any
    number: int = 0

    def sign(self, rrset: dns.rrset.RRset, zone: Name, inception: int, expiration: int) -> Any:
        signature = dns.dnssec.sign(
            rrset, self.private, zone, self.record, inception=inception, expiration=expiration, lifetime=None
        )
        if self.number:
            return signature.replace(algorithm=self.number, key_tag=self.public.key_id())
        return signature

    @property
    def public(self) -> Any:
        return self.record.replace(algorithm=self.number) if self.number else self.record


def make_key(seed: str, algorithm: int = 15, *, flags: int = 257, number: int = 0, bits: int = 2048) -> Key:
    """A key that is the same for each ``seed``, but for RSA."""
    secret = hashlib.sha512(seed.encode()).digest()
    private: Any
    if algorithm == 15:
        private = ed25519.Ed25519PrivateKey.from_private_bytes(secret[:32])
    elif algorithm == 16:
        private = ed448.Ed448PrivateKey.from_private_bytes(secret[:57])
    elif algorithm == 13:
        private = ec.derive_private_key(int.from_bytes(secret[:31], "big"), ec.SECP256R1())
    elif algorithm == 14:
        private = ec.derive_private_key(int.from_bytes(secret[:47], "big"), ec.SECP384R1())
    else:
        private = rsa.generate_private_key(65537, bits)
    return Key(private, dns.dnssec.make_dnskey(private.public_key(), algorithm, flags=flags), number)


def to_name(text: str) -> Name:
    return dns.name.from_text(text)


def make_rrset(name: Name, type: str, texts: Iterable[str], ttl: int = TTL) -> dns.rrset.RRset:
    return dns.rrset.from_text_list(name, ttl, "IN", type, list(texts))


@dataclass(frozen=True)
class Hashing:
    """NSEC3 in place of NSEC."""

    iterations: int = 0
    salt: bytes = b""
    opts_out: bool = False


@dataclass
class SignedZone:
    """A zone: records by name relative to ``apex`` (``""`` is the apex), delegations to ``children``.

    ``key`` ``None`` leaves it unsigned. ``ds`` is what the parent has: the real
    ones unless told otherwise. ``before_signing`` may change RRsets.
    """

    apex: str
    records: Records
    children: Sequence[SignedZone] = ()
    key: Key | None = None
    hashing: Hashing | None = None
    inception: int = NOW - DAY
    expiration: int = NOW + 14 * DAY
    ds: Sequence[str] | None = None
    extra_keys: Sequence[Key] = ()
    omits: Sequence[tuple[str, str]] = ()
    """(name, type) of RRsets that get no signature."""

    rrsets: dict[tuple[Name, RdataType], dns.rrset.RRset] = field(init=False, default_factory=dict)
    signatures: dict[tuple[Name, RdataType], dns.rrset.RRset] = field(init=False, default_factory=dict)
    chain: list[tuple[bytes, Name]] = field(init=False, default_factory=list)
    """NSEC3: hashes and owners in their order."""

    def __post_init__(self) -> None:
        self.name = to_name(self.apex or ".")
        dot = self.name.to_text() if self.apex else ""
        self._add("", "SOA", [f"ns.{dot} hostmaster.{dot} 1 3600 600 86400 {TTL}"])
        for relative, table in self.records.items():
            for kind, texts in table.items():
                self._add(relative, kind, texts)
        if (self.name, RdataType.NS) not in self.rrsets:
            self._add("", "NS", [f"ns.{dot}"])
        for child in self.children:
            relative = child.name.relativize(self.name).to_text()
            self._add(relative, "NS", [f"ns.{child.name}"])
            if child.delegation:
                self._add(relative, "DS", child.delegation)
        if self.key is not None:
            self._sign()

    @property
    def delegation(self) -> list[str]:
        """The DS records of the zone above."""
        if self.ds is not None:
            return list(self.ds)
        return [] if self.key is None else [ds_of(self.name, self.key)]

    def find(self, name: Name, type: RdataType) -> dns.rrset.RRset | None:
        return self.rrsets.get((name, type))

    def types(self, name: Name) -> set[RdataType]:
        return {kind for owner, kind in self.rrsets if owner == name}

    def is_cut(self, name: Name) -> bool:
        return name != self.name and (name, RdataType.NS) in self.rrsets

    def exists(self, name: Name) -> bool:
        """Also names that are there for those below them alone."""
        return any(owner.is_subdomain(name) for owner, _ in self.rrsets)

    def format(self) -> str:
        """A zone file."""
        return "".join(f"{rrset}\n" for rrset in (*self.rrsets.values(), *self.signatures.values()))

    def _add(self, relative: str, type: str, texts: Sequence[str]) -> None:
        name = self.name if relative in ("", "@") else dns.name.from_text(relative, self.name)
        rrset = make_rrset(name, type, texts)
        self.rrsets[name, rrset.rdtype] = rrset

    def _sign(self) -> None:
        assert self.key is not None
        keys = [key.public for key in (self.key, *self.extra_keys)]
        self.rrsets[self.name, RdataType.DNSKEY] = dns.rrset.from_rdata_list(self.name, TTL, keys)
        below = [owner for owner, kind in self.rrsets if kind == RdataType.NS and owner != self.name]
        own = sorted(
            {owner for owner, _ in self.rrsets if not any(owner != cut and owner.is_subdomain(cut) for cut in below)}
        )
        if self.hashing is None:
            self._chain_names(own)
        else:
            self._chain_hashes(own, self.hashing)
        omitted = {(to_name(f"{name}.{self.apex}"), dns.rdatatype.from_text(kind)) for name, kind in self.omits}
        for (owner, kind), rrset in self.rrsets.items():
            is_glue = any(owner != cut and owner.is_subdomain(cut) for cut in below)
            if is_glue or (self.is_cut(owner) and kind not in (RdataType.DS, RdataType.NSEC)):
                continue
            if (owner, kind) not in omitted:
                self.sign(rrset)

    def sign(self, rrset: dns.rrset.RRset, key: Key | None = None) -> dns.rrset.RRset:
        """Sign, and remember the signature."""
        used = key or self.key
        assert used is not None
        signature = used.sign(rrset, self.name, self.inception, self.expiration)
        made = dns.rrset.from_rdata(rrset.name, rrset.ttl, signature)
        self.signatures[rrset.name, rrset.rdtype] = made
        return made

    def _chain_names(self, names: list[Name]) -> None:
        for owner, following in zip(names, [*names[1:], self.name], strict=True):
            types = [*self.types(owner), RdataType.NSEC, RdataType.RRSIG]
            record = NSEC(dns.rdataclass.IN, RdataType.NSEC, following, _bitmap(types))
            self.rrsets[owner, RdataType.NSEC] = dns.rrset.from_rdata(owner, TTL, record)

    def _chain_hashes(self, names: list[Name], hashing: Hashing) -> None:
        hashed: dict[bytes, Name] = {}
        for name in names:
            if hashing.opts_out and self.is_cut(name) and not self.find(name, RdataType.DS):
                continue
            above = name
            while above.is_subdomain(self.name):
                hashed[hash_of(above, hashing)] = above
                if above == self.name:
                    break
                above = above.parent()
        param = f"1 0 {hashing.iterations} {hashing.salt.hex() or '-'}"
        self._add("", "NSEC3PARAM", [param])
        order = sorted(hashed)
        for digest, following in zip(order, [*order[1:], order[0]], strict=True):
            name = hashed[digest]
            types = list(self.types(name))
            if types and (not self.is_cut(name) or self.find(name, RdataType.DS)):
                types.append(RdataType.RRSIG)
            flags = 1 if hashing.opts_out else 0
            record = NSEC3(
                dns.rdataclass.IN,
                RdataType.NSEC3,
                1,
                flags,
                hashing.iterations,
                hashing.salt,
                following,
                _bitmap(types),
            )
            owner = dns.name.Name((base64.b32hexencode(digest).lower(), *self.name.labels))
            self.rrsets[owner, RdataType.NSEC3] = dns.rrset.from_rdata(owner, TTL, record)
            self.chain.append((digest, owner))

    # What is shown of the chain.

    def matching(self, name: Name) -> list[dns.rrset.RRset]:
        """The record of ``name``, which is there."""
        if self.hashing is None:
            found = self.find(name, RdataType.NSEC)
            return [found] if found else self.covering(name)  # of an empty name: what it lies in
        digest = hash_of(name, self.hashing)
        owners = [owner for held, owner in self.chain if held == digest]
        return [self.rrsets[owner, RdataType.NSEC3] for owner in owners] or self.covering(name)

    def covering(self, name: Name) -> list[dns.rrset.RRset]:
        """The record of the gap in which ``name`` would be."""
        if self.hashing is None:
            before = [owner for owner, kind in self.rrsets if kind == RdataType.NSEC and owner < name]
            return [self.rrsets[max(before), RdataType.NSEC]]
        digest = hash_of(name, self.hashing)
        smaller = [owner for held, owner in self.chain if held < digest]
        owner = smaller[-1] if smaller else self.chain[-1][1]
        return [self.rrsets[owner, RdataType.NSEC3]]

    def encloser(self, name: Name) -> tuple[Name, Name]:
        """The closest name above that is there, and the next closer one."""
        closer = name
        while not self.exists(closer.parent()):
            closer = closer.parent()
        return closer.parent(), closer


def _bitmap(types: Iterable[RdataType]) -> Any:
    from dns.rdtypes.util import Bitmap

    return Bitmap.from_rdtypes(list(types)).windows


def hash_of(name: Name, hashing: Hashing) -> bytes:
    text = dns.dnssec.nsec3_hash(name, hashing.salt, hashing.iterations, 1)
    return base64.b32hexdecode(text)


def ds_of(zone: Name, key: Key, digest: str = "SHA256") -> str:
    return str(dns.dnssec.make_ds(zone, key.public, digest, policy=dns.dnssec.allow_all_policy))


Tamper = Callable[[dns.message.Message], dns.message.Message | None]


class Tree:
    """Answers from zones, as a resolver that validates nothing. Implements ``net.chain.Ask``."""

    def __init__(self, zones: Iterable[SignedZone]) -> None:
        self.zones = {zone.name: zone for zone in zones}
        self.asked: Counter[tuple[str, str]] = Counter()
        self.failures: dict[tuple[str, str], Status] = {}
        self.tampers: list[Callable[[dns.message.Message], object]] = []
        self.passes_signatures = True
        self.is_closed = False

    def anchor(self) -> Anchor:
        root = self.zones[dns.name.root]
        assert root.key is not None
        return parse_anchor(f". IN DS {ds_of(dns.name.root, root.key)}")

    async def ask(self, name: str, type: str, *, wants_signatures: bool = False) -> dns.message.Message:
        place = (name.rstrip(".").lower(), type)
        self.asked[place] += 1
        if place in self.failures:
            raise NoAnswer(self.failures[place])
        message = self.answer(to_name(name), dns.rdatatype.from_text(type), wants_signatures and self.passes_signatures)
        for tamper in self.tampers:
            tamper(message)
        return dns.message.from_wire(message.to_wire(max_size=65535))

    async def close(self) -> None:
        self.is_closed = True

    def answer(self, name: Name, type: RdataType, signs: bool = True) -> dns.message.Message:
        query = dns.message.make_query(name, type)
        message = dns.message.make_response(query, recursion_available=True)
        message.flags |= dns.flags.RA
        at: Name | None = name
        for _ in range(CHAIN_LIMIT):
            if at is None:
                break
            at = _Reply(message, self.zone_of(at, type), at, type).fill()
        if not signs:
            for section in (message.answer, message.authority):
                section[:] = [r for r in section if r.rdtype not in (RdataType.RRSIG, RdataType.NSEC, RdataType.NSEC3)]
        return message

    def zone_of(self, name: Name, type: RdataType) -> SignedZone:
        """The deepest zone; for DS the one above the cut."""
        zones = [zone for apex, zone in self.zones.items() if name.is_subdomain(apex)]
        if type == RdataType.DS and len(zones) > 1:
            zones = [zone for zone in zones if zone.name != name]
        return max(zones, key=lambda zone: len(zone.name.labels))


@dataclass
class _Reply:
    """What one zone says to one question, added to a message."""

    message: dns.message.Message
    zone: SignedZone
    name: Name
    type: RdataType

    def fill(self) -> Name | None:
        """Returns where an alias leads."""
        zone, name = self.zone, self.name
        for owner, kind in list(zone.rrsets):
            if kind == RdataType.DNAME and name != owner and name.is_subdomain(owner):
                return self._follow_dname(owner)
        if zone.exists(name):
            return self._answer_at(name, [])
        encloser, closer = zone.encloser(name)
        wildcard = dns.name.Name((b"*", *encloser.labels))
        denial = [*self._enclosing(encloser), *zone.covering(closer)] if zone.hashing else self._covering(name)
        if zone.exists(wildcard):
            shown = self._covering(closer if zone.hashing else name)
            return self._answer_at(wildcard, shown, denial)
        self.message.set_rcode(dns.rcode.NXDOMAIN)
        self._deny([*denial, *self._covering(wildcard)])
        return None

    def _answer_at(
        self, owner: Name, shown: list[dns.rrset.RRset], denial: list[dns.rrset.RRset] | None = None
    ) -> Name | None:
        zone = self.zone
        for kind in (self.type, RdataType.CNAME):
            rrset = zone.find(owner, kind)
            if rrset is not None:
                self._put(self.message.answer, rrset, self.name)
                for proof in shown:
                    self._put(self.message.authority, proof)
                is_alias = kind == RdataType.CNAME and self.type != RdataType.CNAME
                return rrset[0].target if is_alias else None
        self._deny([*(denial or []), *self._matching(owner)])
        return None

    def _follow_dname(self, owner: Name) -> Name:
        rrset = self.zone.rrsets[owner, RdataType.DNAME]
        self._put(self.message.answer, rrset)
        target: Name = self.name.relativize(owner).concatenate(rrset[0].target)
        self.message.answer.append(make_rrset(self.name, "CNAME", [target.to_text()]))
        return target

    def _matching(self, name: Name) -> list[dns.rrset.RRset]:
        zone = self.zone
        if zone.key is None:
            return []
        if zone.hashing and zone.hashing.opts_out and not any(h == hash_of(name, zone.hashing) for h, _ in zone.chain):
            encloser = name.parent()
            return [*zone.matching(encloser), *zone.covering(name)]
        return zone.matching(name)

    def _covering(self, name: Name) -> list[dns.rrset.RRset]:
        return [] if self.zone.key is None else self.zone.covering(name)

    def _enclosing(self, name: Name) -> list[dns.rrset.RRset]:
        return [] if self.zone.key is None else self.zone.matching(name)

    def _deny(self, proofs: list[dns.rrset.RRset]) -> None:
        soa = self.zone.rrsets[self.zone.name, RdataType.SOA]
        for rrset in [soa, *proofs]:
            self._put(self.message.authority, rrset)

    def _put(self, section: list[dns.rrset.RRset], rrset: dns.rrset.RRset, owner: Name | None = None) -> None:
        signature = self.zone.signatures.get((rrset.name, rrset.rdtype))
        for found in (rrset, signature):
            if found is None:
                continue
            copy = dns.rrset.from_rdata_list(owner or found.name, found.ttl, list(found))
            if copy not in section:
                section.append(copy)
