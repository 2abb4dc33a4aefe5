"""What the relay is made of: the configuration, the keys and the stores in its own terms."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from samotop.address import Address
from samotop.config.shapes import Config
from samotop.content import Content
from samotop.delivery.compose import RelayParts
from samotop.delivery.proof import SenderProof
from samotop.msgauth import dkim
from samotop.msgauth.author import find_author
from samotop.net.fetch import HttpsFetcher
from samotop.net.networks import in_networks
from samotop.queue.entry import Entry
from samotop.routing.router import Router
from samotop.store.database import Database
from samotop.store.keys import DkimKeys
from samotop.store.policies import SqlitePolicies
from samotop.terms import disclosure_rules


def sign_mail(keys: DkimKeys, domain: str, mail: bytes | Content) -> bytes:
    """The signature fields for mail by an author of ``domain``; none where it has no keys. Reads files."""
    pair = keys.signing(domain)
    if pair is None:
        return b""
    found = tuple(dkim.SigningKey(key.selector, dkim.parse_private_key(key.pem)) for key in pair.keys)
    try:
        return dkim.sign(mail, dkim.Signer(domain, found))
    except dkim.UnsignableContent:  # its header is none: what nobody can read needs no signature
        return b""


def sender_proof(config: Config, router: Router) -> SenderProof:
    """Who may be told what became of a message."""
    return SenderProof(partial(in_networks, networks=config.relay.trusted), router.is_ours)


def relay_parts(config: Config, home: Path, database: Database, router: Router) -> RelayParts:
    """What the relay is made of, from the configuration, the keys and the store."""
    keys, domain = DkimKeys(home), config.domains[0]

    def sign(entry: Entry, content: Content) -> bytes:
        path = entry.envelope.reverse_path
        own = find_author(content.header).domain or (path.domain if isinstance(path, Address) else "")
        return sign_mail(keys, own, content) if own in config.domains else b""

    return RelayParts(
        hostname=config.hostname,
        author=Address("postmaster", domain),
        sign=sign,
        sign_own=partial(sign_mail, keys, domain),
        disclosure=disclosure_rules(config),
        rewrite=router.rewrite,
        smarthost=config.relay.smarthost,
        port=config.relay.port,
        policies=SqlitePolicies(database),
        fetcher=HttpsFetcher,
        roots=home / config.relay.roots if config.relay.roots else None,
        may_tell=sender_proof(config, router).proves,
    )
