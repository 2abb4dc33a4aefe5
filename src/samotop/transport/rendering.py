"""A message as it lies at its destination: our trace fields, then the content without what passes for ours.

Line ends become LF, but not in a message that was sent as BINARYMIME
(RFC 3030 §3): there they are octets like others. A large content is never in memory whole.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from samotop.envelope import Body
from samotop.message.ends import BareLineEnds
from samotop.message.forged import iterate_genuine, strip_forged
from samotop.message.trace import NO_DISCLOSURE, DisclosureRules, format_trace
from samotop.ports.transport import Handover

SMALL: Final = 128 * 1024
"""Octets up to which a content is rendered in one piece: fewer steps, one write."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """How messages are written down. ``hostname`` names us in Received."""

    hostname: str
    disclosure: DisclosureRules = NO_DISCLOSURE

    def chunks(self, copy: Sequence[Handover]) -> Iterator[bytes]:
        """Yield one message; ``copy`` are its handovers to one place. Raises what reading the content raises."""
        first = copy[0]
        entry = first.entry
        envelope = entry.envelope
        recipients = [handover.recipient.address for handover in copy]
        trace = format_trace(
            entry.trace,
            envelope.reverse_path,
            recipients,
            self.hostname,
            entry.id,
            is_only_recipient=len(envelope.recipients) == 1,
            rules=self.disclosure,
            verdict=first.recipient.verdict,
        )
        keeps_ends = envelope.parameters.body is Body.BINARY
        if entry.size <= SMALL:
            octets = first.content.to_bytes()
            end = octets.find(b"\r\n\r\n") + 2
            if end >= 2 and not octets.startswith(b"\r\n"):
                octets = b"".join((trace, strip_forged(octets[:end], self.hostname, recipients), octets[end:]))
                yield octets if keeps_ends else octets.replace(b"\r\n", b"\n")
                return
        chunks = iterate_genuine(first.content.chunks(), self.hostname, recipients)
        if keeps_ends:
            yield trace
            yield from chunks
            return
        yield trace.replace(b"\r\n", b"\n")
        ends = BareLineEnds()
        for chunk in chunks:
            yield ends.update(chunk)
        yield ends.finish()


def gather_copies(
    handovers: Sequence[Handover], place: Callable[[Handover], Hashable]
) -> list[tuple[list[int], list[Handover]]]:
    """One copy for each entry and place, in order, with the numbers of the handovers it serves."""
    copies: dict[Hashable, tuple[list[int], list[Handover]]] = {}
    for number, handover in enumerate(handovers):
        numbers, copy = copies.setdefault((handover.entry.id, place(handover)), ([], []))
        numbers.append(number)
        copy.append(handover)
    return list(copies.values())
