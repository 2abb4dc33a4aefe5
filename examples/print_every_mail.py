"""Print every mail that comes in: python examples/print_every_mail.py"""

import asyncio
import sys

from samotop import ContentFacts, Server


def content(facts: ContentFacts) -> None:
    print(f"from <{facts.envelope.reverse_path}> to", *(r.address for r in facts.envelope.recipients))
    print(facts.content.to_bytes().decode("utf-8", "replace").replace("\r\n", "\n"), flush=True)


async def main(listen: str = "127.0.0.1:2525") -> None:
    async with Server(content=content, listen=listen) as server:
        print("listening on", *server.addresses, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
