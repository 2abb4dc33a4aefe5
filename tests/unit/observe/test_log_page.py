"""docs/log.md names the events that the server logs: all of them, and no others."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
CALL = re.compile(r"log\.(?:info|warning|error)\(\s*\"([a-z_]+)\"", re.DOTALL)
MADE = {
    "certificate_": {"certificate_reloaded", "certificate_failed"},  # from net.tls.Reload
}
STATES = {"deferred", "held", "damaged"}
"""What ``delivery.rounds`` makes of an entry's state."""


def test_the_page_names_each_event_of_the_source_and_no_other() -> None:
    """Somebody who meets a line looks here for it; and who greps for one must not wait for what is never written."""
    found = {event for path in (ROOT / "src/samotop").rglob("*.py") for event in CALL.findall(path.read_text())}
    logged = STATES.union(*(MADE.get(event, {event}) for event in found))
    rows = [line for line in (ROOT / "docs/log.md").read_text().splitlines() if line.startswith("| `")]
    told = {event for row in rows for event in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    assert told == logged
