"""What proves an identity: aligned domains and nothing else; the network only where nothing does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from samotop.address import Address
from samotop.consent.contact import Binding, bind
from samotop.consent.evidence import Evidence, gather_evidence
from samotop.consent.identity import Identity, IdentityKind, find_identities, find_list_id, parse_identity
from samotop.message.mailboxes import Mailbox
from samotop.msgauth.authentication import Authentication
from samotop.msgauth.author import Author, find_author
from samotop.msgauth.dkim import DkimResult
from samotop.msgauth.dmarc import DmarcResult
from samotop.msgauth.dmarc.record import parse_record
from samotop.msgauth.iprev import IprevResult
from samotop.msgauth.results import Result
from samotop.msgauth.spf import SpfResult
from samotop.peer import Peer, Tls

PEER = Peer("192.0.2.7", 1, Tls("TLSv1.3", "X"))
BOB = Author((Mailbox("Bob", Address("Bob", "mail.example.net")),), ("mail.example.net",))
DMARC = DmarcResult(Result.PASS, organizational_domain="example.net")


def signature(domain: str, result: Result = Result.PASS, *, weak: bool = False, secure: bool = False) -> DkimResult:
    return DkimResult(result, domain, is_weak=weak, is_secure=secure, key_digest=f"key of {domain}")


def spf(domain: str, result: Result = Result.PASS) -> SpfResult:
    return SpfResult(result, domain, "mailfrom", f"x@{domain}")


def gather(**found: object) -> Evidence:
    return gather_evidence(Authentication(author=BOB, dmarc=DMARC, **found), PEER)  # type: ignore[arg-type]  # by case


@pytest.mark.parametrize("domain", ["example.net", "mail.example.net", "other.example.net"])
def test_a_signature_of_the_authors_organization_proves_it(domain: str) -> None:
    found = gather(dkim=(signature(domain, secure=True),))
    assert (found.domain, found.methods, found.is_secure) == ("example.net", ("dkim",), True)
    assert found.keys == {f"key of {domain}"}


@pytest.mark.parametrize(
    "one",
    [
        signature("example.com"),
        signature("notexample.net"),
        signature("net"),
        signature("example.net", Result.FAIL),
        signature("example.net", weak=True),
    ],
)
def test_no_other_signature_does(one: DkimResult) -> None:
    assert not gather(dkim=(one,)).is_proven


def test_spf_proves_it_where_it_is_aligned() -> None:
    assert gather(spf=spf("example.net")).methods == ("spf",)
    assert not gather(spf=spf("sender.example")).is_proven
    assert not gather(spf=spf("example.net", Result.SOFTFAIL)).is_proven


def test_without_a_policy_record_the_authors_own_domain_counts() -> None:
    found = gather_evidence(Authentication(author=BOB, dkim=(signature("mail.example.net"),)), PEER)
    assert found.domain == "mail.example.net"


def test_without_an_author_nothing_is_proven() -> None:
    nobody = Author(reason="2 From fields")
    found = gather_evidence(Authentication(author=nobody, dkim=(signature("example.net"),)), PEER)
    assert (found.domain, found.signers) == ("", ("example.net",))


def test_the_network_is_what_is_left() -> None:
    found = gather(iprev=IprevResult(Result.PASS, "mx.example.net"))
    assert (found.network, found.reverse_name, found.is_encrypted) == ("192.0.2.0/24", "mx.example.net", True)
    assert gather_evidence(None, Peer("2001:db8:1:2:3::4")).network == "2001:db8:1:2::/64"
    assert gather_evidence(None, Peer()).network == ""


def test_an_approval_binds_to_the_best_that_is_there() -> None:
    bob = parse_identity("bob@example.net")
    proven = Evidence("example.net", ("dkim",), ("example.net",), frozenset({"k"}), network="192.0.2.0/24")
    assert bind(bob, proven) == Binding("example.net")
    assert bind(bob, proven, pins_key=True) == Binding("example.net", "k")
    assert bind(bob, Evidence(network="192.0.2.0/24")) == Binding(network="192.0.2.0/24")
    friends = Identity(IdentityKind.LIST, "friends.lists.example")
    assert bind(friends, Evidence(signers=("other.example", "lists.example"))) == Binding("lists.example")


class TestIdentities:
    def test_the_list_comes_before_the_address_before_the_domain(self) -> None:
        header = b"List-Id: Friends <Friends.Lists.Example>\r\nFrom: Bob <Bob@Example.NET>\r\n\r\n"
        found = find_identities(find_author(header), header)
        assert [str(one) for one in found] == ["list:friends.lists.example", "bob@example.net", "example.net"]

    @pytest.mark.parametrize("header", [b"", b"From: a@x.example\r\nFrom: b@x.example\r\n"])
    def test_without_one_author_there_is_nobody(self, header: bytes) -> None:
        assert find_identities(find_author(header), header) == ()

    def test_two_authors_are_their_domain(self) -> None:
        header = b"From: a@x.example, b@x.example\r\n"
        assert [str(one) for one in find_identities(find_author(header), header)] == ["x.example"]

    @pytest.mark.parametrize(("value", "name"), [
        (b"<a.example>", "a.example"), (b"a.example", "a.example"), (b'"A <b>" <A.example>\r\n', "a.example"),
        (b"some words", ""), (b"<a b>", ""), (b"", ""),
    ])  # fmt: skip
    def test_a_list_is_named_by_its_identifier(self, value: bytes, name: str) -> None:
        assert find_list_id(b"List-Id: " + value + b"\r\n\r\n") == name

    def test_two_list_fields_name_none(self) -> None:
        assert find_list_id(b"List-Id: <a.example>\r\nList-Id: <b.example>\r\n\r\n") == ""


@pytest.mark.parametrize("found", [{"dkim": (signature("evil.example.net"),)}, {"spf": spf("evil.example.net")}])
def test_what_the_domain_does_not_call_its_own_proves_nothing(found: dict[str, Any]) -> None:
    """Strict alignment and psd= (RFC 9989 §4.10.2) say that hosts below it are others'; DMARC has heard it."""
    record = parse_record(b"v=DMARC1; p=none; adkim=s; aspf=s")
    failed = DmarcResult(Result.FAIL, organizational_domain="example.net", record=record)
    assert not gather_evidence(Authentication(author=BOB, dmarc=failed, **found), PEER).is_proven
    passed = replace(failed, result=Result.PASS, aligned=("dkim", "spf"))
    assert gather_evidence(Authentication(author=BOB, dmarc=passed, **found), PEER).is_proven
