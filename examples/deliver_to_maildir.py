"""Deliver to Maildirs below a folder: python examples/deliver_to_maildir.py 127.0.0.1:2525 ./mail"""

import asyncio
import sys

from samotop.transport.maildir import Maildirs

from samotop import Server, accept_domains, deliver


async def main(listen: str = "127.0.0.1:2525", folder: str = "mail") -> None:
    content = deliver(Maildirs(folder), mailbox=lambda facts, n: facts.envelope.recipients[n].address.local)
    async with Server(recipient=accept_domains("example.org"), content=content, listen=listen) as server:
        print("listening on", *server.addresses, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
