"""Endpoints: what a configuration may name, and what is said of the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.errors import SetupError
from samotop.net.endpoint import Endpoint, Inherited, Stdio, Tcp, Unix, parse_endpoint


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("127.0.0.1:2525", Tcp("127.0.0.1", 2525)),
        ("[::1]:25", Tcp("::1", 25)),
        ("[2001:DB8:0:0::1]:0", Tcp("2001:db8::1", 0)),
        ("localhost:65535", Tcp("localhost", 65535)),
        ("*:25", Tcp("*", 25)),
        ("/run/smtp.sock", Unix("/run/smtp.sock")),
        ("unix:/run/smtp.sock", Unix("/run/smtp.sock")),
        ("/run/with:colon", Unix("/run/with:colon")),
        ("stdio", Stdio()),
        ("systemd", Inherited(None)),
        ("systemd:smtp", Inherited("smtp")),
    ],
)
def test_every_form_has_its_value(text: str, endpoint: Endpoint) -> None:
    """These are the forms that the home's configuration documents."""
    assert parse_endpoint(text) == endpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "25",
        "127.0.0.1",
        ":25",
        "::1:25",
        "[::1]",
        "[localhost]:25",
        "[fe80::1%eth0%]:25:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:٢٥",
        "127.0.0.1:2525 ",
        "two words:25",
        "unix:relative",
        "unix:",
        "/",
        "/run/",
        "/run/a\0b",
        "/" + "x" * 107,
        "systemd:",
        "systemd:a:b",
        "systemd:a b",
        "STDIO",
    ],
)
def test_what_is_no_endpoint_is_refused_with_a_remedy(text: str) -> None:
    """Somebody typed it into a file: he needs to know what would be right."""
    with pytest.raises(SetupError) as caught:
        parse_endpoint(text)
    assert caught.value.remedy


@given(st.text(max_size=120))
def test_any_text_is_an_endpoint_or_a_setup_error(text: str) -> None:
    """And an endpoint's own text reads as itself."""
    try:
        endpoint = parse_endpoint(text)
    except SetupError:
        return
    assert parse_endpoint(str(endpoint)) == endpoint
