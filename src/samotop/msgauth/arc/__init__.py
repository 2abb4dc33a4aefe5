"""ARC: what servers on the way found out before they changed a message (RFC 8617). Validated here, never sealed.

    result = await arc.verify(content, resolver)
    sealed = find_trusted(result, {"lists.example.org"})    # what that list's server found, or None

``Verifier`` does the same for a message that is still arriving: sans-IO, in
one pass, with flat memory.
"""

from __future__ import annotations

from samotop.msgauth.arc.result import ArcResult, ArcRules, ArcSet
from samotop.msgauth.arc.trust import find_trusted, iterate_trusted
from samotop.msgauth.arc.verifier import Verifier
from samotop.msgauth.arc.whole import verify

__all__ = ["ArcResult", "ArcRules", "ArcSet", "Verifier", "find_trusted", "iterate_trusted", "verify"]
