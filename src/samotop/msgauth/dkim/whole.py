"""The same for a message that is there as a whole: thin wrappers around ``Verifier`` and ``SigningPass``.

A ``Content`` may read a file while it is gone through; on an event loop,
a large one is better fed to ``Verifier`` by whoever receives or reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from samotop.content import Content
from samotop.dns.resolver import Resolver
from samotop.msgauth.dkim.result import DkimResult, DkimRules
from samotop.msgauth.dkim.signer import Signer, SigningPass
from samotop.msgauth.dkim.verifier import Verifier
from samotop.msgauth.present import seconds_at


async def verify(
    content: bytes | Content,
    resolver: Resolver,
    *,
    now: float | datetime | None = None,
    rules: DkimRules = DkimRules(),
) -> list[DkimResult]:
    """Verify the signatures of a message, CRLF line ends and all (RFC 6376 §6); without signatures, ``[]``.

    ``now`` decides what has expired: seconds since 1970, a time, or ``None`` for the system's clock.
    Raises nothing but ``OSError`` where the content's storage fails.
    """
    verifier = Verifier(rules)
    for chunk in _chunks(content):
        verifier.feed(chunk)
    verifier.end()
    answers = {name: await resolver.lookup(name, "TXT") for name in verifier.queries}
    return verifier.finish(answers, seconds_at(now))


def sign(content: bytes | Content, signer: Signer, *, now: float | datetime | None = None) -> bytes:
    """The DKIM-Signature fields to put before ``content``, one for each of the signer's keys (RFC 6376 §5).

    ``now`` becomes ``t=``. Raises ``UnsignableContent``, and ``OSError`` where the content's storage fails.
    """
    signing = SigningPass(signer, seconds_at(now))
    for chunk in _chunks(content):
        signing.feed(chunk)
    return signing.finish()


def _chunks(content: bytes | Content) -> Iterable[bytes]:
    return (content,) if isinstance(content, bytes) else content.chunks()
