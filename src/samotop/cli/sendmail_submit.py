"""What ``samotop sendmail`` does with a message: find the server of the home, hand it over, say what it said."""

from __future__ import annotations

import asyncio
import getpass
import socket
import sys
from dataclasses import replace
from typing import Final

from samotop.address import NULL_PATH, Address, ReversePath
from samotop.cli.outcome import AGAIN, DONE, REFUSED
from samotop.cli.place import open_home
from samotop.cli.send_print import PROGRAM_RULES
from samotop.cli.sendmail import Flags
from samotop.cli.sendmail_message import complete_message, find_recipients, read_message, split_header
from samotop.cli.show import clean
from samotop.cli.stored import MESSAGE_LIMIT
from samotop.config.read import load_config
from samotop.config.shapes import Config, Listen
from samotop.content import Content
from samotop.envelope import Envelope, MailParameters, Notify, Recipient, Ret
from samotop.errors import SetupError
from samotop.net.clienttls import TlsDemand
from samotop.net.dial import Place
from samotop.net.endpoint import Tcp, Unix
from samotop.smtp.paths import BadPath, parse_mailbox
from samotop.tlspolicy.levels import Level
from samotop.transport.sending import Outcome
from samotop.transport.smtp.address import SmtpServer, parse_server
from samotop.transport.smtp.sender import SmtpTransport

SUBMIT_SECONDS: Final = 300.0
"""For the server to take one message: it is on this machine."""

_WISHES: Final = {"success": Notify.SUCCESS, "failure": Notify.FAILURE, "delay": Notify.DELAY}
_EVERYWHERE: Final = ("*", "0.0.0.0", "::")
_OURS: Final = ("127.0.0.1", "::1", "localhost")


def submit(flags: Flags) -> int:
    """Send standard input as ``flags`` say. Raises ``SetupError``."""
    server, domain = _find_server(flags)
    octets = sys.stdin.buffer.read(MESSAGE_LIMIT + 1)
    if len(octets) > MESSAGE_LIMIT:
        raise SetupError("this is larger than any message", remedy="send it in parts")
    message = read_message(octets, takes_dot=flags.takes_dot)
    author = Address(getpass.getuser(), domain)
    path: ReversePath = _read_path(flags.sender, domain) if flags.sender is not None else author
    recipients = [_read_address(one, domain) for one in flags.recipients]
    if flags.from_header:
        named = find_recipients(split_header(message)[0])
        recipients += [_complete(one, domain) for one in named if _complete(one, domain) not in recipients]
    if not recipients:
        raise SetupError("the message names no recipient", remedy="write a To field, or name one without -t")
    writer = path if isinstance(path, Address) else author
    message = complete_message(message, writer, flags.name, drops_bcc=flags.from_header)
    envelope = Envelope(path, _with_wishes(recipients, flags.notify), _parameters(flags))
    outcome = asyncio.run(_send(server, envelope, Content.from_bytes(message)))
    return _tell(outcome)


async def _send(server: SmtpServer, envelope: Envelope, content: Content) -> Outcome:
    async with SmtpTransport(server, timeout=SUBMIT_SECONDS, rules=PROGRAM_RULES) as transport:
        return await transport.send(envelope, content)


def _tell(outcome: Outcome) -> int:
    for one in (*outcome.refused, *outcome.deferred):
        print(f"sendmail: {clean(str(one.recipient.address))}: {one.status} {clean(one.text)}", file=sys.stderr)
    if outcome.refused:
        return REFUSED
    return AGAIN if outcome.deferred else DONE


# -- the server --------------------------------------------------------------------------------------


def _find_server(flags: Flags) -> tuple[SmtpServer, str]:
    """Whom to give it to, and the domain of addresses that have none."""
    if flags.server is not None:
        return parse_server(flags.server), socket.gethostname()
    config = load_config(open_home(flags.home))
    places = [place for listen in sorted(config.listeners, key=_is_tcp) if (place := _reach(listen)) is not None]
    if not places:
        raise SetupError(
            "the home's server has no listener that sendmail could use",
            remedy='add a [[listen]] with protocol = "smtp" and address = "127.0.0.1:2525", or name one with --server',
        )
    return SmtpServer(places[0], demand=TlsDemand(Level.NONE), hello=config.hostname), _own_domain(config)


def _is_tcp(listen: Listen) -> bool:
    return isinstance(listen.address, Tcp)


def _reach(listen: Listen) -> Place | None:
    """How this machine reaches a listener, if it takes mail without a login and in the clear."""
    if listen.protocol != "smtp" or listen.tls in ("required", "implicit"):
        return None
    address = listen.address
    if isinstance(address, Unix):
        return address
    if not isinstance(address, Tcp) or not address.port:
        return None
    if address.host in _EVERYWHERE:
        return replace(address, host="::1" if address.host == "::" else "127.0.0.1")
    return address if address.host in _OURS or address.host.startswith("127.") else None


def _own_domain(config: Config) -> str:
    return config.domains[0] if config.domains else config.hostname


# -- the envelope ------------------------------------------------------------------------------------


def _read_path(text: str, domain: str) -> ReversePath:
    return NULL_PATH if text.strip() in ("", "<>") else _read_address(text, domain)


def _read_address(text: str, domain: str) -> Address:
    """An address as programs write one: a bare name belongs to this machine's domain. Raises ``SetupError``."""
    plain = text.strip().removeprefix("<").removesuffix(">")
    try:
        return parse_mailbox((plain if "@" in plain else f"{plain}@{domain}").encode("utf-8", "surrogateescape"))
    except BadPath as error:
        raise SetupError(f'"{clean(text)}" is no address: {error}', remedy='write it like "bob@example.org"') from None


def _complete(address: Address, domain: str) -> Address:
    return address if address.domain else Address(address.local, domain)


def _with_wishes(recipients: list[Address], notify: str | None) -> tuple[Recipient, ...]:
    wish: Notify | None = None
    if notify is not None:
        words = [word.strip().lower() for word in notify.split(",")]
        if words != ["never"] and not all(word in _WISHES for word in words):
            raise SetupError(f'-N "{clean(notify)}" is no wish', remedy="write never, or failure,delay,success")
        wish = Notify.NEVER
        for word in words:
            wish |= _WISHES.get(word, Notify.NEVER)
    return tuple(Recipient(one, wish) for one in recipients)


def _parameters(flags: Flags) -> MailParameters:
    ret: Ret | None = None
    if flags.ret is not None:
        wishes = {"full": Ret.FULL, "hdrs": Ret.HEADERS}
        if flags.ret.lower() not in wishes:
            raise SetupError(f'-R "{clean(flags.ret)}" is no wish', remedy="write full or hdrs")
        ret = wishes[flags.ret.lower()]
    return MailParameters(ret=ret, envelope_id=flags.envelope_id)
