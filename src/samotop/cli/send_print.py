"""What ``samotop send`` does: read the message, send it, print each recipient's outcome for people or programs."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from samotop.address import NULL_PATH, Address, ReversePath
from samotop.cli.outcome import AGAIN, DONE, REFUSED
from samotop.cli.paint import Paint, Progress, choose_paint
from samotop.cli.passwords import read_password
from samotop.cli.show import clean, print_json
from samotop.cli.stored import read_stored
from samotop.content import Content
from samotop.envelope import Envelope, Recipient
from samotop.errors import SetupError
from samotop.smtp.client import ClientRules, LineEnds
from samotop.smtp.paths import BadPath, parse_mailbox
from samotop.transport.sending import Outcome, RecipientOutcome
from samotop.transport.smtp.address import SmtpServer, parse_server
from samotop.transport.smtp.opening import TLS_FAILED
from samotop.transport.smtp.sender import SmtpTransport

PROGRAM_RULES = ClientRules(line_ends=LineEnds.NORMALIZE)
"""What a person or program hands us may have any line ends; what we send has CRLF."""

TLS_HINT: Final = (
    "  If you know this server, write at the end of its URL ?roots=FILE to believe the authorities in FILE,\n"
    "  ?name=NAME to take a certificate for NAME, or ?tls=encrypted for any certificate at all (docs/sending.md)."
)
"""For who tries a server of their own, whose certificate nobody has signed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for on the command line."""

    server: str
    sender: str
    recipients: Sequence[str]
    password_file: str | None = None
    allows_plaintext_login: bool = False
    hello: str | None = None
    timeout: float = 900.0
    is_verbose: bool = False

    @property
    def tell(self) -> Callable[[str], None] | None:
        """Where the dialogue goes."""
        return partial(print, file=sys.stderr) if self.is_verbose else None


def send_and_print(wanted: Wanted, file: str, *, json: bool) -> int:
    """Send the message in ``file``. Raises ``SetupError``."""
    server = find_server(wanted, reads_message=file == "-")
    envelope = make_envelope(wanted.sender, wanted.recipients)
    content = Content.from_bytes(read_stored(file))
    progress = Progress("sending octet")
    outcome = asyncio.run(_send(server, envelope, content, wanted, progress))
    if json:
        print_json(plain_outcome(outcome))
    else:
        print("\n".join(format_outcome(outcome, choose_paint())))
    return exit_status(outcome)


async def _send(
    server: SmtpServer, envelope: Envelope, content: Content, wanted: Wanted, progress: Progress
) -> Outcome:
    async with SmtpTransport(server, timeout=wanted.timeout, rules=PROGRAM_RULES, tell=wanted.tell) as transport:
        return await transport.send(envelope, content, progress=progress.advance)


def find_server(wanted: Wanted, *, reads_message: bool) -> SmtpServer:
    """The server with the password that was kept out of the command line."""
    server = parse_server(wanted.server)
    if wanted.hello is not None:
        server = replace(server, hello=wanted.hello)
    credentials = server.credentials
    if credentials is not None and not credentials.password:
        server = replace(server, credentials=replace(credentials, password=_password(wanted, reads_message)))
    elif credentials is None and wanted.password_file is not None:
        raise SetupError("there is a password, and no user in the URL", remedy='write "smtps://user@host"')
    return replace(server, allows_plaintext_login=wanted.allows_plaintext_login)


def _password(wanted: Wanted, reads_message: bool) -> str:
    if wanted.password_file is not None:
        if wanted.password_file == "-" and reads_message:
            raise SetupError(
                "standard input cannot be both the message and the password", remedy="name a file for one of them"
            )
        return read_password(wanted.password_file, "the server")
    if not sys.stdin.isatty():
        raise SetupError("the user in the URL has no password", remedy="name a file with --password-file")
    return getpass.getpass("Password: ")


def make_envelope(sender: str, recipients: Sequence[str]) -> Envelope:
    """From addresses as they are typed. Raises ``SetupError``."""
    path: ReversePath = NULL_PATH if sender in ("", "<>") else _address(sender)
    return Envelope(path, tuple(Recipient(_address(one)) for one in recipients))


def _address(text: str) -> Address:
    try:
        return parse_mailbox(text.removeprefix("<").removesuffix(">").encode("utf-8", "surrogateescape"))
    except BadPath as error:
        raise SetupError(f'"{clean(text)}" is no address: {error}', remedy='write it like "bob@example.org"') from None


def exit_status(outcome: Outcome) -> int:
    if outcome.is_accepted:
        return DONE
    return REFUSED if outcome.refused else AGAIN


def plain_outcome(outcome: Outcome) -> dict[str, Any]:
    """For programs."""
    return {
        "tls": outcome.tls.version if outcome.tls is not None else None,
        "recipients": [
            {
                "recipient": str(one.recipient.address),
                "outcome": _word(one),
                "status": str(one.status),
                "code": one.reply.code if one.reply is not None else None,
                "text": one.text,
                "stage": one.stage.value,
                "queue_id": one.queue_id or None,
                "is_uncertain": one.is_uncertain,
            }
            for one in outcome.recipients
        ],
    }


def format_outcome(outcome: Outcome, paint: Paint) -> list[str]:
    """For people: a line for each recipient, and how it travelled."""
    colours = {"accepted": paint.good, "deferred": paint.doubtful, "refused": paint.bad}
    lines = []
    for one in outcome.recipients:
        word = colours[_word(one)](_word(one))
        lines.append(f"{clean(str(one.recipient.address))}  {word}  {one.status} {clean(one.text)}".rstrip())
    if any(one.status == TLS_FAILED for one in outcome.recipients):
        lines.append(TLS_HINT)
    if outcome.accepted:
        lines.append(
            paint.faint(f"sent with {outcome.tls.version}" if outcome.tls is not None else "sent in the clear")
        )
    return lines


def _word(one: RecipientOutcome) -> str:
    if one.is_accepted:
        return "accepted"
    return "refused" if one.is_refused else "deferred"
