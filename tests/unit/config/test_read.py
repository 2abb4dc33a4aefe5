"""What a samotop.toml means."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.config.effective import format_config, plain_config
from samotop.config.fault import ConfigRefused
from samotop.config.read import FILE_NAME, load_config, read_config, read_octets
from samotop.config.shapes import Config, Limits
from samotop.errors import SetupError
from samotop.net.endpoint import Stdio, Tcp, Unix
from samotop.reception.rules import Rules as ReceptionRules
from samotop.smtp.rules import Rules

LEAST = 'hostname = "mx.example.org"\ndomains = ["example.org"]\n'

ALL = (
    LEAST
    + """
store = "postgresql://samotop:secret@db.example.org/mail"
workers = 2
postmaster = "alice"

[received]
submitter_hello = true

[[listen]]
protocol = "smtp"
address = "127.0.0.1:2525"
proxy = ["10.0.0.0/8"]

[[listen]]
protocol = "submission"
address = "[::1]:2465"

[[listen]]
protocol = "lmtp"
address = "/run/samotop/lmtp.sock"

[[listen]]
protocol = "imap"
address = "127.0.0.1:2143"

[limits]
size = "10 MB"
recipients = 50
sessions = 100
sessions_per_address = 5
command_timeout = "1m"

[policy]
exempt = ["192.0.2.0/24"]
banner_wait = "2s"

[dns]
servers = ["127.0.0.1:5353", "tls://192.0.2.1#dns.example.net"]
trusted = true

[consent]
unknown = "defer"

[relay]
smarthost = "smtps://user:hush@relay.example.net"
trusted = ["127.0.0.1", "2001:db8::/32"]

[tls]
certificate = "/etc/ssl/mx.pem"
key = "/etc/ssl/mx.key"

[[rewrite]]
match = '(.*)@old\\.example'
to = '\\1@example.org'

[[route]]
match = "lists.example.org"
via = "lmtp:/run/lists.sock"

[[route]]
match = "*@copy.example.org"
via = "journal:copies?size=10MB&age=7d"

[mailbox.alice]
addresses = ["alice@example.org", "a.liddell@example.org"]
smart     = ["alice+*@example.org", "*@alice.example.org"]

