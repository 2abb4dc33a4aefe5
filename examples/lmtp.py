"""LMTP: one answer per recipient, which may differ (RFC 2033)."""

import asyncio
import sys

from samotop import Accept, ContentFacts, Reject, Server, Verdict


def content(facts: ContentFacts) -> list[Verdict]:
    full = {"bob"}
    return [
        Reject("Mailbox full", status="5.2.2") if recipient.address.local in full else Accept()
        for recipient in facts.envelope.recipients
    ]


async def main(listen: str = "127.0.0.1:2524") -> None:
    async with Server(protocol="lmtp", content=content, listen=listen) as server:
        print("listening on", *server.addresses, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
