"""What the network's tests share: both event loops, certificates, a session that records."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from samotop.net.certificates import TlsFiles

Run = Callable[[Coroutine[Any, Any, Any]], Any]

TIMEOUT = 20.0
"""Seconds for one test's dialogue: never waited for, unless something hangs."""


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine on either loop; what the loop complains of fails the test."""
    make = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def run_one(coroutine: Coroutine[Any, Any, Any]) -> Any:
        faults: list[dict[str, Any]] = []

        async def watched() -> Any:
            asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context))
            return await asyncio.wait_for(coroutine, TIMEOUT)

        with asyncio.Runner(loop_factory=make) as runner:
            outcome = runner.run(watched())
        assert faults == []
        return outcome

    return run_one


class MovableClock:
    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@dataclass(frozen=True)
class Authority:
    """A certificate authority that clients of the test trust."""

    ca: trustme.CA

    def issue(self, directory: Path, name: str = "mx.example.org") -> TlsFiles:
        """Put a new certificate for ``name`` and its key into ``directory``."""
        made = self.ca.issue_cert(name)
        files = TlsFiles(directory / "certificate.pem", directory / "key.pem")
        made.private_key_pem.write_to_path(files.key)
        files.certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        return files

    def client(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        return context


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority(trustme.CA())
