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


async def verify(
    content: bytes | Content,
    resolver: Resolver,
    *,
    now: float | datetime | None = None,
    rules: ArcRules = ArcRules(),
) -> ArcResult:
    """Validate the ARC chain of a message, CRLF line ends and all (RFC 8617 §5.2).

    ``now`` decides what has expired: seconds since 1970, a time, or ``None`` for the system's clock.
    Raises nothing but ``OSError`` where the content's storage fails.
    """
    verifier = Verifier(rules)
    for chunk in (content,) if isinstance(content, bytes) else content.chunks():
        verifier.feed(chunk)
    verifier.end()
    answers = {name: await resolver.lookup(name, "TXT") for name in verifier.queries}
    return verifier.finish(answers, seconds_at(now))
