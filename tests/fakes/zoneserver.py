"""A name server in a thread of its own, for verbs that run an event loop themselves: UDP on loopback, from a table.

    with ZoneServer({"example.org": {"MX": ["10 mx.example.org."]}}) as server:
        main(["dns", "check", "example.org", "--server", server.address])

It is authoritative for the zones named and refuses to answer about others, as
a real one does. ``zones`` may be changed while it runs. tests/e2e/test_dns.py
plays the same against knotd.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType

import dns.flags
import dns.message
import dns.rcode
import dns.rdata
import dns.rdatatype

Zones = dict[str, dict[str, Sequence[str]]]


class ZoneServer:
    """``zones`` maps names to types to record data; ``origins`` are the zones that it knows, by default all names."""

    def __init__(self, zones: Mapping[str, Mapping[str, Sequence[str]]], origins: Sequence[str] = ()) -> None:
        self.zones: Zones = {name: dict(table) for name, table in zones.items()}
        self.origins = list(origins)
        self.is_silent = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> ZoneServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            octets, peer = self._socket.recvfrom(4096)
            if not octets:
                return
            if not self.is_silent:
                self._socket.sendto(self._answer(dns.message.from_wire(octets)), peer)

    def _answer(self, query: dns.message.Message) -> bytes:
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        if self.origins and not any(name == zone or name.endswith(f".{zone}") for zone in self.origins):
            reply.set_rcode(dns.rcode.REFUSED)
            return reply.to_wire()
        table = self.zones.get(name)
        if table is None and not any(other.endswith(f".{name}") for other in self.zones):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        for data in (table or {}).get(dns.rdatatype.to_text(question.rdtype), ()):
            reply.find_rrset(reply.answer, question.name, question.rdclass, question.rdtype, create=True).update_ttl(
                300
            )
            reply.answer[0].add(dns.rdata.from_text(question.rdclass, question.rdtype, data))
        return reply.to_wire(max_size=4096)
