"""Who may be told what became of a message: somebody who is known to have sent it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from samotop.address import NULL_PATH, Address
from samotop.delivery.proof import SenderProof
from samotop.message.authres import AuthenticationResults, MethodResult, Property
from samotop.message.authreswriting import format_results
from samotop.queue.entry import Entry
from tests.fakes.queue import make_entry

PROOF = SenderProof(lambda address: address == "198.51.100.1", lambda domain: domain.lower() == "example.org")


def came(*results: MethodResult, sender: str = "ann@example.net", peer: str = "192.0.2.7", login: str = "") -> Entry:
    """A message from the world, of which this was found out."""
    field = format_results(AuthenticationResults("mx.example.org", 1, results)).decode() if results else ""
    entry = make_entry(1, sender=sender)
    return replace(entry, trace=replace(entry.trace, peer_address=peer, login=login, results=field))


def found(method: str, result: str, *properties: tuple[str, str, str]) -> MethodResult:
    return MethodResult(method, result, properties=tuple(Property(*one) for one in properties))


def spf(result: str, sender: str = "ann@example.net") -> MethodResult:
    return found("spf", result, ("smtp", "mailfrom", sender))


def dkim(result: str, domain: str) -> MethodResult:
    return found("dkim", result, ("header", "d", domain), ("header", "s", "s1"))


def dmarc(result: str, domain: str) -> MethodResult:
    return found("dmarc", result, ("header", "from", domain))


HELO = found("spf", "pass", ("smtp", "helo", "example.net"))


@pytest.mark.parametrize(
    ("entry", "is_proven"),
    [
        (came(), False),
        (came(login="bob"), True),
        (came(peer="198.51.100.1"), True),
        (came(peer=""), False),
        (came(peer="127.0.0.1"), False),
        (came(spf("pass")), True),
        (came(spf("pass", "ann@EXAMPLE.net")), True),
        (came(spf("fail")), False),
        (came(spf("softfail"), dkim("pass", "example.com")), False),
        (came(spf("temperror"), dkim("temperror", "example.net")), False),
        (came(HELO), False),
        (came(spf("none"), dkim("pass", "example.net")), True),
        (came(spf("none"), dkim("fail", "example.net")), False),
        (came(spf("none"), dkim("pass", "mail.example.net")), False),
        (came(spf("none"), dkim("pass", "ample.net")), False),
        (came(spf("none"), dkim("pass", "net")), False),
        (came(spf("none"), dkim("pass", "example.net"), sender="x@bounces.example.net"), True),
        (came(spf("none"), dkim("fail", "example.net"), dkim("pass", "Example.NET")), True),
        (came(spf("none"), dmarc("pass", "example.net")), True),
        (came(spf("none"), dmarc("pass", "example.com")), False),
        (came(spf("none"), dmarc("fail", "example.net")), False),
        (came(spf("pass", "ann@bücher.example"), sender="ann@bücher.example"), True),
    ],
)
def test_from_the_world_only_a_proof_of_the_reverse_path_counts(entry: Entry, is_proven: bool) -> None:
    """SPF for it, or a signature or DMARC of its domain; what proves the author alone proves no sender."""
    assert PROOF.proves(entry) is is_proven


@pytest.mark.parametrize(
    ("entry", "is_proven"),
    [
        (came(peer="", sender="bob@example.org"), True),
        (came(peer="127.0.0.1", sender="bob@EXAMPLE.org"), True),
        (came(peer="::1", sender="bob@example.org"), True),
        (came(spf("fail", "bob@example.org"), sender="bob@example.org"), False),
        (came(spf("pass", "bob@example.org"), sender="bob@example.org"), True),
        (came(spf("fail"), sender="list-bounces@example.org"), True),
        (came(spf("fail"), sender="SRS0=hash=AB=example.net=ann@example.org"), False),
        (came(spf("pass"), sender="SRS0=hash=AB=example.net=ann@example.org"), True),
        (came(sender="SRS0=hash=AB=example.net=ann@example.org", peer="127.0.0.1"), False),
    ],
)
def test_a_reverse_path_of_ours_counts_where_it_is_ours(entry: Entry, is_proven: bool) -> None:
    """From a program on this machine, or put there by ourselves; a rewritten one leads to somebody else."""
    assert PROOF.proves(entry) is is_proven


def test_what_we_wrote_ourselves_is_proven_and_the_null_path_has_no_sender() -> None:
    entry = came()
    assert PROOF.proves(replace(entry, trace=replace(entry.trace, protocol="")))
    assert not PROOF.proves(replace(entry, envelope=replace(entry.envelope, reverse_path=NULL_PATH)))


@pytest.mark.parametrize("results", ["", ":", "nonsense", "Authentication-Results: ;;;\r\n", "A: \udcff; spf=pass\r\n"])
def test_results_that_cannot_be_read_prove_nothing(results: str) -> None:
    """A row from before there were results has none: what it fails of is held, and nobody is told."""
    entry = came()
    assert not PROOF.proves(replace(entry, trace=replace(entry.trace, results=results)))


def test_a_sender_cannot_write_its_own_proof() -> None:
    """Whatever a local part holds, it is a value in our field, and no result."""
    local = 'x" ; dkim=pass header.d=example.net ; y="'
    entry = came(spf("fail", f"{local}@example.net"))
    path = Address(local, "example.net")
    assert not PROOF.proves(replace(entry, envelope=replace(entry.envelope, reverse_path=path)))
