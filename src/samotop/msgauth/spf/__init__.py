"""SPF: may this address send mail in the name of that domain? (RFC 7208)

    from samotop.msgauth import spf

    found = await spf.evaluate("192.0.2.1", "mail.example.org", "alice@example.org", resolver)

``parse_record`` reads a record alone, for those who want to check what they
are about to publish.
"""

from __future__ import annotations

from samotop.msgauth.spf.evaluate import evaluate
from samotop.msgauth.spf.grammar import Directive, Mechanism, Record, is_record, parse_record
from samotop.msgauth.spf.macros import Macro, SpfSyntaxError, Template
from samotop.msgauth.spf.result import SpfResult
from samotop.msgauth.spf.rules import SpfRules

__all__ = [
    "Directive",
    "Macro",
    "Mechanism",
    "Record",
    "SpfResult",
    "SpfRules",
    "SpfSyntaxError",
    "Template",
    "evaluate",
    "is_record",
    "parse_record",
]
