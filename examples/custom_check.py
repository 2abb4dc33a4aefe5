"""A check of your own: who has no TLS is asked to come back later."""

import asyncio
import sys

from samotop import Accept, Defer, MailFacts, Server, Verdict


def mail(facts: MailFacts) -> Verdict:
    if not facts.peer.is_encrypted and not facts.peer.address.startswith("127."):
        return Defer("Please use STARTTLS", status="4.7.0")
    return Accept()


async def main(listen: str = "127.0.0.1:2525") -> None:
    async with Server(mail=mail, listen=listen) as server:
        print("listening on", *server.addresses, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
