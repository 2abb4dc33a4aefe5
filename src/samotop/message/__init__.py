"""Messages as octets: header fields, trace fields, line ends (RFC 5322, RFC 5321 §4.4).

Nothing here decodes what need not be decoded, and nothing needs a message
whole in memory.
"""

from __future__ import annotations

from samotop.message.ends import BareLineEnds
from samotop.message.header import Field, iterate_fields, split_fields
from samotop.message.trace import DisclosureRules, format_date, format_trace, is_forged, iterate_genuine, strip_forged

__all__ = [
    "BareLineEnds",
    "DisclosureRules",
    "Field",
    "format_date",
    "format_trace",
    "is_forged",
    "iterate_fields",
    "iterate_genuine",
    "split_fields",
    "strip_forged",
]
