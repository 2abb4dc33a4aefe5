"""A real validating resolver for tests: unbound (Debian package unbound) on a loopback port, over a server of ours.

    def test_x(start_knot, start_unbound):
        unbound = start_unbound(knot.server, anchor=[". IN DS 1234 13 2 AB..."])
        unbound.server                      # a NameServer
        unbound.judge("example.org", "MX")  # (Status, Security) as unbound sees it

The root zone, and so every other, is asked of that one server; ``zones`` names
those whose delegations unbound must not follow to port 53, all that have
others below them. Nothing else is asked, nothing is written outside of the
test's folder. Import the fixture ``start_unbound`` into the test module; it
ends with the test.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import pytest

from samotop.dns.answer import Security, Status
from samotop.net.nameservers import NameServer
from tests.fakes.knot import free_port

PATIENCE = 20.0
"""Seconds that unbound has to start; it takes a tenth of one on an idle machine."""

CONFIG = """\
server:
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: "{folder}/pid"
    use-syslog: no
    logfile: "{folder}/log"
    interface: 127.0.0.1
    port: {port}
    do-ip6: no
    do-not-query-localhost: no
    access-control: 127.0.0.0/8 allow
    num-threads: 1
    msg-cache-size: 1m
    rrset-cache-size: 1m
    root-hints: ""
    module-config: "validator iterator"
    trust-anchor-file: "{folder}/anchor"
    aggressive-nsec: no
    qname-minimisation: no
    harden-algo-downgrade: no
    val-log-level: 2
    max-udp-size: 4096
    local-zone: "test." nodefault
    trust-anchor-signaling: no
    root-key-sentinel: no
remote-control:
    control-enable: no
"""

STUB = """\
stub-zone:
    name: "{zone}."
    stub-addr: {address}@{port}
    stub-prime: no
    stub-no-cache: no
"""


class Unbound:
    """One unbound. ``folder`` is its own, and empty."""

    def __init__(
        self, program: str, folder: Path, upstream: NameServer, anchor: Sequence[str], zones: Sequence[str] = ("",)
    ) -> None:
        self._program = program
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._upstream = upstream
        self._anchor = anchor
        self._zones = zones
        self.port = 0

    @property
    def server(self) -> NameServer:
        return NameServer("127.0.0.1", self.port)

    def start(self) -> None:
        """Write the files, start the program, and wait until it answers."""
        self.port = free_port()
        config = CONFIG.format(folder=self._folder, port=self.port)
        for zone in self._zones:
            config += STUB.format(zone=zone, address=self._upstream.address, port=self._upstream.port)
        (self._folder / "anchor").write_text("".join(f"{line}\n" for line in self._anchor), encoding="ascii")
        (self._folder / "unbound.conf").write_text(config, encoding="ascii")
        with (self._folder / "errors").open("wb") as errors:
            self._process = subprocess.Popen(
                [self._program, "-d", "-c", str(self._folder / "unbound.conf")],
                stdout=errors,
                stderr=errors,
                cwd=self._folder,
            )
        ends_at = time.monotonic() + PATIENCE
        while not self._answers():
            if time.monotonic() > ends_at or self._process.poll() is not None:
                self.stop()
                raise RuntimeError(f"unbound does not answer:\n{self.log()}")
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def log(self) -> str:
        """What it has written so far: with its reason for each verdict of bogus."""
        texts = []
        for name in ("errors", "log"):
            with contextlib.suppress(FileNotFoundError):
                texts.append((self._folder / name).read_text(encoding="utf-8", errors="replace"))
        return "\n".join(texts)

    def ask(self, name: str, type: str, *, checks: bool = True) -> dns.message.Message:
        """Its answer, with AD if it is secure. Without ``checks`` it does not judge (CD)."""
        flags = dns.flags.RD | dns.flags.AD | (0 if checks else dns.flags.CD)
        query = dns.message.make_query(name + ".", type, use_edns=0, flags=flags, want_dnssec=True)
        with socket.create_connection(("127.0.0.1", self.port), 10) as sock:
            octets = query.to_wire()
            sock.sendall(len(octets).to_bytes(2, "big") + octets)
            with sock.makefile("rb") as stream:
                return dns.message.from_wire(stream.read(int.from_bytes(stream.read(2), "big")))

    def judge(self, name: str, type: str) -> tuple[Status, Security]:
        """Its verdict in our words: a failure that goes away when it is told not to judge is bogus."""
        message = self.ask(name, type)
        code = message.rcode()
        if code == dns.rcode.SERVFAIL:
            is_bogus = self.ask(name, type, checks=False).rcode() != dns.rcode.SERVFAIL
            return Status.SERVFAIL, Security.BOGUS if is_bogus else Security.INDETERMINATE
        security = Security.SECURE if message.flags & dns.flags.AD else Security.INSECURE
        if code == dns.rcode.NXDOMAIN:
            return Status.NXDOMAIN, security
        assert code == dns.rcode.NOERROR, dns.rcode.to_text(code)
        kinds = {rrset.rdtype for rrset in message.answer}
        return (Status.OK if message.question[0].rdtype in kinds else Status.NODATA), security

    def _answers(self) -> bool:
        try:
            return self.ask("", "SOA", checks=False).rcode() == dns.rcode.NOERROR
        except (OSError, EOFError, dns.exception.DNSException):
            return False


@pytest.fixture
def start_unbound(needs: Callable[..., str], tmp_path: Path) -> Iterator[Callable[..., Unbound]]:
    """``start_unbound(upstream, anchor=[...])`` is a running ``Unbound``."""
    with contextlib.ExitStack() as stack:
        program = needs("unbound", package="unbound")

        def start(upstream: NameServer, *, anchor: Sequence[str], zones: Sequence[str] = ("",)) -> Unbound:
            folder = Path(tempfile.mkdtemp(prefix="unbound", dir=tmp_path))
            os.chmod(folder, 0o700)
            unbound = Unbound(program, folder, upstream, anchor, zones)
            stack.callback(unbound.stop)
            unbound.start()
            return unbound

        yield start
