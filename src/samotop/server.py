"""A mail server in any asyncio program, with the program's own callables.

    async with Server(content=keep, listen="127.0.0.1:2525") as server:
        print(server.addresses)

Each stage takes a callable ``(facts) -> verdict``, or one that returns an
awaitable of it; ``None`` accepts. Without a ``spool`` nothing is kept: a 250
means that the ``content`` callable has returned without refusing, so what it
wants durable it must have made durable (``parts.deliver`` does).

Parameters that cannot work raise ``SetupError`` at once, listening errors when
it is started, with what to do about them. An exception of a callable is told by
``logging.getLogger("samotop")`` where no ``log`` is named (``observe.program``).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from samotop.dns.resolver import Resolver
from samotop.errors import SetupError
from samotop.facts import ConnectionFacts, Decide, DecideContent, HelloFacts, MailFacts, RecipientFacts
from samotop.net.clock import SystemClock
from samotop.net.endpoint import parse_endpoint
from samotop.net.listen import BACKLOG, open_listener
from samotop.net.listen import Listener as OpenListener
from samotop.net.networks import parse_networks
from samotop.net.tls import ServerTls, TlsFiles
from samotop.observe.program import ProgramLog
from samotop.ports import Clock, Spool
from samotop.ports.inquiry import Inquirer
from samotop.reception.context import Context, Log, Logins
from samotop.reception.gate import Gate
from samotop.reception.listener import AnswerVerb, Listener, TlsProvider
from samotop.reception.rules import Rules
from samotop.reception.service import Reception
from samotop.reception.stages import Stages
from samotop.smtp.rules import Rules as SmtpRules

if TYPE_CHECKING:
    from samotop.reception.inquiry import ResolverInquirer
    from samotop.store.memory import MemorySpool

PROTOCOLS: Final = ("smtp", "submission", "lmtp")
TLS_MODES: Final = ("none", "starttls", "required", "implicit")


class Server:
    """An SMTP or LMTP server. Use it with ``async with``, or call ``start`` and ``stop``.

    ``listen`` is one address or several (``host:port``, a UNIX socket's path,
    ``stdio``); port 0 takes a free one, see ``addresses``. ``tls`` are the
    certificate's files, or anything with a ``context``; with it, ``tls_mode``
    is starttls, required or implicit. ``logins`` says who may log in. With a
    ``resolver``, who writes is found out while the message arrives, and the
    ``content`` stage has it in ``facts.authentication``.
    ``verbs`` maps new verbs to callables ``(VerbFacts) -> Reply``.
    """

    def __init__(
        self,
        *,
        connection: Decide[ConnectionFacts] | None = None,
        hello: Decide[HelloFacts] | None = None,
        mail: Decide[MailFacts] | None = None,
        recipient: Decide[RecipientFacts] | None = None,
        content: DecideContent | None = None,
        listen: str | Sequence[str] = "127.0.0.1:2525",
        hostname: str | None = None,
        protocol: str = "smtp",
        tls: TlsFiles | TlsProvider | None = None,
        tls_mode: str = "starttls",
        logins: Logins | None = None,
        requires_login: bool = False,
        allows_plaintext_login: bool = False,
        proxy: Sequence[str] = (),
        resolver: Resolver | None = None,
        verbs: Mapping[str, AnswerVerb] | None = None,
        spool: Spool | None = None,
        smtp: SmtpRules = SmtpRules(),
        rules: Rules = Rules(),
        clock: Clock | None = None,
        log: Log | logging.Logger | None = None,
    ) -> None:
        stages = {"connection": connection, "hello": hello, "mail": mail, "recipient": recipient, "content": content}
        _check_callables(stages, verbs or {})
        _check_word("protocol", protocol, PROTOCOLS)
        _check_word("tls_mode", tls_mode, TLS_MODES)
        self._stages = Stages(connection, hello, mail, recipient, content)
        self._endpoints = [parse_endpoint(text) for text in ([listen] if isinstance(listen, str) else listen)]
        self._hostname = hostname or socket.gethostname()
        self._tls = tls
        self._logins = logins
        self._resolver = resolver
        self._spool = spool
        self._rules = rules
        self._clock = clock or SystemClock()
        self._log = _as_log(log)
        self._listener = Listener(
            protocol=protocol,
            tls=tls_mode if tls is not None else "none",
            proxy=parse_networks(proxy),
            smtp=smtp,
            verbs={verb.upper(): answer for verb, answer in (verbs or {}).items()},
            keywords={verb.upper(): verb.upper() for verb in verbs or {}},
            requires_login=requires_login,
            allows_plaintext_login=allows_plaintext_login,
            name=protocol,
        )
        self._open: list[OpenListener] = []
        self._reception: Reception | None = None
        self._passing: MemorySpool | None = None
        self._inquirer: ResolverInquirer | None = None

    @property
    def addresses(self) -> list[str]:
        """Where it listens, with the ports that were really taken."""
        return [address for listener in self._open for address in listener.addresses]

    @property
    def port(self) -> int:
        """The port of the first TCP listener; 0 if there is none."""
        for address in self.addresses:
            port = address.rpartition(":")[2]
            if port.isdigit():
                return int(port)
        return 0

    async def start(self) -> None:
        """Begin to listen. Raises ``SetupError``."""
        loop = asyncio.get_running_loop()
        tls = ServerTls(self._tls, self._clock) if isinstance(self._tls, TlsFiles) else self._tls
        context = Context(
            hostname=self._hostname,
            loop=loop,
            clock=self._clock,
            spool=self._spool or self._pass_through(),
            stages=self._stages,
            rules=self._rules,
            gate=Gate(self._rules.sessions, self._rules.sessions_per_address),
            tls=tls,
            logins=self._logins,
            log=self._log,
            inquirer=self._inquire(loop),
        )
        self._reception = Reception(context)
        self._reception.start()
        try:
            for endpoint in self._endpoints:
                factory = self._reception.factory(self._listener)
                self._open.append(await open_listener(endpoint, factory, backlog=BACKLOG))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop listening, let transactions that are under way finish, close the rest."""
        for listener in self._open:
            listener.close()
        if self._reception is not None:
            await self._reception.stop()
        for listener in self._open:
            await listener.wait_closed()
        self._open.clear()
        if self._passing is not None:
            self._passing.close()
            self._passing = None
        if self._inquirer is not None:
            self._inquirer.close()
            self._inquirer = None

    def _inquire(self, loop: asyncio.AbstractEventLoop) -> Inquirer | None:
        if self._resolver is None:
            return None
        from samotop.reception.inquiry import ResolverInquirer  # loads cryptography: not everybody needs it

        self._inquirer = ResolverInquirer(self._resolver, loop, self._clock, self._hostname)
        return self._inquirer

    def _pass_through(self) -> Spool:
        from samotop.store.memory import MemorySpool  # loads the sealer: programs with a spool do not need it

        self._passing = MemorySpool(self._clock)
        return self._passing

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def _check_callables(stages: Mapping[str, object], verbs: Mapping[str, object]) -> None:
    for name, decide in stages.items():
        if decide is not None and not callable(decide):
            raise SetupError(f"{name} is no callable", remedy="give a function (facts) -> verdict, or leave it out")
    for verb, answer in verbs.items():
        if not callable(answer):
            raise SetupError(f"the verb {verb} has no callable", remedy="give a function (VerbFacts) -> Reply")


def _check_word(name: str, word: str, words: Sequence[str]) -> None:
    if word not in words:
        raise SetupError(f'there is no {name} "{word}"', remedy=f"it is one of {', '.join(words)}")


def _as_log(log: Log | logging.Logger | None) -> Log:
    if log is None or isinstance(log, logging.Logger):
        return ProgramLog(log)
    if all(callable(getattr(log, name, None)) for name in ("debug", "info", "error")):
        return log
    raise SetupError(
        "log has no debug, info and error, each taking an event and fields by name",
        remedy='leave it out: mistakes go to logging.getLogger("samotop"); or give a logging.Logger',
    )
