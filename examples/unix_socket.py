"""Listen on a UNIX socket: python examples/unix_socket.py ./mail.sock"""

import asyncio
import sys
from pathlib import Path

from samotop import ContentFacts, Server


def content(facts: ContentFacts) -> None:
    print("took", facts.content.size, "octets", flush=True)


async def main(path: str = "./mail.sock") -> None:
    async with Server(content=content, listen=str(Path(path).absolute())) as server:
        print("listening on", *server.addresses, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
