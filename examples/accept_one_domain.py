"""Take mail for one domain, refuse everybody else's with 550 5.7.1."""

import asyncio
import sys

from samotop import ContentFacts, Server, accept_domains


def content(facts: ContentFacts) -> None:
    print("took", facts.content.size, "octets", flush=True)


async def main(listen: str = "127.0.0.1:2525") -> None:
    async with Server(recipient=accept_domains("example.org"), content=content, listen=listen) as server:
        print("listening on", *server.addresses, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
