"""What an evaluation may spend (RFC 7208 §4.6.4)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpfRules:
    """The defaults are the RFC's, and nothing but the void look-ups is meant to be changed."""

    lookups: int = 10
    """Terms that ask DNS, of all records together."""
    void_lookups: int = 2
    """Terms to whose questions there are no records."""
    hosts: int = 10
    """Exchangers of one ``mx``, beyond which the record is in error."""
    names: int = 10
    """Names of the peer's address that ``ptr`` and ``%{p}`` look at; more are ignored."""
    explains: bool = True
    """Whether ``exp=`` is looked up where the result is fail. It costs a question or two and changes no result."""
