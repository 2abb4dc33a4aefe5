"""Every form of a server's URL as the value that it stands for."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from samotop.errors import SetupError
from samotop.net.children import Child
from samotop.net.clienttls import ClientTlsRules
from samotop.net.dial import Place, Proxy
from samotop.net.endpoint import Tcp, Unix
from samotop.sasl import Credentials
from samotop.tlspolicy.levels import Level
from samotop.transport.smtp.address import PRIVATE_HELLO, parse_server


@pytest.mark.parametrize(
    ("url", "place", "level", "is_implicit"),
    [
        ("smtp://m.example", Tcp("m.example", 25), Level.OPPORTUNISTIC, False),
        ("smtp://m.example?tls=required", Tcp("m.example", 25), Level.VERIFIED, False),
        ("smtp://m.example:2525?tls=encrypted", Tcp("m.example", 2525), Level.ENCRYPTED, False),
        ("smtp://m.example?tls=none", Tcp("m.example", 25), Level.NONE, False),
        ("smtp://me:pw@m.example", Tcp("m.example", 587), Level.VERIFIED, False),
        ("smtp://me:pw@m.example?tls=opportunistic", Tcp("m.example", 587), Level.OPPORTUNISTIC, False),
        ("smtps://m.example", Tcp("m.example", 465), Level.VERIFIED, True),
        ("smtps://m.example?tls=encrypted", Tcp("m.example", 465), Level.ENCRYPTED, True),
        ("smtp://[2001:db8::1]:26", Tcp("2001:db8::1", 26), Level.OPPORTUNISTIC, False),
        ("lmtp://m.example", Tcp("m.example", 24), Level.OPPORTUNISTIC, False),
        ("lmtp:/run/l%20mtp.sock", Unix("/run/l mtp.sock"), Level.OPPORTUNISTIC, False),
        ("smtp:/run/smtp.sock", Unix("/run/smtp.sock"), Level.OPPORTUNISTIC, False),
        ("child:/usr/bin/ssh 'm x' sendmail -bs", Child(("/usr/bin/ssh", "m x", "sendmail", "-bs")), None, False),
    ],
)
def test_where_and_how_strictly(url: str, place: Place, level: Level | None, is_implicit: bool) -> None:
    """Silence about TLS is verified TLS wherever a password goes along."""
    server = parse_server(url)
    assert server.place == place
    assert server.demand.level is (level or Level.OPPORTUNISTIC) and server.demand.is_implicit is is_implicit
    assert server.is_lmtp is url.startswith("lmtp")
    assert server.is_private is not isinstance(place, Tcp)


def test_names_and_passwords_are_percent_encoded() -> None:
    server = parse_server("smtps://me%40example.org:p%2F%40%3A%25s@m.example")
    assert server.credentials == Credentials("me@example.org", "p/@:%s", host="m.example", port=465)


def test_every_parameter_says_its_thing() -> None:
    server = parse_server(
        "smtp://m.example?roots=a.pem&extra_roots=b.der&extra_roots=c.pem&certificate=d.pem&key=e.pem&minimum=1.3"
        "&name=x.example&name=y.example&hello=out.example&source=192.0.2.1&source=2001%3Adb8%3A%3A1"
        "&proxy=socks5%3A%2F%2Fu%3Apw%40p.example&tls=required"
    )
    assert server.tls == ClientTlsRules(
        Path("a.pem"), (Path("b.der"), Path("c.pem")), Path("d.pem"), Path("e.pem"), "", ssl.TLSVersion.TLSv1_3
    )
    assert server.demand.names == ("x.example", "y.example")
    assert (server.hello, server.sources) == ("out.example", ("192.0.2.1", "2001:db8::1"))
    assert server.proxy == Proxy("p.example", 1080, ("u", "pw"))
    assert parse_server("smtp://m.example").hello == PRIVATE_HELLO
    assert parse_server(f"smtp://m.example?pin={'ab' * 32}").demand.pins == {b"\xab" * 32}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("m.example", "not the URL"),
        ("http://m.example", "not the URL"),
        ("smtp://", "no host"),
        ("smtp://m.example:0", "more or less"),
        ("smtp://m.example/hello", "more or less"),
        ("smtps:/run/x", "for hosts"),
        ("lmtp:relative", "absolute"),
        ("child:", "missing"),
        ("child:'x", "quotes"),
        ("smtp://m.example?tls=maybe", "tls is one of"),
        ("smtp://m.example?tls=none&tls=required", "twice"),
        ("smtp://m.example?verify=no", "means nothing"),
        ("smtps://m.example?tls=opportunistic", "smtps is TLS"),
        ("smtp://m.example?minimum=1.1", "1.2 or 1.3"),
        ("smtp://m.example?key=x", "certificate"),
        ("smtp://m.example?pin=xyz", "64 hexadecimal"),
        (f"smtp://m.example?tls=encrypted&pin={'0' * 64}", "required TLS"),
        ("smtp://m.example?source=here", "IP address"),
        ("smtp://[x]", "read|IPv6"),
    ],
)
def test_what_is_no_server_is_told_with_a_remedy(url: str, words: str) -> None:
    with pytest.raises(SetupError, match=words) as caught:
        parse_server(url)
    assert caught.value.remedy
