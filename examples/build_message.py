"""Build a message with text, HTML and an attachment: python examples/build_message.py [FILE]"""

import sys
from pathlib import Path

from samotop import Attachment, Message


def main(file: str = __file__) -> None:
    message = Message.build(
        author="Jörg Müller <joerg@example.org>",
        to=["Bob <bob@example.net>", "carol@example.com"],
        bcc="archive@example.org",
        subject="Übersicht für Mai",
        text="Die Zahlen sind im Anhang.\n",
        html='<p>Die Zahlen sind im Anhang. <img src="cid:dot"></p>\n',
        inline=[Attachment(b"GIF89a", "dot.gif", content_id="dot")],
        attachments=[Path(file)],
    )
    print("to", *(recipient.address for recipient in message.envelope.recipients))
    print(message.to_bytes().decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
