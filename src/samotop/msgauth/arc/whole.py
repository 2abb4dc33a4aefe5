"""The same for a message that is there as a whole: a thin wrapper around ``Verifier``.

A ``Content`` may read a file while it is gone through; on an event loop,
a large one is better fed to ``Verifier`` by whoever receives or reads it.
"""

from __future__ import annotations

from datetime import datetime

from samotop.content import Content
from samotop.dns.resolver import Resolver
from samotop.msgauth.arc.result import ArcResult, ArcRules
from samotop.msgauth.arc.verifier import Verifier
from samotop.msgauth.present import seconds_at
from samotop.msgauth.signature.wire import iterate_wire


async def verify(
    content: bytes | Content,
    resolver: Resolver,
    *,
    now: float | datetime | None = None,
    rules: ArcRules = ArcRules(),
) -> ArcResult:
    """Validate the ARC chain of a message (RFC 8617 §5.2).

    Line ends are CRLF, as on the wire, or all of them LF, as in files.
    ``now`` decides what has expired: seconds since 1970, a time, or ``None`` for the system's clock.
    Raises nothing but ``OSError`` where the content's storage fails.
    """
    verifier = Verifier(rules)
    for chunk in iterate_wire(content):
        verifier.feed(chunk)
    verifier.end()
    answers = {name: await resolver.lookup(name, "TXT") for name in verifier.queries}
    return verifier.finish(answers, seconds_at(now))
