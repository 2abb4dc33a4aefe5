"""Name servers as they are written, and as the system names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from samotop.errors import SetupError
from samotop.net.nameservers import (
    FILE_LIMIT,
    NameServer,
    SystemServers,
    parse_name_server,
    parse_system_servers,
    read_system_servers,
)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("127.0.0.1:5353", NameServer("127.0.0.1", 5353)),
        ("192.0.2.1", NameServer("192.0.2.1", 53)),
        (" 192.0.2.1 ", NameServer("192.0.2.1", 53)),
        ("[::1]:53", NameServer("::1", 53)),
        ("[2001:DB8:0::1]", NameServer("2001:db8::1", 53)),
        ("2001:db8::1", NameServer("2001:db8::1", 53)),
        ("[fe80::1%eth0]:53", NameServer("fe80::1%eth0", 53)),
        ("tls://1.1.1.1", NameServer("1.1.1.1", 853, True)),
        ("tls://2001:db8::1", NameServer("2001:db8::1", 853, True)),
        ("tls://[2001:db8::1]:8853", NameServer("2001:db8::1", 8853, True)),
        ("tls://192.0.2.1:853#dns.Example.net", NameServer("192.0.2.1", 853, True, "dns.example.net")),
        ("tls://[::1]#dns.example.net", NameServer("::1", 853, True, "dns.example.net")),
    ],
)
def test_a_server_is_an_address_with_what_goes_with_it(text: str, server: NameServer) -> None:
    assert parse_name_server(text) == server
    assert parse_name_server(str(server)) == server


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dns.example.net",
        "tls://dns.example.net",
        "tls://",
        "192.0.2.1:",
        "192.0.2.1:0",
        "192.0.2.1:65536",
        "192.0.2.1:+53",
        "192.0.2.1:٥٣",
        "192.0.2.1#dns.example.net",
        "tls://192.0.2.1#",
        "tls://192.0.2.1#-a",
        "tls://192.0.2.1#a..b",
        "tls://192.0.2.1#a b",
        "tls://192.0.2.1#" + "a." * 130 + "net",
        "[::1",
        "[192.0.2.1]:53",
        "[::1]53",
        "192.0.2.256",
        "http://192.0.2.1",
        "192.0.2.1/24",
        "*:53",
    ],
)
def test_anything_else_is_refused_with_a_remedy(text: str) -> None:
    """A server's name could only be looked up by asking another server."""
    with pytest.raises(SetupError) as caught:
        parse_name_server(text)
    assert caught.value.remedy


def test_a_certificate_has_the_name_that_was_given_or_else_the_address() -> None:
    """RFC 8310 §8.1; the zone of a link-local address is none of the certificate's."""
    assert parse_name_server("tls://192.0.2.1#dns.example.net").certificate_name == "dns.example.net"
    assert parse_name_server("tls://192.0.2.1").certificate_name == "192.0.2.1"
    assert parse_name_server("tls://[fe80::1%eth0]").certificate_name == "fe80::1"


def test_the_system_names_its_servers() -> None:
    text = """\
# comment
; nameserver 192.0.2.9
domain example.org
nameserver 192.0.2.1
nameserver  2001:db8::1   # ours
nameserver fe80::1%eth0
nameserver 192.0.2.4
options edns0 timeout:3 attempts:4 trust-ad
"""
    assert parse_system_servers(text) == SystemServers(
        (NameServer("192.0.2.1"), NameServer("2001:db8::1"), NameServer("fe80::1%eth0")), 3.0, 4, True
    )


@pytest.mark.parametrize(
    "text", ["", "nameserver\n", "nameserver dns.example.net\n", "nameserverx 192.0.2.1\n", "\0\xff\n"]
)
def test_without_a_server_it_is_the_one_on_loopback(text: str) -> None:
    """As resolv.conf(5) says."""
    assert parse_system_servers(text) == SystemServers((NameServer("127.0.0.1"),), 5.0, 2, False)


@pytest.mark.parametrize(
    ("options", "timeout", "attempts"),
    [
        ("timeout:0 attempts:0", 1.0, 1),
        ("timeout:31 attempts:6", 30.0, 5),
        ("timeout:99999999999999999999 attempts:-1", 30.0, 2),
        ("timeout: attempts:x", 5.0, 2),
    ],
)
def test_options_keep_to_their_bounds(options: str, timeout: float, attempts: int) -> None:
    found = parse_system_servers(f"options {options}\n")
    assert (found.timeout, found.attempts) == (timeout, attempts)


def test_no_file_is_no_error(tmp_path: Path) -> None:
    assert read_system_servers(tmp_path / "absent").servers == (NameServer("127.0.0.1"),)


def test_of_a_large_file_only_the_start_is_read(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 192.0.2.1\n" + "#" * FILE_LIMIT + "\nnameserver 192.0.2.2\n")
    assert read_system_servers(path).servers == (NameServer("192.0.2.1"),)
