"""Several processes: what they cannot share."""

from __future__ import annotations

import pytest

from samotop.config.read import read_config
from samotop.config.shapes import Config, Listen, Route
from samotop.errors import SetupError
from samotop.net.endpoint import parse_endpoint
from samotop.routing.via import parse_via
from samotop.workers import check_workers


def made(address: str = "127.0.0.1:2525", via: str = "discard", *, workers: int = 2) -> Config:
    return Config(
        hostname="mx.example.org",
        domains=("example.org",),
        workers=workers,
        listeners=(Listen(protocol="smtp", address=parse_endpoint(address)),),
        routes=(Route(match="*", via=parse_via(via)),),
    )


@pytest.mark.parametrize(
    ("address", "via"),
    [("stdio", "discard"), ("systemd", "discard"), ("127.0.0.1:0", "discard"), ("127.0.0.1:2525", "console")],
)
def test_what_several_processes_cannot_share_is_refused(address: str, via: str) -> None:
    """Each would have a port of its own; and their standard output is a pipe that nobody reads."""
    with pytest.raises(SetupError) as refused:
        check_workers(made(address, via))
    assert refused.value.remedy
    check_workers(made(address, via, workers=1))
    check_workers(made())


def test_the_configuration_refuses_the_same() -> None:
    """So that `samotop check` tells it with its line."""
    text = 'hostname = "mx.example.org"\ndomains = ["example.org"]\n[[listen]]\nprotocol = "smtp"\naddress = "*:0"\n'
    text += '[[route]]\nmatch = "*"\nvia = "console"\n'
    assert read_config(text, "f")[1] == []
    assert [fault.line for fault in read_config("workers = 2\n" + text, "f")[1]] == [6, 9]
