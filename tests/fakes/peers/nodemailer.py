"""nodemailer from npm, the library that most of what is written in JavaScript sends mail with.

    nodemailer = Nodemailer(needs)
    nodemailer.send({"host": "127.0.0.1", "port": port}, [{"from": ..., "to": ...}])

A small program in tests/e2e/node does as it is told in JSON. tools/peers.sh
has installed the library into .cache/peers/node.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tests.fakes.peers.jail import PEERS
from tests.fakes.serving import CHECKOUT


class Nodemailer:
    """``needs`` is the fixture of that name: without node or the library the test is skipped."""

    def __init__(self, needs: Callable[..., str]) -> None:
        self._node = needs("node", package="nodejs")
        self._modules = PEERS / "node" / "node_modules"
        if not (self._modules / "nodemailer").is_dir():
            pytest.skip("needs nodemailer from npm, installed by tools/peers.sh")

    def send(self, transport: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Send all at once. What nodemailer says of each: ``accepted``, ``rejected``, ``response``, or ``error``."""
        told = json.dumps({"transport": transport, "messages": messages})
        done = subprocess.run(
            [self._node, str(CHECKOUT / "tests" / "e2e" / "node" / "send.cjs")],
            input=told.encode(),
            capture_output=True,
            timeout=60,
            env={**os.environ, "NODE_PATH": str(self._modules)},
        )
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found
