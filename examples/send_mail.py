"""Send a message: python examples/send_mail.py smtps://mail.example.org TO [NAME PASSWORD-FILE]"""

import asyncio
import sys
from pathlib import Path

from samotop import Message, SmtpTransport
from samotop.sasl import Credentials


def log_in(name: str, password_file: str) -> Credentials:
    return Credentials(name, Path(password_file).read_text().strip())


async def main(url: str, to: str, *login: str) -> None:
    transport = SmtpTransport.from_url(url, credentials=log_in(*login) if login else None)
    message = Message.build(author="Me <me@example.org>", to=to, subject="Hello", text="A first message.\n")
    async with transport:
        outcome = await transport.send(message)
    for one in outcome.recipients:
        word = "accepted" if one.is_accepted else "deferred" if one.is_deferred else "refused"
        print(one.recipient.address, word, one.status, one.text)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
