"""A message's octets as they were on the wire, for the wrappers around the streaming verifiers.

Signatures are of CRLF line ends. What files hold often has LF instead (a
Maildir, a version control system, a test's sample): where the first line ends
with LF alone, each LF was a CRLF. A message with both kinds stays ambiguous,
and fails as it should. Reception does not come through here: a bare LF has
been refused before.

Raises what the content's storage raises (``OSError``).
"""

from __future__ import annotations

from collections.abc import Iterator

from samotop.content import Content


def iterate_wire(content: bytes | Content) -> Iterator[bytes]:
    """The octets with CRLF line ends, in pieces; one pass."""
    is_bare: bool | None = None
    last = b""
    for chunk in (content,) if isinstance(content, bytes) else content.chunks():
        if is_bare is None:
            at = chunk.find(b"\n")
            if at >= 0:
                is_bare = (chunk[at - 1 : at] if at else last) != b"\r"
            last = chunk[-1:] or last
        yield chunk.replace(b"\n", b"\r\n") if is_bare else chunk
