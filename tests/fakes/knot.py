"""A real name server for tests: knotd (Debian package knot) on a loopback port, with zones of the test's own.

    def test_x(start_knot):
        knot = start_knot({"example.org": {"a.example.org": {"A": ["192.0.2.1"]}}}, signed={"example.org"})
        knot.server                   # a NameServer
        knot.ds_of("example.org")     # its DS records, in presentation format

A zone is a table as ``ZoneResolver`` has it (SOA and NS are added at the apex
where they are missing), or the text of a zone file, which may be signed
already. knotd signs those in ``signed`` itself, by ``policies``. Import the
fixture ``start_knot`` into the test module; servers end with the test.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import dns.exception
import dns.message
import dns.rcode
import pytest

from samotop.dns.rdata import parse_strings
from samotop.net.nameservers import NameServer

Tables = Mapping[str, Mapping[str, Sequence[str]]]

TTL = 300
PATIENCE = 20.0
"""Seconds that knotd has to start; it takes a tenth of one on an idle machine."""


class Knot:
    """One knotd. ``folder`` is its own, and empty."""

    def __init__(
        self,
        program: str,
        folder: Path,
        zones: Mapping[str, Tables | str],
        *,
        signed: Collection[str] = (),
        policies: Mapping[str, str] | None = None,
        keymgr: str = "keymgr",
    ) -> None:
        self._program = program
        self._keymgr = keymgr
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.zones = {apex.removesuffix("."): zone for apex, zone in zones.items()}
        self.signed = {apex.removesuffix(".") for apex in signed}
        self.policies = {"default": "", **(policies or {})}
        """Lines of a policy of knot.conf by the zone that it is for; ``default`` is for the others that are signed."""
        self.port = 0

    @property
    def server(self) -> NameServer:
        return NameServer("127.0.0.1", self.port)

    @property
    def config(self) -> Path:
        return self._folder / "knot.conf"

    def start(self) -> None:
        """Write the files, start the server, and wait until it answers for every zone."""
        for name in ("zones", "db"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        for apex, zone in self.zones.items():
            text = zone if isinstance(zone, str) else format_zone(apex, zone)
            (self._folder / "zones" / _file_of(apex)).write_text(text, encoding="ascii")
        self.port = free_port()
        # A UNIX socket's path must be short, and pytest's folders are not.
        self._runtime = tempfile.TemporaryDirectory(prefix="knot")
        self.config.write_text(self._format_config(), encoding="ascii")
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(self.config)], stdout=log, stderr=log, cwd=self._folder
            )
        self._wait()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
            self._runtime.cleanup()

    def ds_of(self, zone: str) -> list[str]:
        """The DS records that the parent of a zone signed by knotd would have (SHA-256)."""
        run = subprocess.run(
            [self._keymgr, "-c", str(self.config), zone + ".", "ds"],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        lines = [line.partition(" DS ")[2] for line in run.stdout.splitlines()]
        return [line for line in lines if line.split()[2:3] == ["2"]]

    def _format_config(self) -> str:
        lines = [
            "server:",
            f"    rundir: {self._runtime.name}",
            f"    listen: 127.0.0.1@{self.port}",
            "    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1",
            "database:",
            f"    storage: {self._folder / 'db'}",
            "    journal-db-max-size: 16M\n    kasp-db-max-size: 16M\n    timer-db-max-size: 1M",
            "log:\n  - target: stderr\n    any: info",
        ]
        if self.signed:
            lines.append("policy:")
            for name, policy in self.policies.items():
                lines.append(f"  - id: {name}")
                lines += [f"    {line.strip()}" for line in policy.splitlines() if line.strip()]
        lines.append("zone:")
        for apex in self.zones:
            lines += [
                f"  - domain: {apex}.",
                f"    file: {self._folder / 'zones' / _file_of(apex)}",
                "    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\n    semantic-checks: off",
            ]
            if apex in self.signed:
                policy = apex if apex in self.policies else "default"
                lines.append(f"    dnssec-signing: on\n    dnssec-policy: {policy}")
        return "\n".join(lines) + "\n"

    def _wait(self) -> None:
        ends_at = time.monotonic() + PATIENCE
        for apex in self.zones:
            while not self._answers(apex):
                if time.monotonic() > ends_at or (self._process and self._process.poll() is not None):
                    log = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
                    self.stop()
                    raise RuntimeError(f"knotd does not answer for {apex or '.'}:\n{log}")
                time.sleep(0.02)

    def _answers(self, apex: str) -> bool:
        query = dns.message.make_query(apex + ".", "DNSKEY" if apex in self.signed else "SOA", use_edns=0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.5)
            sock.connect(("127.0.0.1", self.port))
            try:
                sock.send(query.to_wire())
                answer = dns.message.from_wire(sock.recv(65535))
            except (OSError, dns.exception.DNSException):
                return False
        return answer.rcode() == dns.rcode.NOERROR and bool(answer.answer)


def _file_of(apex: str) -> str:
    return (apex or "root") + ".zone"


def format_zone(apex: str, tables: Tables) -> str:
    """A zone file. Long strings of TXT records are cut into pieces of 255 octets."""
    tables = {name.removesuffix("."): table for name, table in tables.items()}
    dot = f".{apex}" if apex else ""
    lines = []
    if "SOA" not in tables.get(apex, {}):
        lines.append(f"{apex}. {TTL} IN SOA ns{dot}. hostmaster{dot}. 1 3600 600 86400 {TTL}")
    if "NS" not in tables.get(apex, {}):
        lines.append(f"{apex}. {TTL} IN NS ns{dot}.")
    for name, table in tables.items():
        for kind, texts in table.items():
            for text in texts:
                lines.append(f"{name}. {TTL} IN {kind} {_cut(text) if kind == 'TXT' else text}")
    return "\n".join(lines) + "\n"


def _cut(text: str) -> str:
    pieces: list[str] = []
    for octets in parse_strings(text):
        for start in range(0, max(len(octets), 1), 255):
            pieces.append('"' + "".join(f"\\{octet:03d}" for octet in octets[start : start + 255]) + '"')
    return " ".join(pieces)


def free_port() -> int:
    """A port of 127.0.0.1 that was free just now, for UDP and TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = int(tcp.getsockname()[1])
            with contextlib.suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port


@pytest.fixture
def start_knot(needs: Callable[..., str], tmp_path: Path) -> Iterator[Callable[..., Knot]]:
    """``start_knot(zones, signed=..., policies=...)`` is a running ``Knot``."""
    with contextlib.ExitStack() as stack:
        program, keymgr = needs("knotd", package="knot"), needs("keymgr", package="knot")

        def start(
            zones: Mapping[str, Tables | str],
            *,
            signed: Collection[str] = (),
            policies: Mapping[str, str] | None = None,
        ) -> Knot:
            folder = Path(tempfile.mkdtemp(prefix="knot", dir=tmp_path))
            os.chmod(folder, 0o700)
            knot = Knot(program, folder, zones, signed=signed, policies=policies, keymgr=keymgr)
            stack.callback(knot.stop)
            knot.start()
            return knot

        yield start