[mailbox.catchall]
owner     = "alice"
domains   = ["example.org"]
"""
)


def read(text: str, *, is_root: bool = False) -> Config:
    config, faults = read_config(text, FILE_NAME, is_root=is_root)
    assert faults == []
    assert config is not None
    return config


def test_hostname_and_domains_make_a_safe_server() -> None:
    """No relaying, no login in the clear, loopback alone."""
    config = read(LEAST)
    assert config.relay.trusted == ()
    assert [(one.protocol, str(one.address), one.tls) for one in config.listeners] == [
        ("smtp", "127.0.0.1:2525", "starttls"),
        ("submission", "127.0.0.1:2587", "required"),
    ]
    assert all(one.proxy == () for one in config.listeners)


def test_root_listens_on_the_well_known_ports() -> None:
    config = read(LEAST, is_root=True)
    assert [str(one.address) for one in config.listeners] == ["*:25", "*:587"]


def test_limits_default_to_the_packages_own_rules() -> None:
    """Two places for one number would drift apart."""
    limits, smtp, reception = Limits(), Rules(), ReceptionRules()
    for name in ("size", "recipients", "command_line", "text_line", "header", "errors", "junk_commands", "commands"):
        assert getattr(limits, name) == getattr(smtp, name)
    for name in ("sessions", "sessions_per_address", "command_timeout", "data_timeout", "greeting_timeout"):
        assert getattr(limits, name) == getattr(reception, name)


def test_every_key_of_the_manual_is_read() -> None:
    """Those whose feature comes later as well: a file outlives the release it was written for."""
    config = read(ALL)
    assert config.workers == 2
    assert [one.address for one in config.listeners[:3]] == [
        Tcp("127.0.0.1", 2525),
        Tcp("::1", 2465),
        Unix("/run/samotop/lmtp.sock"),
    ]
    assert (config.limits.size, config.limits.command_timeout) == (10_000_000, 60.0)
    assert config.policy.banner_wait == 2.0
    assert config.dns.trusted
    assert config.postmaster == "alice"
    assert (config.received.submitter_hello, config.received.submitter_address) == (True, False)
    assert config.consent.unknown == "defer"
    assert config.relay.smarthost == "smtps://user:hush@relay.example.net"
    assert config.routes[1].via.size == 10_000_000
    assert [(one.name, one.owner) for one in config.mailboxes] == [("alice", "alice"), ("catchall", "alice")]


@pytest.mark.parametrize(
    ("protocol", "address", "tls"),
    [
        ("smtp", "127.0.0.1:2525", "starttls"),
        ("submission", "127.0.0.1:2587", "required"),
        ("submission", "*:465", "implicit"),
        ("imap", "*:143", "required"),
        ("imap", "*:993", "implicit"),
        ("lmtp", "127.0.0.1:24", "none"),
        ("smtp", "/run/smtp.sock", "none"),
        ("submission", "stdio", "none"),
        ("submission", "systemd", "required"),
    ],
)
def test_silence_about_tls_is_never_a_password_in_the_clear(protocol: str, address: str, tls: str) -> None:
    config = read(f'{LEAST}[[listen]]\nprotocol = "{protocol}"\naddress = "{address}"\n')
    assert config.listeners[0].tls == tls


def test_any_listener_replaces_the_default_ones() -> None:
    config = read(f'{LEAST}[[listen]]\nprotocol = "smtp"\naddress = "stdio"\n', is_root=True)
    assert [one.address for one in config.listeners] == [Stdio()]


def test_a_pattern_inside_another_of_the_same_owner_is_no_fault() -> None:
    text = f'{LEAST}[mailbox.a]\nsmart = ["a*@example.org"]\n[mailbox.b]\nowner = "a"\nsmart = ["a+*@example.org"]\n'
    assert len(read(text).mailboxes) == 2


def test_an_address_inside_anothers_pattern_is_no_fault() -> None:
    """An exact address goes before a pattern: that is how one is taken out of it."""
    text = f'{LEAST}[mailbox.a]\nsmart = ["*@example.org"]\n[mailbox.b]\naddresses = ["b@example.org"]\n'
    assert len(read(text).mailboxes) == 2


@pytest.mark.parametrize("text", [LEAST, ALL])
def test_what_is_printed_reads_back(text: str) -> None:
    """All but the passwords, which are blotted out."""
    config = read(text)
    shown = format_config(config)
    assert "hush" not in shown
    assert "secret" not in shown
    assert read(shown.replace("user:***", "user:hush").replace("samotop:***", "samotop:secret")) == config


def test_json_has_the_names_of_the_file() -> None:
    plain = plain_config(read(ALL))
    assert plain["listen"][0]["address"] == "127.0.0.1:2525"
    assert plain["mailbox"]["catchall"]["owner"] == "alice"


@given(st.text(max_size=60))
def test_any_text_is_a_configuration_or_faults(text: str) -> None:
    """Whatever a file holds, nobody gets a traceback."""
    config, faults = read_config(text, FILE_NAME)
    assert (config is None) == bool(faults)


scalars = st.one_of(
    st.integers(-5, 5), st.booleans(), st.floats(allow_nan=False), st.sampled_from(["", "x", "*", "a@b"])
)
words = st.sampled_from(
    ["hostname", "domains", "listen", "limits", "mailbox", "route", "rewrite", "tls", "owner", "via"]
)


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else repr(value).replace("inf", "inf")


trees = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(words, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(words, trees, max_size=5))
def test_any_value_anywhere_is_read_or_a_fault(tree: dict[str, object]) -> None:
    text = "".join(f"{key} = {_toml(value)}\n" for key, value in tree.items())
    config, faults = read_config(text, FILE_NAME)
    assert (config is None) == bool(faults)


@pytest.mark.slow
def test_ten_thousand_mailboxes_are_read_at_once() -> None:
    """Comparing each pattern with each other would take a minute."""
    text = LEAST + "".join(
        f'[mailbox.u{number}]\naddresses = ["u{number}@example.org"]\nsmart = ["u{number}+*@example.org"]\n'
        for number in range(10_000)
    )
    assert len(read(text).mailboxes) == 10_000


def test_a_home_without_a_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="samotop init"):
        load_config(tmp_path)


def test_all_faults_of_a_file_are_raised_together(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("workers = 0\ncolour = 1\n")
    with pytest.raises(ConfigRefused) as refused:
        load_config(tmp_path)
    assert len(refused.value.faults) == 4
    assert str(tmp_path / FILE_NAME) in str(refused.value)


SECRETIVE = (
    "smtps://user:hush@relay.example.net:2465?name=mx.example.net&minimum=1.3&hello=out.example.org"
    "&source=192.0.2.1&source=2001:db8::1&proxy=socks5%3A%2F%2Fme%3Ahush%40proxy.example.net&roots=ca.pem"
)


@pytest.mark.parametrize(
    "url",
    [
        SECRETIVE,
        "smtp://relay.example.net?tls=encrypted",
        f"smtp://relay.example.net?pin={'0' * 64}",
        "smtp:/run/relay.sock",
        "lmtp:/run/relay.sock",
        "child:/usr/bin/ssh mx sendmail -bs",
    ],
)
def test_a_server_has_every_parameter_that_a_transport_reads(url: str) -> None:
    """One reader serves the configuration and the library: what is written for one works for the other."""
    config = read(f'{LEAST}[relay]\nsmarthost = "{url}"\n')
    assert config.relay.smarthost == url
    assert "hush" not in format_config(config)


def test_a_routes_server_has_them_too() -> None:
    config = read(f'{LEAST}[[route]]\nmatch = "example.net"\nvia = "{SECRETIVE}"\n')
    assert config.routes[0].via.argument == SECRETIVE
    assert "hush" not in format_config(config)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("smpt://u:hush@x", "not the URL of a mail server"),
        ("smtp://u:hush@x?tsl=required", "means nothing to a server"),
        ("smtps://u:hush@x?tls=none", "smtps is TLS"),
        ("smtp://u:hush@x?proxy=http", "no proxy"),
    ],
)
def test_a_servers_mistake_has_its_line_and_a_remedy_and_shows_no_password(url: str, told: str) -> None:
    config, faults = read_octets(f'{LEAST}[relay]\nsmarthost = "{url}"\n'.encode(), "samotop.toml")
    assert config is None
    (fault,) = faults
    assert fault.line > 2 and told in fault.what and fault.remedy
    assert "hush" not in str(fault)


@pytest.mark.parametrize(
    ("address", "tls"),
    [("*:443", "implicit"), ("127.0.0.1:2443", "implicit"), ("127.0.0.1:2080", "none"), ("/run/web.sock", "none")],
)
def test_the_web_is_encrypted_on_its_own_ports(address: str, tls: str) -> None:
    """Elsewhere it is a proxy on this machine that asks."""
    text = (
        f'hostname = "mx.example.org"\ndomains = ["example.org"]\n[[listen]]\nprotocol = "web"\naddress = "{address}"'
    )
    config, faults = read_config(text, "samotop.toml")
    assert config is not None, faults
    assert config.listeners[0].tls == tls
