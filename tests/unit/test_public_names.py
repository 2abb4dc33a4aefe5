"""The names that ``samotop`` promises to keep: none goes away by accident, and each that is told of is there."""

from __future__ import annotations

from importlib import import_module

import samotop


def test_the_public_names_are_these() -> None:
    assert {
        "NULL_PATH",
        "Accept",
        "Action",
        "Address",
        "Attachment",
        "ConnectionFacts",
        "Content",
        "ContentFacts",
        "Defer",
        "Envelope",
        "HelloFacts",
        "Hold",
        "MailFacts",
        "Message",
        "Part",
        "Peer",
        "Recipient",
        "RecipientFacts",
        "Reject",
        "Reply",
        "Server",
        "Tls",
        "Verdict",
        "accept_domains",
        "deliver",
    } <= set(samotop.__all__)


def test_every_public_name_is_there() -> None:
    """Each loads, none is told twice."""
    for name in samotop.__all__:
        assert getattr(samotop, name) is not None
    assert len(samotop.__all__) == len(set(samotop.__all__))


def test_the_names_of_the_message_package_are_there() -> None:
    package = import_module("samotop.message")
    for name in package.__all__:
        assert getattr(package, name) is not None
