"""Deliver to a Maildir: python examples/deliver_to_maildir.py 127.0.0.1:2525 ./mail"""

import asyncio
import sys

from samotop import Server, accept_domains, deliver
from samotop.transport import Maildir


async def main(listen: str = "127.0.0.1:2525", folder: str = "mail") -> None:
    content = deliver(Maildir(folder))
    async with Server(recipient=accept_domains("example.org"), content=content, listen=listen) as server:
        print("listening on", *server.addresses, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
