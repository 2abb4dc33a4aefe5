"""Who may vouch for whom: each thing that makes a chain not worth believing, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

import samotop.tlspolicy.chain as chain_module
from samotop.dns.records import Tlsa
from samotop.msgauth.results import Result
from samotop.tlspolicy.chain import CHAIN_LIMIT, ChainFault, Trust, find_path, match_name, parse_chain, parse_key
from samotop.tlspolicy.dane import verify_chain
from samotop.tlspolicy.levels import Failure
from samotop.tlspolicy.tlsa import select_usable, take_public_key
from tests.fakes.certificates import DAY, NOW, Made, make_certificate

NAME = "mx.example.org"


def check(chain: Sequence[Made], root: Made, names: Sequence[str] = (NAME,), now: float = NOW) -> str:
    """ "", or the word for the fault; the same whether a TLSA record or the public trusts the root."""
    digest = root.tlsa(2, 0, 1).split()[3]
    octets = [made.der for made in chain]
    verdict = verify_chain([*octets, root.der], [Tlsa(2, 0, 1, bytes.fromhex(digest))], names, now)
    try:
        Trust([root.der]).check(octets, names, now)
    except ChainFault as fault:
        assert verdict.failure == fault.failure
        return str(fault.failure)
    assert verdict.result is Result.PASS, verdict
    return ""


@pytest.fixture(scope="module")
def root() -> Made:
    return make_certificate("Root", is_authority=True)


def test_a_chain_that_is_right(root: Made) -> None:
    middle = make_certificate("Middle", issuer=root, is_authority=True, path_length=0)
    assert check([make_certificate(NAME, issuer=middle), middle], root) == ""
    assert check([make_certificate(NAME, issuer=root)], root) == ""


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()])
def test_a_key_alone_may_be_the_authority(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> None:
    """DANE-TA with the whole key in DNS: no certificate of it need be anywhere (RFC 7672 §3.1.2)."""
    root = make_certificate("Root", is_authority=True, key=key)
    leaf = make_certificate(NAME, issuer=root)
    record, wrong = Tlsa(2, 1, 0, root.key_der), Tlsa(2, 1, 0, make_certificate("Other").key_der)
    assert verify_chain([leaf.der], [record], [NAME], NOW).result is Result.PASS
    assert verify_chain([leaf.der], [wrong], [NAME], NOW).failure is Failure.UNTRUSTED
    assert verify_chain([leaf.der], [record], ["a.example"], NOW).failure is Failure.NAME


def test_disorder_is_forgiven(root: Made) -> None:
    middle = make_certificate("Middle", issuer=root, is_authority=True)
    low = make_certificate("Low", issuer=middle, is_authority=True)
    leaf, stray = make_certificate(NAME, issuer=low), make_certificate("Stray", is_authority=True)
    assert check([leaf, stray, middle, low], root) == ""


def test_a_forged_signature_is_found(root: Made) -> None:
    """The impostor has the name of the authority and not its key."""
    impostor = make_certificate("Root", is_authority=True)
    assert check([make_certificate(NAME, issuer=impostor)], root) == Failure.UNTRUSTED


def test_an_issuer_must_be_an_authority(root: Made) -> None:
    server = make_certificate("server.example", issuer=root)
    assert check([make_certificate(NAME, issuer=server), server], root) == Failure.UNTRUSTED


def test_an_authority_may_not_be_allowed_to_sign(root: Made) -> None:
    middle = make_certificate("Middle", issuer=root, is_authority=True, may_sign=False)
    assert check([make_certificate(NAME, issuer=middle), middle], root) == Failure.UNTRUSTED


def test_a_path_has_its_length(root: Made) -> None:
    middle = make_certificate("Middle", issuer=root, is_authority=True, path_length=0)
    low = make_certificate("Low", issuer=middle, is_authority=True)
    assert check([make_certificate(NAME, issuer=low), low, middle], root) == Failure.UNTRUSTED


def test_every_certificate_of_the_path_must_be_valid(root: Made) -> None:
    late = make_certificate("Middle", issuer=root, is_authority=True, end=NOW - DAY)
    assert check([make_certificate(NAME, issuer=late), late], root) == Failure.EXPIRED


def test_a_certificate_must_be_for_servers(root: Made) -> None:
    client = make_certificate(NAME, issuer=root, purposes=[ExtendedKeyUsageOID.CLIENT_AUTH])
    anything = make_certificate(NAME, issuer=root, purposes=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    silent = make_certificate(NAME, issuer=root, purposes=None)
    assert check([client], root) == Failure.UNTRUSTED
    assert check([anything], root) == check([silent], root) == ""


def test_a_critical_extension_that_is_not_known_is_obeyed_by_refusing(root: Made) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    assert check([make_certificate(NAME, issuer=root, extensions=[(unknown, True)])], root) == Failure.UNTRUSTED
    assert check([make_certificate(NAME, issuer=root, extensions=[(unknown, False)])], root) == ""


@pytest.mark.parametrize(
    ("permitted", "excluded", "fault"),
    [
        (["example.org"], None, ""),
        (["example.com"], None, Failure.UNTRUSTED),
        (None, ["example.org"], Failure.UNTRUSTED),
        (None, ["other.example.org"], ""),
        (["example.com", "example.org"], ["b.example.org"], ""),
    ],
)
def test_an_authority_may_be_bound_to_names(
    permitted: list[str] | None, excluded: list[str] | None, fault: str
) -> None:
    trees = [[x509.DNSName(name) for name in names] if names else None for names in (permitted, excluded)]
    limits = x509.NameConstraints(*trees)
    root = make_certificate("Root", is_authority=True)
    middle = make_certificate("Middle", issuer=root, is_authority=True, extensions=[(limits, True)])
    assert check([make_certificate(NAME, issuer=middle), middle], root) == fault


def test_many_names_under_many_constraints_cost_a_look_each(root: Made) -> None:
    """Both come from whoever made the chain: a thousand times a thousand comparisons would be felt."""
    trees = [x509.DNSName(f"t{number}.example") for number in range(1500)]
    limits = x509.NameConstraints([*trees, x509.DNSName("example.org")], None)
    middle = make_certificate("Middle", issuer=root, is_authority=True, extensions=[(limits, True)])
    names = [NAME, *(f"{number}.example.org" for number in range(1500))]
    calls = 0

    class Counted(frozenset[str]):
        def __contains__(self, item: object) -> bool:
            nonlocal calls
            calls += 1
            return super().__contains__(item)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain_module, "_trees_of", lambda found, make=chain_module._trees_of: Counted(make(found)))
        leaf = make_certificate(NAME, issuer=middle, names=names)
        digest = bytes.fromhex(root.tlsa(2, 0, 1).split()[3])
        chain = [leaf.der, middle.der, root.der]
        assert verify_chain(chain, [Tlsa(2, 0, 1, digest)], [NAME], NOW).result is Result.PASS
    assert calls < 10 * len(names)


def test_a_common_name_counts_where_there_is_no_other_and_dane_vouches(root: Made) -> None:
    """RFC 7672 §3.2.3 lets it; public authorities have not issued such certificates for years."""
    leaf = make_certificate(NAME, issuer=root, names=[])
    digest = bytes.fromhex(root.tlsa(2, 0, 1).split()[3])
    assert verify_chain([leaf.der, root.der], [Tlsa(2, 0, 1, digest)], [NAME], NOW).result is Result.PASS
    with pytest.raises(ChainFault):
        Trust([root.der]).check([leaf.der], [NAME], NOW)
    other = make_certificate(NAME, issuer=root, names=["a.example"])
    assert verify_chain([other.der, root.der], [Tlsa(2, 0, 1, digest)], [NAME], NOW).failure is Failure.NAME


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("mx.example.org", "mx.example.org", True),
        ("MX.Example.ORG", "mx.example.org.", True),
        ("*.example.org", "mx.example.org", True),
        ("*.example.org", "a.mx.example.org", False),
        ("*.example.org", "example.org", False),
        ("m*.example.org", "mx.example.org", False),
        ("*x.example.org", "mx.example.org", False),
        ("*.org", "example.org", False),
        ("*", "org", False),
        ("mx.*.org", "mx.example.org", False),
        ("*.xn--bcher-kva.example", "mx.bücher.example", True),
        ("a..b", "a..b", False),
        ("", "", True),
    ],
)
def test_an_asterisk_is_one_whole_label(pattern: str, name: str, expected: bool) -> None:
    if not pattern:
        assert not match_name("*.", name)
    else:
        assert match_name(pattern, name) is expected


def test_a_certificate_for_a_wildcard_is_for_the_host(root: Made) -> None:
    assert check([make_certificate("*.example.org", issuer=root)], root) == ""
    assert check([make_certificate("*.example.org", issuer=root)], root, ["a.b.example.org"]) == Failure.NAME


def test_roots_that_cannot_be_read_are_left_out(root: Made) -> None:
    Trust([b"", b"junk", root.der]).check([make_certificate(NAME, issuer=root).der], [NAME], NOW)
    with pytest.raises(ChainFault):
        Trust([b"junk"]).check([make_certificate(NAME, issuer=root).der], [NAME], NOW)


def test_a_long_chain_costs_no_more_than_its_limit() -> None:
    """Each certificate says that the next has issued it; a server may send thousands."""
    makers = [make_certificate(f"A{number % 3}", is_authority=True) for number in range(6)]
    links = parse_chain([makers[number % 6].der for number in range(1000)])
    assert len(links) == CHAIN_LIMIT
    assert len(find_path(links)) <= CHAIN_LIMIT


def test_the_key_is_taken_out_octet_for_octet() -> None:
    for key in (rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate(), None):
        made = make_certificate("a.example", key=key)
        assert take_public_key(made.der) == made.key_der
        assert parse_key(made.key_der) is not None
    assert parse_key(b"junk") is None


def test_no_cut_certificate_gives_a_key_or_breaks() -> None:
    der = make_certificate("a.example").der
    for size in range(len(der)):
        with pytest.raises(ValueError):
            take_public_key(der[:size])
    with pytest.raises(ValueError):
        take_public_key(der + b"\0")


def test_many_records_cost_one_look_each() -> None:
    """A TLSA answer has at most some thousand records; all of them are looked at once, and the digest is the work."""
    many = [Tlsa(3, 1, 1, number.to_bytes(32, "big")) for number in range(2000)]
    assert len(select_usable(many * 2)) == 2000
    own = make_certificate("a.example")
    assert verify_chain([own.der], many, [], NOW).failure is Failure.UNTRUSTED


def test_files_of_the_maker_load(tmp_path: Path) -> None:
    """The maker of certificates is a fake that other tests trust."""
    import ssl

    root = make_certificate("Root", is_authority=True)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*make_certificate("a.example", issuer=root).write(tmp_path))


def test_a_signature_by_a_digest_that_can_be_forged_is_none(root: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made as SHA-256, which is what the library still makes, and taken for what it was."""
    leaf = make_certificate(NAME, issuer=root)
    assert check([leaf], root) == ""
    monkeypatch.setattr(chain_module, "_WEAK", (hashes.SHA256,))
    assert check([leaf], root) == Failure.UNTRUSTED
