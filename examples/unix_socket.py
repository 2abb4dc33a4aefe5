"""Listen on a UNIX socket: python examples/unix_socket.py ./mail.sock"""

import asyncio
import os
import sys

from samotop import ContentFacts, Server


def content(facts: ContentFacts) -> None:
    print("took", facts.content.size, "octets", flush=True)


async def main(path: str) -> None:
    async with Server(content=content, listen=path) as server:
        print("listening on", *server.addresses, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(os.path.abspath(sys.argv[1] if sys.argv[1:] else "mail.sock")))
