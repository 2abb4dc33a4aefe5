"""A directory of messages for other programs: ``ID.eml`` with the message, ``ID.json`` with its envelope.

The envelope's file appears first, so that who waits for an ``.eml`` finds both.
The message has LF line ends (but not one sent as BINARYMIME). An entry whose
``.eml`` is there already is not written again.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from samotop.message.trace import NO_DISCLOSURE, DisclosureRules, format_date
from samotop.net.clock import SystemClock
from samotop.ports.clock import Clock
from samotop.ports.transport import Handover, Outcome
from samotop.transport.disk import Disk
from samotop.transport.filing import Filing, Item
from samotop.transport.outcomes import ALREADY_THERE, DELIVERED, failed
from samotop.transport.rendering import Rendering, gather_copies


class Directory:
    """Implements ``ports.LocalTransport``."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        hostname: str = "",
        disclosure: DisclosureRules = NO_DISCLOSURE,
        clock: Clock | None = None,
        disk: Disk | None = None,
    ) -> None:
        self._path = os.fspath(path)
        self._rendering = Rendering(hostname or socket.gethostname(), disclosure)
        self._disk = disk or Disk()
        self._filing = Filing(self._disk, clock or SystemClock(), self._prepare)
        self._suffix = f".{os.getpid()}"

    def hand_on(self, handovers: Sequence[Handover]) -> list[Outcome]:
        """Write all, envelopes first."""
        outcomes = [DELIVERED] * len(handovers)
        copies = gather_copies(handovers, lambda _: None)
        is_known = all(handover.is_first for handover in handovers)
        try:
            there = set() if is_known else set(self._disk.names(self._path))
            if there:
                self._disk.sync_directory(self._path)  # whoever put them there may have crashed before
        except OSError as unreadable:
            return [failed(unreadable)] * len(handovers)
        fresh = [one for one in copies if f"{one[1][0].entry.id}.eml" not in there]
        for numbers, copy in copies:
            if f"{copy[0].entry.id}.eml" in there:
                for number in numbers:
                    outcomes[number] = ALREADY_THERE
        envelopes = [self._item(copy, "json", partial(_envelope, copy)) for _, copy in fresh]
        faults = self._filing.file_all(envelopes)
        written = [one for one, fault in zip(fresh, faults, strict=True) if fault is None]
        messages = [self._item(copy, "eml", partial(self._rendering.chunks, copy)) for _, copy in written]
        later = iter(self._filing.file_all(messages))
        for (numbers, _), fault in zip(fresh, faults, strict=True):
            last = fault or next(later)
            if last is not None:
                for number in numbers:
                    outcomes[number] = failed(last)
        return outcomes

    def _item(self, copy: list[Handover], kind: str, chunks: Callable[[], Iterable[bytes]]) -> Item:
        name = f"{copy[0].entry.id}.{kind}"
        return Item(f"{self._path}/.{name}{self._suffix}", f"{self._path}/{name}", chunks)

    def _prepare(self, item: Item) -> None:
        self._disk.make_directories([os.path.dirname(item.final)])


def _envelope(copy: list[Handover]) -> list[bytes]:
    entry = copy[0].entry
    trace, parameters = entry.trace, entry.envelope.parameters
    told = {
        "id": entry.id,
        "reverse_path": str(entry.envelope.reverse_path),
        "recipients": [str(handover.recipient.address) for handover in copy],
        "received": format_date(trace.received_at),
        "received_at": trace.received_at,
        "protocol": trace.protocol,
        "hello": trace.hello,
        "peer_address": trace.peer_address,
        "login": trace.login,
        "body": parameters.body.value,
        "is_utf8": parameters.is_utf8,
        "size": entry.size,
    }
    return [json.dumps(told, indent=2).encode("ascii") + b"\n"]
