"""Who wrote this? python examples/authenticate.py message.eml 192.0.2.25 mx.example.net bob@example.net"""

import asyncio
import sys
from pathlib import Path

from samotop import open_resolver
from samotop.msgauth import arc, dkim, dmarc, spf
from samotop.msgauth.author import find_author


async def tell(content: bytes, ip: str, hello: str, reverse_path: str, *servers: str) -> None:
    async with open_resolver(*servers, trusted=bool(servers)) as resolver:  # believed if named, else validated here
        sender = await spf.evaluate(ip, hello, reverse_path, resolver)
        signatures = await dkim.verify(content, resolver)
        chain = await arc.verify(content, resolver)
        result = await dmarc.evaluate_author(find_author(content), sender, signatures, resolver)
    print("spf", sender.result, sender.domain)
    for one in signatures:
        print("dkim", one.result, one.domain)
    print("arc", chain.result)
    print("dmarc", result.result, result.domain, f"(asks for {result.disposition})")


if __name__ == "__main__":
    octets = Path(sys.argv[1]).read_bytes()
    wire = octets if b"\r\n" in octets else octets.replace(b"\n", b"\r\n")  # a Maildir keeps LF, CRLF was signed
    asyncio.run(tell(wire, *sys.argv[2:]))
