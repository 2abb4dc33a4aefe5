"""Authentication-Results as values (RFC 8601); the code is in ``message.authres``, since delivery needs it too."""

from __future__ import annotations

from samotop.message.authres import (
    AuthenticationResults,
    MethodResult,
    Property,
    ResultsSyntaxError,
    parse_results,
)
from samotop.message.authreswriting import format_results
from samotop.message.claims import claims_to_be

__all__ = [
    "AuthenticationResults",
    "MethodResult",
    "Property",
    "ResultsSyntaxError",
    "claims_to_be",
    "format_results",
    "parse_results",
]
