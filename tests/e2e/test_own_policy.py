"""Our MTA-STS policy as `samotop serve` gives it: over HTTPS and to a proxy, and what `samotop dns records` plans."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.certificates import DAY, Made, make_certificate
from tests.fakes.serving import Home, MakeHome, StartServer, poll
from tests.fakes.talk import Talk

CONFIG = """\
hostname = "mx.example.org"
domains = ["example.org", "example.net"]

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[[listen]]
protocol = "web"
address = "127.0.0.1:0"
tls = "implicit"

[[listen]]
protocol = "web"
address = "127.0.0.1:0"

[reports]
dmarc = false
tls = false

[consent]
unknown = "accept"
"""

NAMES = ("mx.example.org", "mta-sts.example.org", "mta-sts.example.net")


def now() -> float:
    from samotop.net.clock import SystemClock

    return SystemClock().time()


def issue(folder: Path, *names: str) -> tuple[Made, Made]:
    """A certificate of an authority, in files; and the authority."""
    begin, end = now() - DAY, now() + DAY
    root = make_certificate("Root", is_authority=True, begin=begin, end=end)
    leaf = make_certificate(names[0], names=names, issuer=root, begin=begin, end=end)
    folder.mkdir(exist_ok=True)
    leaf.write(folder)
    return leaf, root


def write_root(path: Path, root: Made) -> Path:
    from cryptography.hazmat.primitives.serialization import Encoding

    path.write_bytes(root.certificate.public_bytes(Encoding.PEM))
    return path


@pytest.fixture
def fetch(needs: Callable[..., str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``fetch(domain, address, *options)`` is what curl gets of the domain's policy."""
    curl = needs("curl")

    def run(domain: str, address: str, *options: str, scheme: str = "https") -> subprocess.CompletedProcess[str]:
        port = address.rpartition(":")[2]
        host = f"mta-sts.{domain}"
        words = ["--silent", "--show-error", "--fail", "--max-time", "20", "--resolve", f"{host}:{port}:127.0.0.1"]
        url = f"{scheme}://{host}:{port}/.well-known/mta-sts.txt"
        return subprocess.run([curl, *words, *options, url], capture_output=True, text=True, timeout=30)

    return run


def planned(home: Home, domain: str) -> str:
    told = json.loads(home.run("dns", "records", domain, "--json").stdout)
    policy: str = told["mta_sts_policy"]
    return policy


def test_each_domain_has_the_policy_that_its_records_announce(
    make_home: MakeHome,
    start_server: StartServer,
    fetch: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    """With the certificate of [tls], which names the web's hosts too; a proxy on this machine gets it without TLS."""
    home = make_home(CONFIG)
    _, root = issue(home.path / "tls", *NAMES)
    roots = write_root(tmp_path / "root.pem", root)
    served = start_server(home)
    for domain in ("example.org", "example.net"):
        wanted = planned(home, domain)
        assert "mode: enforce" in wanted
        assert fetch(domain, served.address("web"), "--cacert", str(roots)).stdout.replace("\n", "\r\n") == wanted
        plain = fetch(domain, served.address("web", 1), "--include", scheme="http").stdout
        assert plain.endswith(wanted.replace("\r\n", "\n"))
        assert "Content-Type: text/plain\n" in plain
    assert fetch("example.com", served.address("web", 1), scheme="http").returncode == 22, "404"
    assert fetch("example.org", served.address("web")).returncode == 60, "curl does not know the authority"
    with Talk(served.address()) as talk:
        assert "STARTTLS" in talk.ehlo()


def test_with_a_certificate_of_an_authority_the_policy_is_enforced(
    make_home: MakeHome, start_server: StartServer, fetch: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Without a restart, as the certificate itself; and the records say the same at each moment."""
    home = make_home(CONFIG)
    served = start_server(home)
    address = served.address("web", 1)

    def look() -> str:
        return fetch("example.org", address, scheme="http").stdout.replace("\n", "\r\n")

    first = look()
    assert "mode: testing" in first
    assert first == planned(home, "example.org")
    issue(home.path / "tls", *NAMES)
    second = poll(lambda: found if "mode: enforce" in (found := look()) else "")
    assert second == planned(home, "example.org")


def test_the_web_may_have_a_certificate_of_its_own(
    make_home: MakeHome,
    start_server: StartServer,
    fetch: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    """Who gets one certificate for each name need not have them put together. The mail's stays as it is."""
    own = '[mta_sts]\nmode = "testing"\nmax_age = "1d"\ncertificate = "web/certificate.pem"\nkey = "web/key.pem"\n'
    home = make_home(CONFIG + own)
    _, root = issue(home.path / "web", "mta-sts.example.org")
    served = start_server(home)
    found = fetch("example.org", served.address("web"), "--cacert", str(write_root(tmp_path / "root.pem", root)))
    assert found.stdout.splitlines() == ["version: STSv1", "mode: testing", "mx: mx.example.org", "max_age: 86400"]
    assert found.stdout.replace("\n", "\r\n") == planned(home, "example.org")


def test_several_workers_share_the_web(
    make_home: MakeHome, start_server: StartServer, fetch: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    from tests.fakes.serving import ReservedPort

    smtp, encrypted, plain = ReservedPort(), ReservedPort(), ReservedPort()
    text = "workers = 2\n" + CONFIG
    for port in (smtp, encrypted, plain):
        text = text.replace("127.0.0.1:0", f"127.0.0.1:{port.number}", 1)
    served = start_server(make_home(text))
    for _ in range(10):
        assert "mode: testing" in fetch("example.org", f"127.0.0.1:{plain.number}", scheme="http").stdout
    assert len(served.workers()) == 2
    for port in (smtp, encrypted, plain):
        port.close()
