"""The example on the package's page, as it stands there."""

from __future__ import annotations

import textwrap

import samotop.smtp.client
from samotop.address import Address
from samotop.content import Content
from samotop.envelope import Envelope, Recipient
from tests.fakes.smtp_pair import Server


def test_the_example_sends_a_message() -> None:
    """What is shown to people runs."""
    page = samotop.smtp.client.__doc__ or ""
    code = page.partition("values.\n\n")[2].partition("\n\nAfter")[0]
    assert code.startswith("    client, chunks =")
    server = Server()
    replies = [server.feed(b"")]

    def write(octets: bytes) -> None:
        if octets:
            replies.append(server.feed(octets))

    def read(timeout: float | None) -> bytes:
        assert timeout
        octets = b"".join(replies)
        replies.clear()
        return octets

    content = Content.from_chunks((b"Subject: hi\r\n\r\n", b".hello\r\n"))
    names = {
        **vars(samotop.smtp.client),
        "content": content,
        "envelope": Envelope(Address("a", "example.net"), (Recipient(Address("b", "example.org")),)),
        "write": write,
        "read": read,
    }
    exec(textwrap.dedent(code), names)
    assert server.contents == [content.to_bytes()]
    assert names["result"].is_accepted
